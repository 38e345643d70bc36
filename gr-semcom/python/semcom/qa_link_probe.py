# SPDX-License-Identifier: GPL-3.0-or-later

import math
import unittest
from unittest import mock

import numpy as np
import pmt
from gnuradio.semcom import link_probe
from gnuradio.semcom.pdus import make_dict
from qa_support import broken, post, received_pdu, running, wait_until


def frame(snr_db: float = 10.0, cfo_hz: float = 100.0, evm_percent: float = 30.0) -> pmt.pmt_base:
    sample = pmt.from_uint64(2**40)
    return make_dict(
        image_id=1, fragment=0, fragments=3, snr_db=snr_db, cfo_hz=cfo_hz, evm_percent=evm_percent, sample=sample
    )


FAILED_HEADER = make_dict(header_failed=True, sample=pmt.from_uint64(5), snr_db=-3.0, cfo_hz=0.0)


class qa_link_probe(unittest.TestCase):
    def test_means_and_counters(self) -> None:
        probe = link_probe(period_s=0)
        with running(probe, "stats") as tap:
            post(probe, "frames", frame(snr_db=9.0, cfo_hz=-50.0, evm_percent=30.0))
            post(probe, "frames", frame(snr_db=12.0, cfo_hz=100.0, evm_percent=40.0))
            post(probe, "frames", FAILED_HEADER)
            post(probe, "images", received_pdu(np.ones(4), np.ones(4)))
            last = pmt.to_python(tap.wait(4)[-1])
        self.assertEqual(last, vars(probe.stats()))
        self.assertEqual((last["snr_db"], last["cfo_hz"]), (10.5, 25.0))
        self.assertAlmostEqual(last["evm_percent"], math.sqrt(1250))
        counters = ("frames", "headers_failed", "images", "fragments", "fragments_lost")
        self.assertEqual([last[name] for name in counters], [2, 1, 1, 3, 1])

    def test_means_are_of_the_latest_frames(self) -> None:
        probe = link_probe(period_s=0, log=False)
        with running(probe, "stats") as tap:
            for snr_db in [0.0] * 10 + [20.0] * link_probe.AVERAGE:
                post(probe, "frames", frame(snr_db=snr_db))
            tap.wait(10 + link_probe.AVERAGE)
        self.assertEqual(probe.stats().snr_db, 20.0)

    def test_reports_are_limited_and_the_last_state_is_logged(self) -> None:
        probe = link_probe(period_s=1000)
        probe.logger = mock.Mock()
        with running(probe, "stats") as tap:
            for _ in range(50):
                post(probe, "frames", frame())
            wait_until(lambda: probe.stats().frames == 50)
            self.assertEqual(len(tap.wait(1)), 1)
        first, last = (call.args[0] for call in probe.logger.info.call_args_list)
        self.assertIn(" 1 frames", first)
        self.assertEqual(last, str(probe.stats()))

    def test_a_link_without_frames(self) -> None:
        stats = link_probe().stats()
        self.assertTrue(math.isnan(stats.snr_db) and math.isnan(stats.evm_percent))
        self.assertIn("0 frames", str(stats))

    def test_broken_messages_are_dropped_and_counted(self) -> None:
        probe = link_probe(period_s=0, log=False)
        nan = float("nan")
        frames = [frame(snr_db=nan), frame(cfo_hz=nan), frame(evm_percent=-1.0), frame(evm_percent=float("inf"))]
        frames += [make_dict(snr_db=1.0), pmt.PMT_NIL, pmt.intern("text"), pmt.make_u8vector(3, 0)]
        images = broken(received_pdu(np.ones(4), np.ones(4)))[:9]
        with running(probe, "stats") as tap:
            for message in frames:
                post(probe, "frames", message)
            for message in images:
                post(probe, "images", message)
            post(probe, "frames", frame())
            tap.wait(1)
            wait_until(lambda: probe.dropped() == len(frames) + len(images))
        self.assertEqual(probe.stats().frames, 1)

    def test_a_period_that_cannot_be_meant(self) -> None:
        with self.assertRaisesRegex(ValueError, "period_s"):
            link_probe(period_s=-1)


if __name__ == "__main__":
    unittest.main()
