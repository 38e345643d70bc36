# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam to GNU Radio: the app ``split_radio``, which ./semcom puts on the path where --radio is given."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType

from semcom_training.errors import ConfigError
from semcom_training.split.air import ReceivingAir, SendingAir


@dataclass(frozen=True, kw_only=True)
class RadioSettings:
    """A device address, center frequency, samples a second, and gain in dB."""

    args: str
    freq: float
    samp_rate: float
    gain: float


def sending(settings: RadioSettings | None) -> AbstractContextManager[SendingAir | None]:
    """The transmitter's end, None without a radio.

    Raises:
        ConfigError: GNU Radio or our blocks are missing, or the radio does not answer.
    """
    return nullcontext() if settings is None else _app().sending(settings)


def receiving(settings: RadioSettings | None) -> AbstractContextManager[ReceivingAir | None]:
    """The receiver's end, None without a radio.  Raises as :func:`sending`."""
    return nullcontext() if settings is None else _app().receiving(settings)


def _app() -> ModuleType:
    try:
        import split_radio
    except ImportError as error:
        raise ConfigError(f"--radio needs GNU Radio and our blocks ({error}): start it by ./semcom split.") from error
    return split_radio
