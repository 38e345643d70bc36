# SPDX-License-Identifier: GPL-3.0-or-later

import math
import threading
import time
import unittest
from dataclasses import dataclass

import numpy as np
import pmt
from gnuradio import blocks, gr, pdu, semcom
from gnuradio.semcom.pdus import ReceivedPdu, to_array
from qa_support import NAN, Tap, broken, post, symbols_pdu, wait_until, with_entry

SAMP_RATE = 1e6
RAMP = 8
TAIL = np.zeros(10_000, np.complex64)
"""The receiver finds a burst only once some samples have come after its beginning."""


def gaussian(count: int, rng: np.random.Generator) -> np.ndarray:
    """Complex samples [count] of variance 1."""
    return ((rng.standard_normal(count) + 1j * rng.standard_normal(count)) / np.sqrt(2)).astype(np.complex64)


@dataclass
class Sent:
    samples: np.ndarray
    bursts: list[tuple[int, int]]
    """Offset and length of each, as the tags say."""
    messages: list[dict]
    transmitter: semcom.burst_transmitter


def transmit(*pdus: pmt.pmt_base, **arguments: int | float | str) -> Sent:
    """What a transmitter makes of good and bad PDUs."""
    top, transmitter, sink, tap = gr.top_block(), semcom.burst_transmitter(**arguments), blocks.vector_sink_c(), Tap()
    top.connect(transmitter, sink)
    top.msg_connect((transmitter, "sent"), (tap, "in"))
    top.start()
    for each in pdus:
        post(transmitter, "symbols", each)
    wait_until(lambda: transmitter.images() + transmitter.dropped() == len(pdus))
    total = sum(pmt.to_python(message)["samples"] for message in tap.wait(transmitter.images()))
    wait_until(lambda: sink.nitems_read(0) == total)
    top.stop()
    top.wait()
    bursts = [(tag.offset, pmt.to_long(tag.value)) for tag in sink.tags()]
    messages = [pmt.to_python(message) for message in tap.messages]
    return Sent(np.array(sink.data(), np.complex64), bursts, messages, transmitter)


def receive(samples: np.ndarray, **arguments: str) -> tuple[list[ReceivedPdu], list[dict], semcom.burst_receiver]:
    """Images and frame reports that a receiver publishes."""
    top, receiver, images, frames = gr.top_block(), semcom.burst_receiver(SAMP_RATE, **arguments), Tap(), Tap()
    top.connect(blocks.vector_source_c(np.concatenate([samples, TAIL])), receiver)
    top.msg_connect((receiver, "images"), (images, "in"))
    top.msg_connect((receiver, "frames"), (frames, "in"))
    top.run()
    images.wait(receiver.images())
    frames.wait(receiver.frames() + receiver.header_failures())
    return (
        [ReceivedPdu.from_pmt(message) for message in images.messages],
        [pmt.to_python(message) for message in frames.messages],
        receiver,
    )


