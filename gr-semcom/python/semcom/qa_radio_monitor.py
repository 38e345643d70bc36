# SPDX-License-Identifier: GPL-3.0-or-later

import unittest
from unittest import mock

import pmt
from gnuradio.semcom import radio_monitor
from gnuradio.semcom.pdus import make_dict
from qa_support import post, running, wait_until


def event(*codes: str) -> pmt.pmt_base:
    """As gr-uhd's USRP Sink makes them."""
    listed = pmt.PMT_NIL
    for code in codes:
        listed = pmt.list_add(listed, pmt.intern(code))
    return pmt.cons(pmt.intern("uhd_async_msg"), make_dict(event_code=listed, channel=pmt.from_uint64(0)))


class qa_radio_monitor(unittest.TestCase):
    def test_events_are_counted_by_kind(self) -> None:
        monitor = radio_monitor(period_s=0)
        with running(monitor, "counts") as tap:
            for codes in (["burst_ack"], ["underflow", "burst_ack"], ["underflow_in_packet"], ["time_error"]):
                post(monitor, "async", event(*codes))
            post(monitor, "async", event("seq_error", "seq_error_in_burst"))
            last = pmt.to_python(tap.wait(5)[-1])
        self.assertEqual(last, {"bursts": 2, "underflows": 2, "late": 1, "sequence_errors": 2})
        self.assertEqual(vars(monitor.counts()), last)
        self.assertEqual(monitor.counts().drops, 5)

    def test_a_warning_is_of_losses_alone_and_the_last_is_not_kept_back(self) -> None:
        monitor = radio_monitor(period_s=1000)
        monitor.logger = mock.Mock()
        with running(monitor, "counts"):
            post(monitor, "async", event("burst_ack"))
            wait_until(lambda: monitor.counts().bursts == 1)
            self.assertEqual(monitor.logger.warn.call_count, 0)
            for _ in range(3):
                post(monitor, "async", event("underflow"))
            wait_until(lambda: monitor.counts().underflows == 3)
            self.assertEqual(monitor.logger.warn.call_count, 1)
        self.assertEqual(monitor.logger.warn.call_count, 2)
        self.assertIn("3 underflows (U)", monitor.logger.warn.call_args.args[0])

    def test_other_messages_are_dropped(self) -> None:
        monitor = radio_monitor(period_s=0)
        strangers = [pmt.PMT_NIL, make_dict(event_code=1), pmt.cons(pmt.intern("uhd_async_msg"), pmt.PMT_NIL)]
        strangers.append(pmt.cons(pmt.intern("uhd_async_msg"), make_dict(event_code=pmt.cons(pmt.PMT_T, pmt.PMT_NIL))))
        with running(monitor, "counts"):
            for message in strangers:
                post(monitor, "async", message)
            post(monitor, "async", event("an event that is new"))
            post(monitor, "async", event("burst_ack"))
            wait_until(lambda: monitor.dropped() == len(strangers) and monitor.counts().bursts == 1)

    def test_a_period_that_cannot_be_meant(self) -> None:
        with self.assertRaisesRegex(ValueError, "period_s"):
            radio_monitor(period_s=-1)


if __name__ == "__main__":
    unittest.main()
