# SPDX-License-Identifier: GPL-3.0-or-later
"""The levels at which a radio works best over a cable: a single tone at many gains."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from errors import AppError
from gnuradio import semcom
from gnuradio.semcom.image_files import whole_file
from gnuradio.semcom.radio_profile import RadioLevels, RadioProfile
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.progress import track
from tone import AUDIBLE_DB, OFFSET, SAMPLES, Tone, ToneTest, analyse, power_spectrum
from wiring import Device, Wiring

HEADROOM_DB = 1.0  # below full scale
CLEAN_DB = -40.0  # of the strongest line that is not the tone, its image or DC, where all is well
ENOUGH_DB = 0.5  # a lower gain that costs no more is better


@dataclass(frozen=True)
class Point:
    """A pair of gains in dB, and what came of the tone at these; ``tone`` is None where it was not heard."""

    tx_gain: float
    rx_gain: float
    tone: Tone | None

    @property
    def clips(self) -> bool:
        return self.tone is not None and (self.tone.clipped > 0 or self.tone.peak_dbfs > -HEADROOM_DB)

    @property
    def spurious(self) -> bool:
        """Whether a line is too strong, and is no noise."""
        if self.tone is None:
            return False
        noise_db = -self.tone.snr_db - 10 * math.log10(SAMPLES)  # in a bin, against the tone
        return self.tone.spur_db > max(CLEAN_DB, noise_db + AUDIBLE_DB)

    @property
    def verdict(self) -> str:
        if self.tone is None:
            return "not heard"
        return "clips" if self.clips else "spurs" if self.spurious else "clean"


@dataclass(frozen=True)
class Calibration:
    """What was measured; ``symbols_db`` is the SNR (Es/N0) of a burst's symbols less that of the tone, whose amplitude
    is the peak of the bursts."""

    points: list[Point]
    best: Point
    samples: NDArray[np.complex64]
    symbols_db: float
    profile: RadioProfile


def calibrate(wiring: Wiring, *, step_db: float) -> Calibration:
    """Every pair of gains ``step_db`` apart, but for those that could damage the receiver.

    Raises:
        AppError: a radio does not answer, the cable seems to have too little attenuation, or at no gains the tone is
            heard and clean.
    """
    transmitter, receiver = wiring.devices()
    amplitude = wiring.levels.amplitude
    peak = semcom.burst_transmitter(amplitude=amplitude).peak()
    symbols_db = 20 * math.log10(amplitude / peak)
    tx_gains = _steps(transmitter.gains[0], wiring.highest_tx_gain(transmitter), step_db)
    rx_gains = _steps(*receiver.gains, step_db)
    radio = replace(wiring.radio(), tx_gain=tx_gains[0], rx_gain=rx_gains[0])
    test = ToneTest(radio, amplitude=peak)
    pairs = [(tx_gain, rx_gain) for tx_gain in tx_gains for rx_gain in rx_gains]
    with test.running():
        points = []
        for tx_gain, rx_gain in track(pairs, "gains", transient=True):
            tone = test.measure(tx_gain=tx_gain, rx_gain=rx_gain)
            if tone:
                at = RadioLevels(tx_gain, rx_gain, peak)
                wiring.shown_loss_db(transmitter, **vars(at), level_dbfs=tone.level_dbfs)
            points.append(Point(tx_gain, rx_gain, tone))
        chosen = recommended(points)
        samples = test.samples(tx_gain=chosen.tx_gain, rx_gain=chosen.rx_gain)
    best = replace(chosen, tone=analyse(samples, wiring.samp_rate) or chosen.tone)
    profile = _profile(wiring, transmitter, receiver, best, symbols_db)
    return Calibration(points, best, samples, symbols_db, profile)


def _steps(low: float, high: float, step: float) -> list[float]:
    """From the highest down, as that is where the best is sought; in rising order."""
    return sorted(float(high - step * number) for number in range(1 + int((high - low) / step)))


def recommended(points: list[Point]) -> Point:
    """Of those that are clean the one of the highest SNR, or one of lower gains that has nearly as much.

    Raises:
        AppError: none is clean.
    """
    clean = [point for point in points if point.verdict == "clean"]
    if not clean:
        heard = [point for point in points if point.tone]
        why = (
            f"clips or has spurs at every pair of gains, of {len(points)}: put in more attenuation."
            if heard
            else f"was not heard at any of {len(points)} pairs of gains: are the ports connected, TX/RX to RX2, "
            "and both ends on one frequency?"
        )
        raise AppError(f"The tone {why}")
    enough = max(point.tone.snr_db for point in clean) - ENOUGH_DB
    return min((each for each in clean if each.tone.snr_db >= enough), key=lambda each: each.tx_gain + each.rx_gain)


def _profile(wiring: Wiring, transmitter: Device, receiver: Device, best: Point, symbols_db: float) -> RadioProfile:
    return RadioProfile(
        transmitter=transmitter.name,
        transmitter_serial=transmitter.serial,
        receiver=receiver.name,
        receiver_serial=receiver.serial,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        freq=wiring.freq,
        samp_rate=wiring.samp_rate,
        attenuation_db=wiring.path_loss_db,
        tx_gain=best.tx_gain,
        rx_gain=best.rx_gain,
        amplitude=wiring.levels.amplitude,
        snr_db=best.tone.snr_db + symbols_db,
        cfo_hz=best.tone.cfo_hz,
        noise_dbfs=best.tone.noise_dbfs,
        image_db=best.tone.image_db,
    )


def rows(calibration: Calibration) -> list[dict]:
    """The table: one row a pair of gains; SNR is Es/N0 of a burst's symbols."""
    return [
        {
            "TX gain, dB": point.tx_gain,
            "RX gain, dB": point.rx_gain,
            "level, dBFS": tone.level_dbfs if tone else math.nan,
            "noise, dBFS": tone.noise_dbfs if tone else math.nan,
            "SNR, dB": tone.snr_db + calibration.symbols_db if tone else math.nan,
            "spur, dBc": tone.spur_db if tone else math.nan,
            "image, dBc": tone.image_db if tone else math.nan,
            "CFO, Hz": tone.cfo_hz if tone else math.nan,
            "verdict": point.verdict,
        }
        for point in calibration.points
        for tone in (point.tone,)
    ]


