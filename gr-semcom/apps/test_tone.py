# SPDX-License-Identifier: GPL-3.0-or-later
"""The analysis of a tone, on tones that are computed."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pmt
import pytest
from gnuradio import blocks, gr
from tone import OFFSET, SAMPLES, _Recorder, analyse

RATE = 1e6
TIME = np.arange(SAMPLES)


def received(
    *, cfo_hz: float = 0.0, gain_db: float = 0.0, phase_deg: float = 0.0, level_db: float = -6.0
) -> np.ndarray:
    """A tone behind an imbalance of IQ as the virtual USRP has it, and noise 50 dB below full scale."""
    drawn = np.random.default_rng(1)
    sent = 10 ** (level_db / 20) * np.exp(2j * np.pi * (OFFSET + cfo_hz / RATE) * TIME + 0.7j)
    sent += 10 ** (-50 / 20) * (drawn.standard_normal(SAMPLES) + 1j * drawn.standard_normal(SAMPLES)) / np.sqrt(2)
    gain, phase = 10 ** (gain_db / 20), np.deg2rad(phase_deg)
    return sent.real + 1j * gain * (np.cos(phase) * sent.imag + np.sin(phase) * sent.real)


@pytest.mark.parametrize("cfo_hz", [0.0, 350.0, -9100.0])
@pytest.mark.parametrize(("gain_db", "phase_deg"), [(0.5, 2.0), (-1.0, -3.0), (0.0, 0.0)])
def test_a_tone_tells_offset_levels_and_imbalance(cfo_hz: float, gain_db: float, phase_deg: float) -> None:
    tone = analyse(received(cfo_hz=cfo_hz, gain_db=gain_db, phase_deg=phase_deg), RATE)
    assert tone.cfo_hz == pytest.approx(cfo_hz, abs=0.5)
    assert tone.iq_gain_db == pytest.approx(gain_db, abs=0.02)
    assert tone.iq_phase_deg == pytest.approx(phase_deg, abs=0.1)
    assert tone.noise_dbfs == pytest.approx(-50 + gain_db / 2, abs=0.2)
    assert tone.level_dbfs == pytest.approx(-6 + gain_db / 2, abs=0.1)
    assert tone.dc_db < -60
    assert tone.spur_db < -60
    assert tone.clipped == 0


def test_what_is_beside_the_tone_is_found() -> None:
    samples = received() + 0.002 + 0.001 * np.exp(2j * np.pi * 0.31 * TIME)
    tone = analyse(samples, RATE)
    assert tone.dc_db == pytest.approx(20 * np.log10(0.002) + 6, abs=0.3)
    assert tone.spur_db == pytest.approx(-60 + 6, abs=0.3)
    assert tone.spur_hz == pytest.approx(310e3, abs=20)


def test_clipping_counts_and_makes_harmonics() -> None:
    samples = received(level_db=3.0)
    limited = np.clip(samples.real, -1, 1) + 1j * np.clip(samples.imag, -1, 1)
    tone = analyse(limited, RATE)
    assert tone.clipped > 0.5
    assert tone.spur_db > -30
    assert tone.spur_hz == pytest.approx(-3 * OFFSET * RATE, abs=20)


@pytest.mark.parametrize(("lost_at", "seen"), [(None, True), (0, True), (500, True), (501, False), (1100, False)])
def test_samples_that_were_lost_within_are_noticed(lost_at: int | None, seen: bool) -> None:
    """Of the 1,000 behind 500; the radio dates the sample after the loss."""
    date = [] if lost_at is None else [gr.python_to_tag((lost_at, pmt.intern("rx_time"), pmt.PMT_T, pmt.PMT_F))]
    recorder, top = _Recorder(), gr.top_block()
    with ThreadPoolExecutor() as others:
        captured = others.submit(recorder.capture, 1000, skip=500)
        while recorder._count == 0:
            time.sleep(0.001)
        top.connect(blocks.vector_source_c(np.arange(4000), False, 1, date), recorder)
        top.run()
    assert (captured.result() is not None) == seen


def test_noise_is_no_tone() -> None:
    drawn = np.random.default_rng(2)
    assert analyse(drawn.standard_normal(SAMPLES) + 1j * drawn.standard_normal(SAMPLES), RATE) is None


def test_silence_is_no_tone() -> None:
    assert analyse(np.zeros(SAMPLES, np.complex64), RATE) is None
