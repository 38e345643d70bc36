# SPDX-License-Identifier: GPL-3.0-or-later
"""What a radio channel does to complex samples: the parameters that the GNU Radio block and the layer share.

The samples meet, in this order: multipath fading; the receiver's oscillator, with a frequency offset and phase noise;
its IQ imbalance; its sample clock.  No noise is added.  NumPy only, so that blocks need no PyTorch.
"""

import math
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Profile = Literal["none", "flat", "tdl_a", "tdl_b", "tdl_c"]

# 3GPP TR 38.901, tables 7.7.2-1 to 7.7.2-3: delays in units of the delay spread, powers in dB.
# fmt: off
_TDL_A = (
    (0, 0.3819, 0.4025, 0.5868, 0.4610, 0.5375, 0.6708, 0.5750, 0.7618, 1.5375, 1.8978, 2.2242,
     2.1718, 2.4942, 2.5119, 3.0582, 4.0810, 4.4579, 4.5695, 4.7966, 5.0066, 5.3043, 9.6586),
    (-13.4, 0, -2.2, -4, -6, -8.2, -9.9, -10.5, -7.5, -15.9, -6.6, -16.7,
     -12.4, -15.2, -10.8, -11.3, -12.7, -16.2, -18.3, -18.9, -16.6, -19.9, -29.7),
)
_TDL_B = (
    (0, 0.1072, 0.2155, 0.2095, 0.2870, 0.2986, 0.3752, 0.5055, 0.3681, 0.3697, 0.5700, 0.5283,
     1.1021, 1.2756, 1.5474, 1.7842, 2.0169, 2.8294, 3.0219, 3.6187, 4.1067, 4.2790, 4.7834),
    (0, -2.2, -4, -3.2, -9.8, -1.2, -3.4, -5.2, -7.6, -3, -8.9, -9,
     -4.8, -5.7, -7.5, -1.9, -7.6, -12.2, -9.8, -11.4, -14.9, -9.2, -11.3),
)
_TDL_C = (
    (0, 0.2099, 0.2219, 0.2329, 0.2176, 0.6366, 0.6448, 0.6560, 0.6584, 0.7935, 0.8213, 0.9336,
     1.2285, 1.3083, 2.1704, 2.7105, 4.2589, 4.6003, 5.4902, 5.6077, 6.3065, 6.6374, 7.0427, 8.6523),
    (-4.4, -1.2, -3.5, -5.2, -2.5, 0, -2.2, -3.9, -7.4, -7.1, -10.7, -11.1,
     -5.1, -6.8, -8.7, -13.2, -13.9, -13.9, -15.8, -17.1, -16, -15.7, -21.6, -22.8),
)
# fmt: on

_PATHS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "none": ((), ()),
    "flat": ((0.0,), (0.0,)),
    "tdl_a": _TDL_A,
    "tdl_b": _TDL_B,
    "tdl_c": _TDL_C,
}

HALF = 16
"""Samples on each side of an instant that its interpolation uses."""

LEAD = HALF - 1
"""How many samples an interpolation filter's output lags, so that it needs no later sample."""

SINUSOIDS = 32
"""Of which a path's fading is the sum, each of the same power and of random phase, one from each of SINUSOIDS equal
sectors around the receiver.  So the autocorrelation is J0(2 pi doppler_hz tau) exactly over realisations, and nearly
so in each; E|h|^4 is 2 - 1/SINUSOIDS where Rayleigh fading has 2."""

KNOTS_PER_CYCLE = 64
"""Gains are straight lines in between: an error of -58 dB at most."""

LONGEST_DELAY = 1024
"""Samples from the first path to the last."""


