# SPDX-License-Identifier: GPL-3.0-or-later
"""The block and the layer of the radio channel have the same statistics: those of theory, each.

Where a figure is a mean over draws, the tolerance is five standard errors, which the draws themselves tell.
"""

import math
import unittest
from unittest import mock

import numpy as np
import pmt
from gnuradio import blocks, gr, semcom
from gnuradio.semcom.radio_channel import fading_stage
from numpy.typing import NDArray
from qa_support.standin_codec import needs_models
from semcom_models.radio import HALF, LEAD, SINUSOIDS, RadioParameters

RATE = 1e6
TDL = {"delay_spread_s": 1.7e-6}
PHASE_NOISE = {"phase_noise_rad": 0.1, "phase_noise_bandwidth_hz": 2000.0}


def through_flowgraph(samples: NDArray, *, tags: tuple = (), seed: int = 1, **parameters: object) -> tuple:
    """Samples [n] through the block: those received, and the offsets of their tags."""
    top = gr.top_block()
    sink = blocks.vector_sink_c()
    channel = semcom.radio_channel(samp_rate=RATE, seed=seed, **parameters)
    top.connect(blocks.vector_source_c(samples.astype(np.complex64), False, 1, list(tags)), channel, sink)
    top.run()
    return np.array(sink.data(), dtype=np.complex64), [tag.offset for tag in sink.tags()]


def through_layer(samples: NDArray, **parameters: object) -> NDArray:
    """Samples [B, n] through the layer: those received."""
    import torch
    from semcom_models.radio_channel import RadioChannel

    channel = RadioChannel(RadioParameters(samp_rate=RATE, **parameters))
    with torch.inference_mode():
        return channel(torch.from_numpy(samples.astype(np.complex64)), torch.Generator().manual_seed(1))[0].numpy()


def through_block(block: gr.basic_block, samples: NDArray, *, portion: int = 10_000) -> NDArray:
    """Samples [n] through a block that works on at most so many at once: those it makes."""
    top, sink = gr.top_block(), blocks.vector_sink_c()
    top.connect(blocks.vector_source_c(samples.astype(np.complex64)), block, sink)
    top.run(portion)
    return np.array(sink.data(), dtype=np.complex64)


