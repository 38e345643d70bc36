#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""loopback_sink and loopback_source in flowgraphs; the channel itself is tested in lib/loopback/test."""

import itertools
import subprocess
import sys
import tempfile
import time

import numpy as np
import pmt
from gnuradio import blocks, gr, gr_unittest, semcom

SAMP_RATE = 1e6
NO_NOISE = float("inf")
SENDER = """
import sys
import numpy as np, pmt
from gnuradio import blocks, gr, semcom
count = int(sys.argv[2])
tags = [gr.python_to_tag((i * 50000, pmt.intern("packet_len"), pmt.from_long(50000), pmt.PMT_F)) for i in range(count)]
top = gr.top_block()
top.connect(blocks.vector_source_c(np.arange(1, count * 50000 + 1).astype(np.complex64), False, 1, tags),
            semcom.loopback_sink(address=sys.argv[1], samp_rate=1e6))
top.run()
"""
names = (f"qa{number}" for number in itertools.count())


def tag(offset: int, key: str, value: pmt.pmt_base) -> gr.tag_t:
    return gr.python_to_tag((offset, pmt.intern(key), value, pmt.PMT_F))


def ramp(length: int) -> np.ndarray:
    """Samples that tell their position: 1, 2, 3, ..."""
    return np.arange(1, length + 1).astype(np.complex64)


def wait_until(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.01)


class Loopback:
    """samples with tags -> loopback_sink ~ loopback_source -> head -> vector_sink

    What feeds the sink is a flowgraph of its own, which is ahead by as much as the link between the two holds: the
    source fills in silence where it waits, and head counts that.
    """

    AHEAD = 200_000

    def __init__(self, samples, tags=(), *, length_tag="packet_len", take=None, **impairments):
        address = next(names)
        impairments = {"snr_db": NO_NOISE, "max_delay_samples": 0.0, "random_phase": False} | impairments
        self.feeding, self.top = gr.top_block(), gr.top_block()
        self._ahead = min(len(samples), self.AHEAD)
        self.feed = blocks.vector_source_c(samples, False, 1, list(tags))
        self.sink = semcom.loopback_sink(address=address, samp_rate=SAMP_RATE, length_tag=length_tag)
        self.source = semcom.loopback_source(address=address, samp_rate=SAMP_RATE, **impairments)
        self.head = blocks.head(gr.sizeof_gr_complex, take or len(samples))
        self.out = blocks.vector_sink_c()
        self.feeding.connect(self.feed, self.sink)
        self.top.connect(self.source, self.head, self.out)

    def start(self) -> None:
        self.feeding.start()
        wait_until(lambda: self.sink.nitems_read(0) >= self._ahead)
        self.top.start()

    def run(self) -> np.ndarray:
        self.start()
        self.top.wait()
        self.feeding.stop()
        self.feeding.wait()
        return np.array(self.out.data())

    def bursts(self) -> list[tuple[int, dict]]:
        """(position, what was drawn) of the bursts that came."""
        return [(t.offset, pmt.to_python(t.value)) for t in self.out.tags() if str(t.key) == "loopback_burst"]