@dataclass(frozen=True, kw_only=True)
class RadioParameters:
    """What a radio channel does.  The defaults do nothing.

    Raises:
        ValueError: a value is out of its range; the sentence names it.
    """

    samp_rate: float
    """Complex samples a second."""

    profile: Profile = "none"
    """Multipath: "none"; "flat", one Rayleigh path; or "tdl_a", "tdl_b", "tdl_c" of 3GPP TR 38.901, whose paths are all
    Rayleigh, independent and of total mean power 1."""

    delay_spread_s: float = 0.0
    """Rms delay spread that the delays of a TDL profile are scaled to, in seconds."""

    doppler_hz: float = 0.0
    """Largest Doppler shift, with Jakes' spectrum; 0: the gains stand still."""

    phase_noise_rad: float = 0.0
    """Rms phase of the oscillator, in radians."""

    phase_noise_bandwidth_hz: float = 1000.0
    """Where the phase's spectrum, that of first-order low-pass noise, is 3 dB down."""

    iq_gain_db: float = 0.0
    """Gain of the receiver's I branch over its Q branch."""

    iq_phase_deg: float = 0.0
    """By how much I and Q miss 90 degrees."""

    cfo_hz: float = 0.0
    """Carrier frequency offset; positive turns the samples counter-clockwise."""

    clock_ppm: float = 0.0
    """How much faster the transmitter's sample clock runs than the receiver's, in parts per million: received sample m
    is what was sent at sample m (1 + clock_ppm / 10^6)."""

    def __post_init__(self) -> None:
        if self.profile not in _PATHS:
            raise ValueError(f"profile is {self.profile!r}; choose one of {', '.join(_PATHS)}.")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "profile" and not math.isfinite(value):
                raise ValueError(f"{field.name} is {value}; give a finite number.")
        rate = self.samp_rate
        _require("samp_rate", rate, 0 < rate, "above 0 Hz")
        _require("delay_spread_s", self.delay_spread_s, 0 <= self.delay_spread_s, "0 s or more")
        longest = max(_PATHS[self.profile][0], default=0.0) * self.delay_spread_s * rate
        if longest > LONGEST_DELAY:
            raise ValueError(
                f"delay_spread_s is {self.delay_spread_s}, which puts the last path {longest:.0f} samples behind the "
                f"first; lower it until that is {LONGEST_DELAY} or less."
            )
        top = rate / KNOTS_PER_CYCLE
        _require("doppler_hz", self.doppler_hz, 0 <= self.doppler_hz <= top, f"0 to samp_rate/64 = {top:g} Hz")
        _require("phase_noise_rad", self.phase_noise_rad, 0 <= self.phase_noise_rad <= math.pi, "0 to pi")
        low, high = rate * 1e-6, rate / 2
        bandwidth = self.phase_noise_bandwidth_hz
        fits = low <= bandwidth <= high or not self.phase_noise_rad
        _require("phase_noise_bandwidth_hz", bandwidth, fits, f"{low:g} to {high:g} Hz here")
        _require("iq_gain_db", self.iq_gain_db, abs(self.iq_gain_db) <= 20, "-20 to 20 dB")
        _require("iq_phase_deg", self.iq_phase_deg, abs(self.iq_phase_deg) <= 45, "-45 to 45 degrees")
        _require("cfo_hz", self.cfo_hz, abs(self.cfo_hz) < rate / 2, "below half the sample rate either way")
        _require("clock_ppm", self.clock_ppm, abs(self.clock_ppm) <= 1000, "-1000 to 1000")

    def paths(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Delays in samples and amplitudes of the paths, both [P]; the amplitudes' squares add up to 1."""
        delays, powers_db = (np.array(column, dtype=np.float64) for column in _PATHS[self.profile])
        powers = 10 ** (powers_db / 10)
        return delays * self.delay_spread_s * self.samp_rate, np.sqrt(powers / powers.sum())

    def path_filters(self) -> NDArray[np.float64]:
        """Impulse responses of the paths at gain 1, [P, L]: tap l belongs to a delay of l - LEAD samples."""
        delays, amplitudes = self.paths()
        taps = np.arange(HALF + LEAD + 1 + math.ceil(delays.max(initial=0))) - LEAD
        return amplitudes[:, None] * interpolator(taps - delays[:, None])

    def knot_spacing(self) -> int:
        """Samples between two instants at which the paths' gains are computed."""
        cycle = self.samp_rate / self.doppler_hz if self.doppler_hz else math.inf
        return int(min(cycle / KNOTS_PER_CYCLE, 256))

    def phase_noise_pole(self) -> float:
        """What the phase keeps of itself from one sample to the next: its autocorrelation after n samples is
        phase_noise_rad^2 pole^n."""
        return math.exp(-2 * math.pi * self.phase_noise_bandwidth_hz / self.samp_rate)

    def iq_gains(self) -> tuple[complex, complex]:
        """The gains (a, b) of the receiver's imbalance r -> a r + b conj(r), |a|^2 + |b|^2 = 1."""
        gain = 10 ** (self.iq_gain_db / 20)
        angle = math.radians(self.iq_phase_deg)
        norm = math.sqrt(2 + 2 * gain**2)
        return (1 + gain * np.exp(-1j * angle)) / norm, (gain * np.exp(1j * angle) - 1) / norm

    def clock_step(self) -> float:
        """Samples sent for each sample received."""
        return 1 + self.clock_ppm * 1e-6


def interpolator(offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of a sample ``offset`` samples away: a sinc in a Kaiser window of 2 * HALF samples.

    Its deviation from a pure delay is below -70 dB over 104/128 of the band.
    """
    beta = 7.3
    window = np.i0(beta * np.sqrt(np.clip(1 - (offset / HALF) ** 2, 0, None))) / np.i0(beta)
    return np.sinc(offset) * window * (np.abs(offset) < HALF)


def _require(name: str, value: float, holds: bool, allowed: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value}; choose {allowed}.")