def through_fading_blocks(draws: int, samples: NDArray, **parameters: object) -> NDArray:
    """Samples [n] through each of as many of the block's fading stages, with seeds of their own: those received.

    Some share a flowgraph, as starting one takes longer than a few samples do.
    """
    settings, received = RadioParameters(samp_rate=RATE, **parameters), []
    for seeds in np.array_split(np.arange(draws), draws // 10):
        top, source = gr.top_block(), blocks.vector_source_c(samples.astype(np.complex64))
        sinks = [blocks.vector_sink_c() for _ in seeds]
        for seed, sink in zip(seeds, sinks, strict=True):
            top.connect(source, fading_stage(settings, seed=int(seed)), sink)
        top.run()
        received += [np.array(sink.data(), dtype=np.complex64) for sink in sinks]
    return np.stack(received)


def faded(draws: int, samples: NDArray, **parameters: object) -> dict[str, NDArray]:
    """``samples`` [n] through as many independent realisations of both, the layer's lagging as the block's does."""
    late = np.tile(np.roll(samples, LEAD), (draws, 1))
    return {"block": through_fading_blocks(draws, samples, **parameters), "layer": through_layer(late, **parameters)}


def bessel_j0(x: NDArray) -> NDArray:
    """Mean of cos(x sin(angle)) over the circle."""
    return np.cos(np.multiply.outer(x, np.sin(2 * np.pi * np.arange(1000) / 1000))).mean(axis=-1)


@needs_models
class qa_radio_channel(unittest.TestCase):
    def assert_mean(self, draws: NDArray, expected: NDArray | float, label: str) -> None:
        """The mean of independent draws [N, ...] is ``expected`` [...]."""
        error = draws.std(axis=0, ddof=1) / math.sqrt(len(draws))
        away = np.abs(draws.mean(axis=0) - expected) / np.maximum(error, 1e-7)
        worst = np.argmax(away)
        got = (np.ravel(each)[worst] for each in np.broadcast_arrays(draws.mean(axis=0), expected, error))
        self.assertLess(np.max(away), 5, "{}: {:.5f}, not {:.5f}, standard error {:.5f}".format(label, *got))

    def test_power_delay_profile_and_frequency_correlation(self) -> None:
        """Each tap has its power, and over the used band E[H(f) H*(f')] is the sum of p exp(-j 2 pi (f - f') tau)."""
        impulse = np.zeros(64)
        impulse[0] = 1
        bins = np.array([0, 20, 52, -7, -52])
        for profile in ("flat", "tdl_a", "tdl_b", "tdl_c"):
            parameters = RadioParameters(samp_rate=RATE, profile=profile, **TDL)
            filters = parameters.path_filters()
            powers = np.pad((filters**2).sum(axis=0), (0, 64 - filters.shape[1]))
            delays, amplitudes = parameters.paths()
            apart = np.subtract.outer(bins, bins)[..., None] / 128
            correlation = (amplitudes**2 * np.exp(-2j * np.pi * apart * delays)).sum(axis=-1)
            for where, responses in faded(1500, impulse, profile=profile, **TDL).items():
                with self.subTest(profile=profile, where=where):
                    self.assert_mean(np.abs(responses) ** 2, powers, "power of a tap")
                    spectrum = np.fft.fft(responses, 128)[:, bins] * np.exp(2j * np.pi * bins * LEAD / 128)
                    products = spectrum[:, :, None] * spectrum[:, None].conj()
                    self.assert_mean(products.real, correlation.real, "correlation over frequency, real part")
                    self.assert_mean(products.imag, correlation.imag, "correlation over frequency, imaginary part")

    def test_envelope_is_rayleigh(self) -> None:
        responses = {
            "block": through_fading_blocks(3000, np.eye(1, 16)[0], profile="flat")[:, LEAD],
            "layer": through_layer(np.ones((50_000, 1)), profile="flat")[:, 0],
        }
        for where, gains in responses.items():
            with self.subTest(where=where):
                power = np.abs(gains) ** 2
                self.assert_mean(power, 1, "E|h|^2")
                self.assert_mean(power**2, 2 - 1 / SINUSOIDS, "E|h|^4")
                self.assert_mean(power < 0.1, 1 - math.exp(-0.1), "share of fades by 10 dB")
                self.assert_mean((gains**2).real, 0, "I and Q of the same power")
                self.assert_mean((gains**2).imag, 0, "I and Q uncorrelated")

    def test_doppler_has_jakes_spectrum(self) -> None:
        doppler_hz, n = 5000.0, 420
        lags = np.arange(0, 400, 20)
        expected = bessel_j0(2 * np.pi * doppler_hz * lags / RATE)
        for where, gains in faded(1500, np.ones(n), profile="flat", doppler_hz=doppler_hz).items():
            with self.subTest(where=where):
                products = gains[:, LEAD : LEAD + 1].conj() * gains[:, LEAD + lags]
                self.assert_mean(products.real, expected, "autocorrelation, real part")
                self.assert_mean(products.imag, 0, "autocorrelation, imaginary part")

    def test_phase_noise(self) -> None:
        """Rms and exponential autocorrelation, for the block over stretches of 25 time constants each."""
        shape, lags = (300, 2000), (20, 80, 200)
        received = {
            "block": through_flowgraph(np.ones(shape[0] * shape[1]), **PHASE_NOISE)[0].reshape(shape),
            "layer": through_layer(np.ones(shape), **PHASE_NOISE),
        }
        for where, samples in received.items():
            with self.subTest(where=where):
                phase = np.angle(samples)
                self.assert_mean((phase**2).mean(axis=1), 0.1**2, "variance")
                self.assert_mean(phase[:, 0] ** 2, 0.1**2, "variance at the start")
                for lag in lags:
                    expected = 0.1**2 * math.exp(-2 * math.pi * 2000 * lag / RATE)
                    self.assert_mean((phase[:, lag:] * phase[:, :-lag]).mean(axis=1), expected, f"lag {lag}")
                np.testing.assert_allclose(np.abs(samples), 1, atol=1e-3)
        started = [through_flowgraph(np.ones(64), seed=seed, **PHASE_NOISE)[0][0] for seed in range(60)]
        self.assert_mean(np.angle(started) ** 2, 0.1**2, "variance at the start of the block")

    def test_iq_imbalance(self) -> None:
        """I over Q, their correlation and the image, of a tone whose I and Q were alike."""
        sent = np.exp(2j * np.pi * 0.1 * np.arange(1000))
        settings = {"iq_gain_db": 1.5, "iq_phase_deg": 4.0}
        gain, angle = 10 ** (1.5 / 20), math.radians(4)
        rejection = (1 + 2 * gain * math.cos(angle) + gain**2) / (1 - 2 * gain * math.cos(angle) + gain**2)
        received = {"block": through_flowgraph(sent, **settings)[0], "layer": through_layer(sent[None], **settings)[0]}
        for where, got in received.items():
            with self.subTest(where=where):
                powers = np.mean(got.real**2), np.mean(got.imag**2)
                self.assertAlmostEqual(10 * math.log10(powers[0] / powers[1]), 1.5, places=4)
                correlation = np.mean(got.real * got.imag) / math.sqrt(powers[0] * powers[1])
                self.assertAlmostEqual(correlation, math.sin(angle), places=5)
                self.assertAlmostEqual(sum(powers), 1, places=5)
                image = abs(np.vdot(sent, got)) ** 2 / abs(np.vdot(sent.conj(), got)) ** 2
                self.assertAlmostEqual(10 * math.log10(image), 10 * math.log10(rejection), places=3)

    def test_carrier_and_clock_offset(self) -> None:
        """What is sent at 0.3 cycles a sample turns by cfo/rate more, and 1 + ppm/10^6 as fast."""
        n = 50_000
        instants = np.arange(n)
        sent = np.exp(2j * np.pi * 0.3 * instants)
        for cfo_hz, ppm in ((1234.5, 0.0), (-777.0, 0.0), (0.0, 20.0), (0.0, -150.0)):
            settings = {"cfo_hz": cfo_hz, "clock_ppm": ppm}
            block = through_flowgraph(sent, **settings)[0]
            late = HALF if ppm else 0
            layer = through_layer(sent[None], **settings)[0]
            for where, got, tolerance in (("block", block[late:], 0.1), ("layer", layer, 0.01)):
                with self.subTest(where=where, **settings):
                    expected = 0.3 * (1 + ppm * 1e-6) + cfo_hz / RATE
                    got = got[HALF:-HALF]
                    error = np.unwrap(np.angle(got * np.exp(-2j * np.pi * expected * instants[HALF:][: len(got)])))
                    slope, start = np.polyfit(instants[HALF:][: len(got)], error, 1)
                    self.assertLess(abs(slope) / (2 * np.pi * 0.3) * 1e6, tolerance, "ppm off")
                    self.assertLess(abs(start), 1e-2, "begins elsewhere")
                    self.assertLess(np.std(error), 5e-3)
                    self.assertLess(np.std(np.abs(got)), 1e-3)

    def test_what_is_received_does_not_depend_on_the_flowgraphs_portions(self) -> None:
        parameters = RadioParameters(samp_rate=RATE, profile="tdl_b", doppler_hz=700.0, **TDL)
        rng = np.random.default_rng(1)
        samples = (rng.standard_normal((10_000, 2)) @ [1, 1j]).astype(np.complex64)
        expected = through_block(fading_stage(parameters, seed=5), samples)
        for portion in (1, 37, 256):
            got = through_block(fading_stage(parameters, seed=5), samples, portion=portion)
            np.testing.assert_array_equal(got, expected)
        flowgraph, _ = through_flowgraph(samples, seed=5, profile="tdl_b", doppler_hz=700.0, **TDL)
        np.testing.assert_allclose(flowgraph, expected, atol=2e-5)

    def test_gains_are_the_sum_of_sinusoids_that_the_seed_draws(self) -> None:
        """At the fastest Doppler there is a knot every sample, so phasors are turned 10,000 times and trimmed twice."""
        parameters = RadioParameters(samp_rate=RATE, profile="flat", doppler_hz=RATE / 64)
        got = through_block(fading_stage(parameters, seed=7), np.ones(10_000))
        sector, cycles = np.random.default_rng(7).random((2, 1, SINUSOIDS))
        shifts = np.cos(2 * np.pi * (np.arange(SINUSOIDS) + sector[0]) / SINUSOIDS) / 64
        turns = cycles[0] + np.multiply.outer(np.arange(got.size), shifts)
        expected = np.exp(2j * np.pi * turns).sum(axis=1) / math.sqrt(SINUSOIDS)
        np.testing.assert_allclose(got[2 * HALF :], expected[2 * HALF :], atol=2e-3)

    def test_gains_go_on_when_doppler_changes(self) -> None:
        """Two runs, whose second begins with an empty filter."""
        slow = RadioParameters(samp_rate=RATE, profile="flat", doppler_hz=100.0)
        fast = RadioParameters(samp_rate=RATE, profile="flat", doppler_hz=2000.0)
        stage = fading_stage(slow, seed=2)
        before = through_block(stage, np.ones(3000))[2 * HALF :]
        stage.set_doppler(fast.doppler_hz / RATE, fast.knot_spacing())
        after = through_block(stage, np.ones(3000))[2 * HALF :]
        largest = 2 * math.pi * fast.doppler_hz / RATE * np.abs(np.concatenate([before, after])).max()
        self.assertLess(abs(after[0] - before[-1]), 1.5 * largest * 2 * HALF)
        self.assertLess(np.abs(np.diff(after)).max(), 2 * largest)
        self.assertGreater(np.abs(np.diff(after[500:])).mean(), 5 * np.abs(np.diff(before)).mean())

    def test_sizes_that_do_not_fit(self) -> None:
        good = {"path_filters": [[1.0], [1.0]], "shifts": [[1.0], [0.5]], "cycles": [[0.0], [0.5]]}
        rest = {"doppler": 0.0, "knot_spacing": 1, "delay": 0}
        semcom.semcom_python.tapped_delay_line(**good, **rest)
        for name, value in (("path_filters", [[1.0], [1.0, 2.0]]), ("shifts", [[1.0]]), ("cycles", [[0.0, 0.0]] * 2)):
            with self.assertRaisesRegex(ValueError, name):
                semcom.semcom_python.tapped_delay_line(**{**good, name: value}, **rest)
        with self.assertRaisesRegex(ValueError, "knot_spacing"):
            semcom.semcom_python.tapped_delay_line(**good, **{**rest, "knot_spacing": 0})

    def test_tags_move_with_their_samples(self) -> None:
        samples = np.zeros(3000)
        samples[700] = 1
        tag = gr.python_to_tag((700, pmt.intern("here"), pmt.PMT_T, pmt.PMT_F))
        for settings in ({}, {"profile": "flat"}, {"clock_ppm": 20.0}, {"profile": "flat", "clock_ppm": -20.0}):
            received, offsets = through_flowgraph(samples, tags=(tag,), iq_gain_db=1.0, **settings)
            self.assertEqual(offsets, [np.argmax(np.abs(received))], settings)

    def test_a_channel_without_settings_changes_nothing(self) -> None:
        samples = np.exp(1j * np.arange(1000))
        np.testing.assert_allclose(through_flowgraph(samples)[0], samples, atol=1e-5)
        np.testing.assert_array_equal(through_layer(samples[None])[0], samples.astype(np.complex64))

    def test_setters(self) -> None:
        channel = semcom.radio_channel(samp_rate=RATE, profile="flat", clock_ppm=1.0)
        channel._logger = mock.Mock()
        good = {
            "doppler_hz": 5.0,
            "phase_noise_rad": 0.1,
            "phase_noise_bandwidth_hz": 50.0,
            "iq_gain_db": 1.0,
            "iq_phase_deg": 2.0,
            "cfo_hz": -3.0,
            "clock_ppm": 7.0,
        }
        for name, value in good.items():
            getattr(channel, f"set_{name}")(value)
        for name, value in good.items():
            self.assertEqual(getattr(channel.parameters(), name), value)
        channel._logger.warn.assert_not_called()
        before = channel.parameters()
        for name in good:
            for bad in (math.nan, 1e9, "much"):
                getattr(channel, f"set_{name}")(bad)
                self.assertIn(f"{name} stays {getattr(before, name)}", channel._logger.warn.call_args.args[0])
        self.assertIs(channel.parameters(), before)

    def test_a_clock_offset_needs_a_resampler(self) -> None:
        channel = semcom.radio_channel(samp_rate=RATE)
        channel._logger = mock.Mock()
        channel.set_clock_ppm(5.0)
        self.assertIn("made without a clock offset", channel._logger.warn.call_args.args[0])
        self.assertEqual(channel.parameters().clock_ppm, 0)

    def test_values_that_cannot_be(self) -> None:
        for settings in ({"seed": -1}, {"profile": "tdl_d"}, {"doppler_hz": -1.0}, {"cfo_hz": RATE}):
            (name,) = settings
            with self.assertRaisesRegex(ValueError, f"^{name} is"):
                semcom.radio_channel(**{"samp_rate": RATE} | settings)


if __name__ == "__main__":
    unittest.main()