class qa_loopback(gr_unittest.TestCase):
    def assert_bursts(self, graph: Loopback, lengths: list[int], sent: np.ndarray):
        """The bursts in `sent` came one after the other, whole, with pauses that are silent."""
        received = graph.run()
        starts = [offset for offset, _ in graph.bursts()]
        self.assertEqual(len(starts), len(lengths))
        at = 0
        for start, length in zip(starts, lengths, strict=True):
            np.testing.assert_allclose(received[start : start + length], sent[at : at + length], rtol=1e-5)
            at += length
        self.assertEqual(np.count_nonzero(received), len(sent))

    def test_bursts_marked_by_a_length_tag(self):
        lengths = [1, 7, 30000, 2, 1]  # also longer than a buffer
        starts = np.cumsum([0, *lengths[:-1]])
        tags = [tag(s, "packet_len", pmt.from_long(n)) for s, n in zip(starts.tolist(), lengths, strict=True)]
        self.assert_bursts(Loopback(ramp(sum(lengths)), tags), lengths, ramp(sum(lengths)))

    def test_bursts_marked_by_sob_and_eob(self):
        lengths = [1, 100, 20000, 50]
        tags = []
        for end, length in zip(np.cumsum(lengths).tolist(), lengths, strict=True):
            tags += [tag(end - length, "tx_sob", pmt.PMT_T), tag(end - 1, "tx_eob", pmt.PMT_T)]
        for length_tag in ("", "packet_len"):
            graph = Loopback(ramp(sum(lengths)), tags, length_tag=length_tag)
            self.assert_bursts(graph, lengths, ramp(sum(lengths)))

    def test_stream_without_marks_is_one_burst(self):
        self.assert_bursts(Loopback(ramp(100000)), [100000], ramp(100000))

    def test_samples_between_counted_bursts_are_dropped_as_by_a_usrp_sink(self):
        sent = ramp(100)
        tags = [tag(0, "packet_len", pmt.from_long(40)), tag(60, "packet_len", pmt.from_long(40))]
        self.assert_bursts(Loopback(sent, tags, take=80), [40, 40], np.concatenate([sent[:40], sent[60:]]))

    def test_bad_length_tags_are_ignored(self):
        tags = [tag(0, "packet_len", pmt.from_long(50)), tag(10, "packet_len", pmt.from_long(-3))]
        tags += [tag(20, "packet_len", pmt.intern("x")), tag(30, "tx_time", pmt.from_long(0))]
        self.assert_bursts(Loopback(ramp(50), tags), [50], ramp(50))

    def test_first_sample_is_tagged_as_by_a_usrp_source(self):
        graph = Loopback(ramp(10))
        graph.run()
        first = {str(t.key): pmt.to_python(t.value) for t in graph.out.tags() if t.offset == 0}
        self.assertEqual(first["rx_time"], (0, 0.0))
        self.assertEqual(first["rx_rate"], SAMP_RATE)

    def test_phase_offset_and_delay_are_those_that_the_tag_tells(self):
        length = 2000
        tone = np.exp(2j * np.pi * 0.05 * np.arange(length)).astype(np.complex64)
        graph = Loopback(
            np.tile(tone, 5),
            [tag(i * length, "packet_len", pmt.from_long(length)) for i in range(5)],
            take=5 * length + 5 * 100,
            cfo_hz=300.0,
            cfo_spread_hz=200.0,
            max_delay_samples=20.0,
            random_phase=True,
        )
        received = graph.run()
        self.assertEqual([drawn["index"] for _, drawn in graph.bursts()], list(range(5)))
        for start, drawn in graph.bursts():
            n = np.arange(100, length)
            expected = np.exp(2j * np.pi * 0.05 * (n - drawn["delay_samples"]))
            expected = expected * np.exp(1j * (drawn["phase_rad"] + 2 * np.pi * drawn["cfo_hz"] / SAMP_RATE * n))
            np.testing.assert_allclose(received[start + 100 : start + length], expected, atol=2e-3)
            self.assertTrue(100 <= drawn["cfo_hz"] <= 500)

    def test_multipath_is_convolution(self):
        taps = np.array([2, 0, 1j, -0.5])
        sent = (np.random.default_rng(1).normal(size=1000) + 0j).astype(np.complex64)
        graph = Loopback(sent, [tag(0, "packet_len", pmt.from_long(1000))], taps=taps.tolist(), take=1003)
        expected = np.convolve(sent, taps / np.linalg.norm(taps))
        np.testing.assert_allclose(graph.run(), expected, atol=1e-5)

    def test_same_seed_same_samples(self):
        def segments(seed: int, slow: bool) -> list[np.ndarray]:
            lengths = [3000, 10, 5000]
            starts = np.cumsum([0, *lengths[:-1]]).tolist()
            tags = [tag(s, "packet_len", pmt.from_long(n)) for s, n in zip(starts, lengths, strict=True)]
            graph = Loopback(ramp(8010), tags, take=9000, seed=seed, snr_db=5.0, max_delay_samples=50.0)
            graph.source.set_max_noutput_items(97 if slow else 8000)
            received = graph.run()
            return [received[s : s + n] for (s, _), n in zip(graph.bursts(), lengths, strict=True)]

        np.testing.assert_equal(segments(1, False), segments(1, True))
        self.assertNotEqual(segments(1, False)[0][100], segments(2, False)[0][100])

    def test_snr(self):
        ones = np.ones(1_000_000, np.complex64)
        for snr_db in (0.0, 15.0):
            noise = Loopback(ones, snr_db=snr_db).run() - ones
            self.assertLess(abs(10 * np.log10(np.mean(np.abs(noise) ** 2)) + snr_db), 0.05)

    def test_nothing_is_lost_when_the_reader_is_slow(self):
        graph = Loopback(ramp(1_000_000))
        graph.top.disconnect_all()
        slow = blocks.throttle(gr.sizeof_gr_complex, 2e6)
        graph.top.connect(graph.source, slow, graph.head, graph.out)
        np.testing.assert_allclose(graph.run(), ramp(1_000_000), rtol=1e-5)

    def test_settings_change_while_running(self):
        graph = Loopback([], take=10**9, snr_db=40.0)

        def power_db() -> float:
            graph.out.reset()
            wait_until(lambda: len(graph.out.data()) > 60000)  # those before the change are in buffers
            return 10 * np.log10(np.mean(np.abs(graph.out.data()[-20000:]) ** 2))

        graph.top.start()
        self.assertAlmostEqual(power_db(), -40, delta=0.2)
        graph.source.set_snr_db(3.0)
        self.assertAlmostEqual(power_db(), -3, delta=0.2)
        command = graph.source.to_basic_block()._post
        command(pmt.intern("command"), pmt.to_pmt({"snr_db": 12.0, "fading": "rayleigh"}))
        wait_until(lambda: graph.source.fading() == "rayleigh")
        self.assertAlmostEqual(power_db(), -12, delta=0.2)
        for nonsense in ({"snr_db": "loud"}, {"volume": 11.0}, {"fading": "rice"}, 3, {"taps": 1.0}):
            command(pmt.intern("command"), pmt.to_pmt(nonsense))
        command(pmt.intern("command"), pmt.cons(pmt.intern("cfo_hz"), pmt.from_double(7.0)))
        wait_until(lambda: graph.source.cfo_hz() == 7.0)
        self.assertEqual((graph.source.snr_db(), graph.source.fading()), (12.0, "rayleigh"))
        graph.top.stop()
        graph.top.wait()

    def test_setters_warn_of_what_cannot_be_and_change_nothing(self):
        source = semcom.loopback_source(address=next(names), samp_rate=SAMP_RATE)
        before = [source.cfo_hz(), source.cfo_spread_hz(), source.max_delay_samples()]
        for setter, value in (
            (source.set_snr_db, float("nan")),
            (source.set_cfo_hz, 1e6),
            (source.set_cfo_spread_hz, -1),
            (source.set_max_delay_samples, -1),
            (source.set_taps, []),
            (source.set_taps, [0]),
            (source.set_fading, "rice"),
        ):
            setter(value)
        self.assertEqual((source.snr_db(), source.taps(), source.fading()), (20, [1], "none"))
        self.assertEqual([source.cfo_hz(), source.cfo_spread_hz(), source.max_delay_samples()], before)

    def test_arguments_that_cannot_be_are_refused(self):
        for arguments in ({"samp_rate": 0}, {"snr_db": float("nan")}, {"taps": []}, {"fading": "rice"}):
            with self.assertRaises(ValueError):
                semcom.loopback_source(**{"address": next(names), "samp_rate": SAMP_RATE, **arguments})
        with self.assertRaises(RuntimeError):
            semcom.loopback_sink(address="tcp://", samp_rate=SAMP_RATE)

    def test_two_channels_do_not_mix(self):
        first, second = Loopback(np.full(50000, 1 + 0j)), Loopback(np.full(50000, 2 + 0j))
        first.start()
        second.start()
        first.top.wait()
        second.top.wait()
        self.assertEqual((set(first.out.data()), set(second.out.data())), ({1}, {2}))

    def stop_waiting_sink(self, address: str) -> float:
        """Seconds that stop() takes while nobody hears the sink."""
        top = gr.top_block()
        sink = semcom.loopback_sink(address=address, samp_rate=SAMP_RATE)
        top.connect(blocks.null_source(gr.sizeof_gr_complex), sink)
        top.start()
        wait_until(lambda: sink.nitems_read(0) > 200000)
        time.sleep(0.05)
        start = time.monotonic()
        top.stop()
        top.wait()
        return time.monotonic() - start

    def test_stop_ends_a_sink_that_waits(self):
        self.assertLess(self.stop_waiting_sink(next(names)), 1.0)
        with tempfile.TemporaryDirectory() as folder:
            self.assertLess(self.stop_waiting_sink(f"ipc://{folder}/unheard"), 3.0)

    def hear_other_process(
        self, address: str, *, sender_first: bool, bursts: int = 10, samples_per_s: float = 1e9
    ) -> None:
        sender = [sys.executable, "-c", SENDER, address, str(bursts)]
        if sender_first:
            process = subprocess.Popen(sender)
            time.sleep(0.5)
        top = gr.top_block()
        source = semcom.loopback_source(
            address=address, samp_rate=SAMP_RATE, snr_db=NO_NOISE, max_delay_samples=0, random_phase=False
        )
        out = blocks.vector_sink_c()
        top.connect(source, blocks.throttle(gr.sizeof_gr_complex, samples_per_s), out)
        top.start()
        if not sender_first:
            process = subprocess.Popen(sender)
        self.assertEqual(process.wait(60), 0)
        wait_until(lambda: np.count_nonzero(out.data()) >= 50000 * bursts)
        top.stop()
        top.wait()
        received = np.array(out.data())
        np.testing.assert_allclose(received[received != 0], ramp(50000 * bursts), rtol=1e-5)
        self.assertEqual(sum(str(t.key) == "loopback_burst" for t in out.tags()), bursts)
        self.assertEqual(source.refused_messages(), 0)

    def test_two_processes(self):
        with tempfile.TemporaryDirectory() as folder:
            self.hear_other_process(f"ipc://{folder}/air", sender_first=True)
            self.hear_other_process(f"ipc://{folder}/air", sender_first=False)

    def test_a_sink_that_ends_waits_for_a_slow_reader(self):
        with tempfile.TemporaryDirectory() as folder:
            self.hear_other_process(f"ipc://{folder}/air", sender_first=False, bursts=20, samples_per_s=150e3)


if __name__ == "__main__":
    gr_unittest.run(qa_loopback)
