# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam to GNU Radio: the only place of training that needs it, and the app ``split_radio``, on the path."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from semcom_training.errors import ConfigError
from semcom_training.split.air import ReceivingAir, SendingAir


@dataclass(frozen=True, kw_only=True)
class RadioSettings:
    """A device address, center frequency, samples a second, and gain in dB."""

    args: str
    freq: float
    samp_rate: float
    gain: float


@contextmanager
def sending(settings: RadioSettings | None) -> Iterator[SendingAir | None]:
    """The transmitter's end, None without a radio.

    Raises:
        ConfigError: GNU Radio or our blocks are missing, or the radio does not answer.
    """
    if settings is None:
        yield None
        return
    with _told():
        import split_radio
        from radio import Radio

        at = {"args": settings.args, "freq": settings.freq, "samp_rate": settings.samp_rate}
        with split_radio.sending(Radio(**at, tx_gain=settings.gain)) as air:
            yield air


@contextmanager
def receiving(settings: RadioSettings | None) -> Iterator[ReceivingAir | None]:
    """The receiver's end, None without a radio.  Raises as :func:`sending`."""
    if settings is None:
        yield None
        return
    with _told():
        import split_radio
        from radio import Radio

        at = {"args": settings.args, "freq": settings.freq, "samp_rate": settings.samp_rate}
        with split_radio.receiving(Radio(**at, rx_gain=settings.gain)) as air:
            yield air


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ConfigError(f"--radio needs GNU Radio and our blocks ({error}): start it by ./semcom split.") from error
    except Exception as error:
        if type(error).__name__ != "AppError":  # of the apps' errors, which cannot be imported without their path
            raise
        raise ConfigError(str(error)) from error