def advice(calibration: Calibration) -> list[str]:
    """What to do, in plain words."""
    profile, tone = calibration.profile, calibration.best.tone
    told = [
        f"Work at TX gain {profile.tx_gain:g} dB, RX gain {profile.rx_gain:g} dB, amplitude {profile.amplitude:g}: "
        f"SNR {profile.snr_db:.1f} dB, free of clipping, strongest spur {tone.spur_db:.0f} dBc.",
        f"Carrier offset {tone.cfo_hz:+.1f} Hz; image {tone.image_db:.0f} dBc (Q against I {tone.iq_gain_db:+.2f} dB, "
        f"{tone.iq_phase_deg:+.2f} degrees); DC {tone.dc_db:.0f} dBc; noise {tone.noise_dbfs:.1f} dBFS.",
    ]
    if tone.image_db > -profile.snr_db - 3:
        told.append(f"The image limits the SNR to about {-tone.image_db:.0f} dB: calibrate the radio's IQ balance.")
    weaker = [point for point in calibration.points if point.rx_gain == profile.rx_gain and point.verdict == "clean"]
    lowest = min(weaker, key=lambda point: point.tx_gain)
    least_db = lowest.tone.snr_db + calibration.symbols_db
    told.append(f"For less SNR lower the TX gain: {least_db:.1f} dB at {lowest.tx_gain:g} dB.")
    return told


def draw(calibration: Calibration, path: Path) -> None:
    """The sweep and the spectrum at the levels that are recommended, as PNG."""
    figure = Figure(figsize=(13, 4.2), layout="constrained", dpi=110)
    sweep, noise, spectrum = figure.subplots(1, 3)
    for rx_gain in sorted({point.rx_gain for point in calibration.points}):
        _draw_gain(
            sweep, noise, [each for each in calibration.points if each.rx_gain == rx_gain and each.tone], calibration
        )
    best = calibration.profile
    sweep.plot(best.tx_gain, best.snr_db, "k*", markersize=14, label="recommended")
    sweep.set(xlabel="TX gain, dB", ylabel="SNR (Es/N0) of bursts, dB", title="filled: clean; hollow: clips or spurs")
    noise.set(xlabel="TX gain, dB", ylabel="noise in the band, dBFS", title="noise floor")
    _draw_spectrum(spectrum, calibration)
    for axes in (sweep, noise, spectrum):
        axes.grid(alpha=0.3)
    sweep.legend(fontsize=8)
    with whole_file(path) as part:
        figure.savefig(part, format="png")


def _draw_gain(sweep: Axes, noise: Axes, points: list[Point], calibration: Calibration) -> None:
    if not points:
        return
    gains, snr_db = [each.tx_gain for each in points], [each.tone.snr_db + calibration.symbols_db for each in points]
    (line,) = sweep.plot(gains, snr_db, "-", label=f"RX gain {points[0].rx_gain:g} dB")
    noise.plot(gains, [each.tone.noise_dbfs for each in points], "o-", color=line.get_color(), markersize=4)
    for point, gain, value in zip(points, gains, snr_db, strict=True):
        face = line.get_color() if point.verdict == "clean" else "none"
        sweep.plot(gain, value, "o", color=line.get_color(), markerfacecolor=face)


def _draw_spectrum(axes: Axes, calibration: Calibration) -> None:
    profile = calibration.profile
    power = 10 * np.log10(np.fft.fftshift(power_spectrum(calibration.samples)) + 1e-20)
    hertz = np.fft.fftshift(np.fft.fftfreq(power.size, 1 / profile.samp_rate))
    axes.plot(hertz / 1e3, power, linewidth=0.5)
    for name, at in (("tone", OFFSET), ("image", -OFFSET), ("DC", 0.0)):
        axes.annotate(name, (at * profile.samp_rate / 1e3, 2), ha="center", fontsize=8, annotation_clip=False)
    axes.set(xlabel="offset, kHz", ylabel="dBFS a bin", ylim=(-140, 8))
    axes.set_title(f"at TX gain {profile.tx_gain:g} dB, RX gain {profile.rx_gain:g} dB", pad=12)
