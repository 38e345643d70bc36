# SPDX-License-Identifier: GPL-3.0-or-later
"""The levels at which a radio was found to work well: written by ./semcom hw calibrate, loaded by flowgraphs."""

import json
import math
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from .image_files import whole_file

UNSET = -1.0
"""A gain or an amplitude that the profile gives."""
FREQ_TOLERANCE = 0.05
LARGEST = 64 * 1024  # bytes of a file


class ProfileError(ValueError):
    """A profile that cannot be read, or does not go with the radio's settings, in one sentence."""


@dataclass(frozen=True)
class RadioLevels:
    """Gains in dB, and the amplitude of the burst transmitter."""

    tx_gain: float = 40.0
    rx_gain: float = 30.0
    amplitude: float = 0.18


@dataclass(frozen=True, kw_only=True)
class RadioProfile:
    """What calibration over a cable has found.

    ``snr_db`` is Es/N0 of a burst's symbols at these levels, ``noise_dbfs`` the noise in the whole band against full
    scale, ``image_db`` the IQ image against the tone that it comes from; ``date`` is ISO 8601.
    """

    transmitter: str
    transmitter_serial: str
    receiver: str
    receiver_serial: str
    date: str
    freq: float
    samp_rate: float
    attenuation_db: float
    tx_gain: float
    rx_gain: float
    amplitude: float
    snr_db: float
    cfo_hz: float
    noise_dbfs: float
    image_db: float

    @property
    def levels(self) -> RadioLevels:
        """Those to work at."""
        return RadioLevels(self.tx_gain, self.rx_gain, self.amplitude)

    def write(self, path: Path) -> None:
        """As TOML, whole or not at all; raises OSError."""
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in vars(self).items()]
        with whole_file(path) as part:
            part.write_text("# What ./semcom hw calibrate found\n" + "\n".join(lines) + "\n", encoding="utf-8")


_RANGES = {
    "freq": (1.0, 1e12),
    "samp_rate": (1.0, 1e10),
    "attenuation_db": (0.0, 300.0),
    "tx_gain": (0.0, 200.0),
    "rx_gain": (0.0, 200.0),
    "amplitude": (1e-6, 1.0),
}


def read_profile(path: str | Path) -> RadioProfile:
    """The profile in a file.

    Raises:
        ProfileError: it is missing, no TOML, or a field is missing, unknown, of another type or out of its range.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST)
        content = tomllib.loads(raw.decode())
    except OSError as error:
        raise ProfileError(f"The profile {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # no UTF-8, or no TOML
        raise ProfileError(f"{path} is no profile: {error}; ./semcom hw calibrate writes one.") from error
    known = {field.name: field.type for field in fields(RadioProfile)}
    if content.keys() != known.keys():
        wrong = ", ".join(sorted(content.keys() ^ known.keys()))
        raise ProfileError(f"{path} is no profile of this version: missing or unknown {wrong}; calibrate anew.")
    return RadioProfile(**{key: _checked(path, key, kind, content[key]) for key, kind in known.items()})


def _checked(path: str | Path, key: str, kind: type, value: object) -> object:
    if kind is str and isinstance(value, str):
        return value
    low, high = _RANGES.get(key, (-1e12, 1e12))
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    expected = "text" if kind is str else f"a number from {low:g} to {high:g}"
    raise ProfileError(f"In {path} {key} is {value!r}; it must be {expected}.")


def radio_levels(
    profile: str | Path,
    freq: float,
    tx_gain: float = UNSET,
    rx_gain: float = UNSET,
    amplitude: float = UNSET,
) -> RadioLevels:
    """Those that are given, the others from a profile's file, or usual ones (40 dB, 30 dB, 0.3) where it is empty.

    Flowgraphs give the arguments by position, as the companion renames keywords that are called as its variables.

    Args:
        profile: a file that ``./semcom hw calibrate`` wrote.
        freq: what the radio is tuned to, in Hz; a profile holds within 5 % of its own.
        tx_gain, rx_gain: in dB; below 0 they are not given.
        amplitude: of the burst transmitter; below 0 it is not given.

    Raises:
        ProfileError: the file is no profile, or one for another frequency.
    """
    found = RadioLevels()
    if profile:
        read = read_profile(profile)
        if not math.isclose(freq, read.freq, rel_tol=FREQ_TOLERANCE):
            raise ProfileError(
                f"The profile {profile} was measured at {read.freq / 1e6:g} MHz and the radio is tuned to "
                f"{freq / 1e6:g} MHz: calibrate there, or give --freq {read.freq:.0f}."
            )
        found = read.levels
    return RadioLevels(
        found.tx_gain if tx_gain < 0 else tx_gain,
        found.rx_gain if rx_gain < 0 else rx_gain,
        found.amplitude if amplitude < 0 else amplitude,
    )
