# SPDX-License-Identifier: GPL-3.0-or-later
"""The single-tone test: what a radio makes of one frequency."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pmt
from errors import AppError
from gnuradio import analog, gr
from numpy.typing import NDArray
from radio import Radio

OFFSET = 0.11  # of the sample rate; its harmonics up to the third lie apart from its image and DC
MAX_CFO = 0.06 / (2 * math.pi)  # of the sample rate: what the burst receiver bears
SAMPLES = 1 << 16
LINE_BINS = 8  # on each side of a line, for the window
SKIRT_BINS = 40  # around a line, which are none of the noise
AUDIBLE_DB = 20.0  # of a line above the mean of all bins of the noise
FULL = 0.999  # of full scale: beyond that a converter clips
IN_FLIGHT = 100_000  # samples that a radio and its driver hold, at most
SETTLING_S = 0.05  # of a gain
PATIENCE_S = 60.0  # of the host, for one capture
TRIALS = 5


@dataclass(frozen=True, kw_only=True)
class Tone:
    """What was received.

    Levels are against full scale, |x| = 1; ``image_db``, ``dc_db`` and ``spur_db``, the strongest other line, are
    against the tone.  ``snr_db`` is that of the tone to the noise in the whole band.  Image, gain and phase of Q
    against I are the receiver's; where both ends share an oscillator those of the transmitter lie in the same place.
    """

    level_dbfs: float
    peak_dbfs: float
    noise_dbfs: float
    cfo_hz: float
    image_db: float
    iq_gain_db: float
    iq_phase_deg: float
    dc_db: float
    spur_db: float
    spur_hz: float
    clipped: float

    @property
    def snr_db(self) -> float:
        return self.level_dbfs - self.noise_dbfs


def power_spectrum(samples: NDArray[np.complex64]) -> NDArray[np.float64]:
    """Power in each bin [N], bin 0 at 0 Hz; the sum is the mean power."""
    window = np.blackman(samples.size)
    return np.abs(np.fft.fft(samples * window)) ** 2 / (samples.size * np.sum(window**2))


def analyse(samples: NDArray[np.complex64], samp_rate: float) -> Tone | None:
    """What is in complex samples [N] of a tone sent at ``OFFSET``; None where it is not heard.

    The tone is looked for within what the burst receiver bears of carrier frequency offset.
    """
    count, power = samples.size, power_spectrum(samples)
    reach = math.ceil(MAX_CFO * count)
    expected = round(OFFSET * count)
    strongest = expected - reach + int(np.argmax(power[expected - reach : expected + reach + 1]))
    cycles = _frequency(samples, strongest / count)
    cfo = cycles - OFFSET
    # Of receiver and transmitter, which differ by the offset: image, DC, second and third harmonic on either side.
    lines = {"image": (-cycles, cfo - OFFSET), "dc": (0.0, cfo)}
    harmonics = [order * cycles for order in (-3, -2, 2, 3)] + [order * OFFSET + cfo for order in (-3, -2, 2, 3)]
    rest = np.ones(count, bool)
    for line in (cycles, *lines["image"], *lines["dc"], *harmonics):
        rest[_bins(line, count, SKIRT_BINS)] = False
    noise = power[rest].mean() * count
    tone = power[_bins(cycles, count)].sum() - (2 * LINE_BINS + 1) * noise / count
    if tone <= 10 ** (AUDIBLE_DB / 10) * noise / count:
        return None
    image, dc = (max(power[_bins(line, count)].sum() for line in lines[name]) for name in ("image", "dc"))
    others = power.copy()
    for line in (cycles, *lines["image"], *lines["dc"]):
        others[_bins(line, count, SKIRT_BINS)] = 0
    spur = int(np.argmax(others))
    gain_db, phase_deg = _imbalance(samples, cycles)
    parts = np.maximum(np.abs(samples.real), np.abs(samples.imag))
    return Tone(
        level_dbfs=_db(tone),
        peak_dbfs=2 * _db(parts.max()),
        noise_dbfs=_db(noise),
        cfo_hz=cfo * samp_rate,
        image_db=_db(image / tone),
        iq_gain_db=gain_db,
        iq_phase_deg=phase_deg,
        dc_db=_db(dc / tone),
        spur_db=_db(others[_bins(spur / count, count)].sum() / tone),
        spur_hz=float(np.fft.fftfreq(count, 1 / samp_rate)[spur]),
        clipped=float((parts >= FULL).mean()),
    )


def _bins(cycles: float, count: int, reach: int = LINE_BINS) -> NDArray[np.int64]:
    """The bins around a frequency in cycles a sample."""
    return (round(cycles * count) + np.arange(-reach, reach + 1)) % count


def _frequency(samples: NDArray[np.complex64], near: float) -> float:
    """Of the line near this frequency, in cycles a sample: by how its phase turns from one half to the other."""
    half = samples.size // 2
    turned = samples[: 2 * half] * np.exp(-2j * np.pi * near * np.arange(2 * half))
    first, second = (np.blackman(half) @ part for part in (turned[:half], turned[half:]))
    return near + float(np.angle(second * first.conj())) / (2 * np.pi * half)


def _imbalance(samples: NDArray[np.complex64], cycles: float) -> tuple[float, float]:
    """Of Q against I, in dB and degrees: y = alpha x + beta conj(x) with alpha* = (1 + g) / 2 and beta = (1 - g) / 2,
    where g = gain exp(-j phase)."""
    turns = np.exp(-2j * np.pi * cycles * np.arange(samples.size)) * np.blackman(samples.size)
    ratio = (samples @ turns.conj()) / np.conj(samples @ turns)
    balance = (1 - ratio) / (1 + ratio)
    return 2 * _db(abs(balance)), -math.degrees(np.angle(balance))


def _db(power: float) -> float:
    return 10 * math.log10(max(float(power), 1e-30))


class _Recorder(gr.sync_block):
    """Keeps samples when it is asked to."""

    def __init__(self) -> None:
        gr.sync_block.__init__(self, "recorder", [np.complex64], [])
        self._changed = threading.Condition()
        self._skip = self._count = 0
        self._parts: list[NDArray[np.complex64]] = []
        self._gap = False

    def capture(self, count: int, *, skip: int) -> NDArray[np.complex64] | None:
        """``count`` samples, after ``skip``; None where the radio lost some of them.

        Raises:
            AppError: the radio gives nothing.
        """
        with self._changed:
            self._parts, self._skip, self._count, self._gap = [], skip, count, False
            if not self._changed.wait_for(lambda: self._count == 0, PATIENCE_S):
                raise AppError(f"The radio gave no samples for {PATIENCE_S:.0f} s; is it still plugged in?")
            return None if self._gap else np.concatenate(self._parts)

    def work(self, input_items: list[NDArray[np.complex64]], output_items: list) -> int:
        samples = input_items[0]
        with self._changed:
            begin = min(self._skip, samples.size)
            self._skip -= begin
            end = min(begin + self._count, samples.size)
            if end > begin:
                first = self.nitems_read(0) + begin
                dates = self.get_tags_in_window(0, begin, end, pmt.intern("rx_time"))
                self._gap |= any(self._parts or date.offset > first for date in dates)
                self._parts.append(samples[begin:end].copy())
                self._count -= end - begin
                self._changed.notify_all()
        return samples.size


class ToneTest:
    """Sends a tone without a pause while :meth:`running`, and measures it."""

    def __init__(self, radio: Radio, *, amplitude: float) -> None:
        self._radio = replace(radio, length_tag="")
        self._graph = gr.top_block("tone")
        self._source = analog.sig_source_c(radio.samp_rate, analog.GR_COS_WAVE, OFFSET * radio.samp_rate, amplitude, 0)
        self._recorder = _Recorder()
        self._radio.connect(self._graph, self._source, self._recorder)

    @contextmanager
    def running(self) -> Iterator["ToneTest"]:
        """While the tone is on air."""
        self._graph.start()
        try:
            yield self
        finally:
            self._graph.stop()
            self._graph.wait()

    def samples(self, *, tx_gain: float, rx_gain: float) -> NDArray[np.complex64]:
        """``SAMPLES`` of them at these gains, none lost on the way to or from the radio.

        Raises:
            AppError: this machine is too slow, or the radio gives nothing.
        """
        self._radio.sink.set_gain(tx_gain, 0)
        self._radio.source.set_gain(rx_gain, 0)
        skip = IN_FLIGHT + int(SETTLING_S * self._radio.samp_rate)
        for _ in range(TRIALS):
            drops = self._radio.monitor.counts().drops
            captured = self._recorder.capture(SAMPLES, skip=skip)
            if captured is not None and self._radio.monitor.counts().drops == drops:
                return captured
        raise AppError("This machine loses samples: lower --samp-rate, or its load.")

    def measure(self, *, tx_gain: float, rx_gain: float) -> Tone | None:
        """The tone at these gains in dB; None where it is not heard."""
        return analyse(self.samples(tx_gain=tx_gain, rx_gain=rx_gain), self._radio.samp_rate)