class qa_burst(unittest.TestCase):
    def setUp(self) -> None:
        self.rng = np.random.default_rng(1)

    def noisy(self, symbols: np.ndarray, *, snr_db: float, cfo_hz: float) -> np.ndarray:
        """What arrives of an image, in silence before and behind it."""
        sent = transmit(symbols_pdu(symbols, image_id=9, scale=2.0))
        n = np.arange(sent.samples.size)
        air = 0.01j * sent.samples * np.exp(2j * np.pi * cfo_hz / SAMP_RATE * n)  # the level does not matter
        air = np.concatenate([np.zeros(3000), air, np.zeros(500)])
        return (air + 0.01 * 10 ** (-snr_db / 20) * gaussian(air.size, self.rng)).astype(np.complex64)

    def test_the_snr_is_read(self) -> None:
        """A mean: each transmitter scrambles in its own way, by which the reading of one image varies by 0.1 dB."""
        symbols, snrs_db = gaussian(1500, self.rng), []
        for _ in range(5):
            (image,), _, _ = receive(self.noisy(symbols, snr_db=15.0, cfo_hz=1200.0))
            snrs_db.append(image.snr_db)
        self.assertAlmostEqual(np.mean(snrs_db), 15.0, delta=0.5)

    def test_an_image_crosses_a_noisy_channel(self) -> None:
        symbols = gaussian(1500, self.rng)
        snr_db, cfo_hz = 15.0, 1200.0
        air = self.noisy(symbols, snr_db=snr_db, cfo_hz=cfo_hz)
        (image,), (frame,), receiver = receive(air)
        self.assertEqual((image.image_id, image.codec_id, image.height, image.width), (9, 3, 5, 4))
        self.assertEqual((image.fragments, image.fragments_lost), (1, 0))
        error = np.mean(np.abs(image.symbols / 2 - symbols) ** 2)
        self.assertAlmostEqual(-10 * np.log10(error), snr_db, delta=0.3)
        self.assertAlmostEqual(np.mean(image.noise_var) / 4 / error, 1, delta=0.15)
        self.assertAlmostEqual(image.cfo_hz, cfo_hz, delta=50)
        self.assertEqual((frame["image_id"], frame["fragment"], frame["fragments"]), (9, 0, 1))
        self.assertAlmostEqual(frame["sample"], 3008, delta=2)  # behind the ramp
        self.assertAlmostEqual(frame["evm_percent"], 100 * 10 ** (-snr_db / 20), delta=4)
        self.assertEqual((receiver.frames(), receiver.images(), receiver.header_failures()), (1, 1, 0))

    def test_bursts_are_tagged_and_reported(self) -> None:
        sent = transmit(
            symbols_pdu(gaussian(1000, self.rng), image_id=1),
            symbols_pdu(gaussian(250, self.rng), image_id=2),
            fragment_symbols=400,
        )
        self.assertEqual(len(sent.bursts), 3 + 1)
        ends = [offset + length for offset, length in sent.bursts]
        self.assertEqual([offset for offset, _ in sent.bursts], [0, *ends[:-1]])
        self.assertEqual(ends[-1], sent.samples.size)
        self.assertEqual([message["image_id"] for message in sent.messages], [1, 2])
        self.assertEqual([message["samples"] for message in sent.messages], [ends[2], ends[3] - ends[2]])
        self.assertEqual((sent.transmitter.images(), sent.transmitter.frames()), (2, 4))

    def test_a_large_image_with_bursts_longer_than_a_buffer(self) -> None:
        symbols = gaussian(100_000, self.rng)
        sent = transmit(symbols_pdu(symbols), fragment_symbols=16384, peak_limit_db=math.inf)
        self.assertGreater(min(length for _, length in sent.bursts), 8191)
        (image,), frames, _ = receive(sent.samples)
        self.assertEqual((len(frames), image.fragments, image.fragments_lost), (7, 7, 0))
        self.assertLess(np.abs(image.symbols - symbols).max(), 1e-3)

    def test_a_lost_burst_costs_its_symbols(self) -> None:
        symbols = gaussian(2000, self.rng)
        sent = transmit(symbols_pdu(symbols), fragment_symbols=500)
        offset, length = sent.bursts[1]
        sent.samples[offset : offset + length] = 0
        (image,), _, receiver = receive(sent.samples)
        lost = np.isinf(image.noise_var)
        self.assertEqual((image.fragments, image.fragments_lost, receiver.fragments_lost()), (4, 1, 1))
        self.assertEqual(np.flatnonzero(lost).tolist(), list(range(500, 1000)))
        self.assertTrue((image.symbols[lost] == 0).all())
        self.assertLess(np.abs(image.symbols - symbols)[~lost].max(), 1e-3)

    def test_previews_are_published_where_somebody_listens(self) -> None:
        symbols = gaussian(2400, self.rng)
        sent = transmit(symbols_pdu(symbols, image_id=9), fragment_symbols=500)
        top, receiver, tap = gr.top_block(), semcom.burst_receiver(SAMP_RATE), Tap()
        top.connect(blocks.vector_source_c(np.concatenate([sent.samples, TAIL])), receiver)
        for port in ("images", "previews"):  # into one port, so that they stay in order
            top.msg_connect((receiver, port), (tap, "in"))
        top.run()
        received = [ReceivedPdu.from_pmt(message) for message in tap.wait(4)]
        self.assertEqual([each.preview for each in received], [True, True, True, False])
        self.assertEqual([each.fragments_lost for each in received], [4, 3, 1, 0])
        self.assertEqual([each.reception.erased for each in received], [0.8, 0.6, 0.2, 0])
        for each in received:
            there = np.isfinite(each.noise_var)
            np.testing.assert_array_equal(each.symbols[there], received[-1].symbols[there])
            self.assertEqual((each.image_id, each.fragments, there.argmin() % 2400), (9, 5, there.sum() % 2400))

    def test_carriers_are_those_of_the_payload_before_equalisation(self) -> None:
        sent = transmit(symbols_pdu(gaussian(1500, self.rng)), peak_limit_db=math.inf)
        turned = (0.03 * np.exp(0.7j) * sent.samples).astype(np.complex64)
        top, receiver, tap = gr.top_block(), semcom.burst_receiver(SAMP_RATE), Tap()
        top.connect(blocks.vector_source_c(np.concatenate([turned, TAIL])), receiver)
        top.msg_connect((receiver, "carriers"), (tap, "in"))
        top.run()
        (message,) = tap.wait(1)
        carriers = to_array(pmt.cdr(message), np.complex64)
        straight, _, _ = receive(turned)
        self.assertAlmostEqual(np.mean(np.abs(carriers) ** 2), 1, delta=0.1)
        self.assertGreater(carriers.size, 1500)  # pilots too
        turns = np.exp(0.7j) * straight[0].symbols[:5, np.newaxis]
        self.assertFalse(np.isclose(carriers, turns, atol=1e-3).any(1).all())  # nor is the timing taken out

    def test_a_second_time_tag_is_a_gap(self) -> None:
        tags = [gr.tag_utils.python_to_tag((offset, pmt.intern("rx_time"), pmt.PMT_NIL)) for offset in (0, 700, 5000)]
        top, receiver = gr.top_block(), semcom.burst_receiver(SAMP_RATE)
        top.connect(blocks.vector_source_c(np.zeros(9000), tags=tags), receiver)
        top.run()
        self.assertEqual(receiver.gaps(), 2)

    def test_a_header_that_cannot_be_read_is_reported(self) -> None:
        sent = transmit(symbols_pdu(gaussian(500, self.rng)))
        sent.samples[300:] = gaussian(sent.samples.size - 300, self.rng)
        images, (frame,), receiver = receive(sent.samples)
        self.assertEqual(images, [])
        self.assertTrue(frame["header_failed"])
        self.assertEqual((receiver.header_failures(), receiver.frames()), (1, 0))
        self.assertEqual(set(frame), {"header_failed", "sample", "snr_db", "cfo_hz"})

    def test_nan_and_inf_count_as_zero(self) -> None:
        symbols = gaussian(500, self.rng)
        sent = transmit(symbols_pdu(symbols, image_id=1), symbols_pdu(symbols, image_id=2))
        sent.samples[1000:1003] = [NAN, complex(0, np.inf), -np.inf]
        images, _, receiver = receive(sent.samples)
        self.assertEqual(receiver.nonfinite_samples(), 3)
        self.assertEqual([image.image_id for image in images], [1, 2])
        self.assertTrue(np.isfinite(images[0].symbols).all())
        self.assertLess(np.abs(images[1].symbols - symbols).max(), 1e-3)

    def test_bad_pdus_are_dropped_and_counted_and_the_next_one_is_sent(self) -> None:
        good = symbols_pdu(np.ones(10))
        meta = pmt.car(good)
        for not_sent in ("name", "codec"):
            meta = pmt.dict_delete(meta, pmt.intern(not_sent))
        good = pmt.cons(meta, pmt.cdr(good))
        bad = broken(good)
        bad += [symbols_pdu(np.array([1, value, 1])) for value in (NAN, np.inf, complex(0, NAN), 2e6)]
        bad += [symbols_pdu(np.ones(10), scale=scale) for scale in (0.0, -1.0, 1e-9, 1e9, np.inf, NAN)]
        bad += [with_entry(good, "height", pmt.from_long(value)) for value in (0, -1, 8192)]
        bad += [with_entry(good, "codec_id", pmt.from_long(65536)), with_entry(good, "scale", pmt.intern("1"))]
        sent = transmit(*bad, good)
        self.assertEqual((sent.transmitter.dropped(), sent.transmitter.images()), (len(bad), 1))
        (image,), _, _ = receive(sent.samples)
        self.assertLess(np.abs(image.symbols - 1).max(), 1e-3)

    def test_more_fragments_than_a_header_can_number_are_refused(self) -> None:
        sent = transmit(symbols_pdu(np.ones(8193)), symbols_pdu(np.ones(3)), fragment_symbols=1)
        self.assertEqual((sent.transmitter.dropped(), sent.transmitter.frames()), (1, 3))

    def test_flush_releases_an_incomplete_image(self) -> None:
        sent = transmit(symbols_pdu(gaussian(1000, self.rng)), fragment_symbols=500)
        first_burst = sent.samples[: sent.bursts[1][0]]
        top, receiver, tap = gr.top_block(), semcom.burst_receiver(SAMP_RATE, timeout_s=100.0), Tap()
        # The stream stays open behind the burst: a source that has more to give, but only when asked.
        source, keeper = blocks.vector_source_c(np.concatenate([first_burst, TAIL])), semcom.burst_transmitter()
        joined = blocks.stream_mux(gr.sizeof_gr_complex, [first_burst.size + TAIL.size, 1])
        top.connect(source, (joined, 0))
        top.connect(keeper, (joined, 1))
        top.connect(joined, receiver)
        top.msg_connect((receiver, "images"), (tap, "in"))
        top.start()
        wait_until(lambda: receiver.frames() == 1)
        self.assertEqual(tap.messages, [])
        post(receiver, "flush", pmt.PMT_T)
        (image,) = tap.wait(1)
        top.stop()
        top.wait()
        self.assertEqual(ReceivedPdu.from_pmt(image).fragments_lost, 1)

    def test_amplitude(self) -> None:
        symbols = gaussian(1000, self.rng)
        loud, soft = transmit(symbols_pdu(symbols)), transmit(symbols_pdu(symbols), amplitude=0.25)
        header = slice(RAMP + 2 * 144, RAMP + 6 * 144)  # differs: transmitters count frames from numbers of their own
        for each in (soft, loud):
            each.samples[header] = 0
        np.testing.assert_allclose(soft.samples, 0.25 * loud.samples, rtol=1e-5, atol=1e-7)
        for amplitude in (0.5, 0.0, -1.0, NAN, np.inf):
            soft.transmitter.set_amplitude(amplitude)
            self.assertEqual(soft.transmitter.amplitude(), 0.5)

    def test_every_frame_and_waveform_crosses(self) -> None:
        symbols = gaussian(3000, self.rng)
        for preset in ("narrow", "wide", "long_multipath"):
            for waveform in ("ofdm", "dft_spread"):
                with self.subTest(preset=preset, waveform=waveform):
                    sent = transmit(symbols_pdu(symbols), preset=preset, waveform=waveform)
                    air = sent.samples + 0.1 * gaussian(sent.samples.size, self.rng)
                    (image,), _, _ = receive(air.astype(np.complex64), preset=preset)
                    error = np.mean(np.abs(image.symbols - symbols) ** 2)
                    self.assertAlmostEqual(10 * np.log10(error), -20, delta=0.4)

    def test_no_sample_is_above_the_peak_and_a_burst_ends_in_its_gap(self) -> None:
        arguments = {"amplitude": 0.5, "peak_limit_db": 7.0, "ramp_samples": 20, "gap_samples": 50}
        sent = transmit(symbols_pdu(gaussian(5000, self.rng)), **arguments)
        self.assertAlmostEqual(sent.transmitter.peak(), 0.5 * np.sqrt(104 / 128) * 10 ** (7 / 20), places=5)
        self.assertAlmostEqual(np.abs(sent.samples).max(), sent.transmitter.peak(), places=5)
        plain = transmit(symbols_pdu(gaussian(5000, self.rng)), ramp_samples=0)
        for (offset, length), (_, bare) in zip(sent.bursts, plain.bursts, strict=True):
            self.assertEqual(length, bare + 2 * 20 + 50)
            self.assertTrue((sent.samples[offset + length - 50 : offset + length] == 0).all())

    def test_mmse_output_shrinks_the_symbols(self) -> None:
        sent = transmit(symbols_pdu(gaussian(4000, self.rng)))
        air = (sent.samples + gaussian(sent.samples.size, self.rng)).astype(np.complex64)
        (plain,), _, _ = receive(air)
        (shrunk,), _, _ = receive(air, equalizer="mmse")
        gain = 1 / (1 + plain.noise_var)
        np.testing.assert_allclose(shrunk.symbols, gain * plain.symbols, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(shrunk.noise_var, gain * plain.noise_var, rtol=1e-4)

    def test_arguments_that_cannot_be_are_refused(self) -> None:
        for arguments in ({"amplitude": 0}, {"amplitude": NAN}, {"fragment_symbols": 0}, {"fragment_symbols": 16385}):
            self.assertRaises(ValueError, semcom.burst_transmitter, **arguments)
        for arguments in ({"preset": "tall"}, {"waveform": "fm"}, {"peak_limit_db": 2.0}, {"gap_samples": -1}):
            self.assertRaises(ValueError, semcom.burst_transmitter, **arguments)
        self.assertRaises(ValueError, semcom.burst_transmitter, length_tag="")
        bad = ({"samp_rate": 0}, {"samp_rate": NAN}, {"false_alarm": 0}, {"timeout_s": 0}, {"preset": "tall"})
        for arguments in (*bad, {"equalizer": "none"}):
            self.assertRaises(ValueError, semcom.burst_receiver, **{"samp_rate": SAMP_RATE, **arguments})

    def test_an_idle_transmitter_sleeps_and_wakes_at_once(self) -> None:
        top, transmitter, tap = gr.top_block(), semcom.burst_transmitter(), Tap()
        top.connect(transmitter, blocks.null_sink(gr.sizeof_gr_complex))
        top.msg_connect((transmitter, "sent"), (tap, "in"))
        top.start()
        time.sleep(0.1)
        cpu = time.process_time()
        time.sleep(0.6)
        self.assertLess(time.process_time() - cpu, 0.1)
        waits = []
        for count in range(1, 21):
            start = time.monotonic()
            post(transmitter, "symbols", symbols_pdu(np.ones(10)))
            tap.wait(count)
            waits.append(time.monotonic() - start)
        top.stop()
        top.wait()
        self.assertLess(np.median(waits), 0.05)

    def test_many_threads_may_post_at_once(self) -> None:
        top, transmitter, tap = gr.top_block(), semcom.burst_transmitter(), Tap()
        top.connect(transmitter, blocks.null_sink(gr.sizeof_gr_complex))
        top.msg_connect((transmitter, "sent"), (tap, "in"))
        top.start()
        message = symbols_pdu(np.ones(10))

        def post_some() -> None:
            for _ in range(100):
                post(transmitter, "symbols", message)
                time.sleep(0.0002)

        threads = [threading.Thread(target=post_some) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tap.wait(400)
        top.stop()
        top.wait()

    def test_the_transmitter_ends_with_the_block_that_feeds_it(self) -> None:
        top, tap = gr.top_block(), Tap()
        tag = gr.tag_utils.python_to_tag((0, pmt.intern("length"), pmt.from_long(8), pmt.PMT_F))
        source = blocks.vector_source_c([1] * 8, False, 1, [tag])
        feeder = pdu.tagged_stream_to_pdu(gr.types.complex_t, "length")
        transmitter = semcom.burst_transmitter()
        top.connect(source, feeder)
        top.connect(transmitter, blocks.null_sink(gr.sizeof_gr_complex))
        top.msg_connect((feeder, "pdus"), (transmitter, "symbols"))
        top.msg_connect((transmitter, "sent"), (tap, "in"))
        top.start()
        ended = threading.Thread(target=top.wait)
        ended.start()
        ended.join(10)
        self.assertFalse(ended.is_alive())
        self.assertEqual(transmitter.dropped(), 1)  # it had no metadata


if __name__ == "__main__":
    unittest.main()
