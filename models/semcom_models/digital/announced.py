# SPDX-License-Identifier: GPL-3.0-or-later
"""A digital link whose first symbols say how the others are coded, so that the transmitter may follow the SNR."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from semcom_models.digital import wimax
from semcom_models.digital.link import DigitalLink, Scheme, payload_bytes
from semcom_models.digital.qam import MODULATIONS, Qam
from semcom_models.errors import CodecError

SIGNAL = 16
"""Symbols that tell the scheme: a word of the first-order Reed-Muller code of length 32, as QPSK."""
NEEDED_DB = {
    Scheme("qpsk", Fraction(1, 5)): -1.7,
    Scheme("qpsk", Fraction(1, 3)): -0.2,
    Scheme("qpsk", Fraction(1, 2)): 1.7,
    Scheme("qpsk", Fraction(2, 3)): 3.7,
    Scheme("qpsk", Fraction(3, 4)): 4.9,
    Scheme("16qam", Fraction(1, 2)): 6.8,
    Scheme("16qam", Fraction(2, 3)): 9.2,
    Scheme("16qam", Fraction(3, 4)): 10.6,
    Scheme("64qam", Fraction(1, 2)): 10.8,
    Scheme("64qam", Fraction(2, 3)): 14.3,
    Scheme("64qam", Fraction(3, 4)): 15.7,
    Scheme("256qam", Fraction(1, 2)): 15.2,
    Scheme("256qam", Fraction(2, 3)): 19.0,
    Scheme("256qam", Fraction(3, 4)): 20.6,
}
"""The schemes with 5G NR's code, and the Es/N0 in dB over AWGN at which 99 of 100 payloads in 500 symbols arrive."""
SCHEMES = (*NEEDED_DB, *(Scheme(qam, rate, "802.16e") for qam in MODULATIONS for rate in wimax.RATES))
"""Those that can be told; a block of 802.16e takes 288 to 1,152 symbols."""


def fastest(snr_db: float) -> Scheme:
    """The scheme that carries most at this Es/N0 over AWGN; below all, the surest."""
    able = [scheme for scheme, needed_db in NEEDED_DB.items() if needed_db <= snr_db] or SCHEMES[:1]
    return max(able, key=lambda scheme: (scheme.qam.bits * scheme.rate, -NEEDED_DB[scheme]))


Receive = Callable[[DigitalLink, NDArray[np.complex64], NDArray[np.float32]], Sequence[bytes | None] | None]


class AnnouncedLink:
    """Payloads in ``symbols`` complex symbols, those that tell the scheme included.

    These lie evenly among the others, so that no burst that is lost takes them all.
    """

    def __init__(self, symbols: int) -> None:
        self.symbols = symbols
        self._telling = np.zeros(symbols, bool)
        self._telling[np.arange(SIGNAL) * symbols // SIGNAL] = True

    def payload_bytes(self, scheme: Scheme) -> int:
        """The most that a payload may have; -1 where not even an empty one fits."""
        return room(self.symbols, scheme)

    def send(self, payloads: Sequence[bytes], scheme: Scheme) -> NDArray[np.complex64]:
        """-> complex64 [B, symbols].

        Raises:
            CodecError: one is too large, or the scheme is not of :data:`SCHEMES`.
        """
        if scheme not in SCHEMES:
            can = ", ".join(each.name for each in SCHEMES)
            raise CodecError(f"{scheme.name} cannot be told to a receiver; {can} can.")
        word = Qam(2).modulate((_words()[SCHEMES.index(scheme)] < 0).to(torch.uint8)[None]).numpy()
        symbols = np.empty((len(payloads), self.symbols), np.complex64)
        symbols[:, self._telling] = word
        symbols[:, ~self._telling] = _link(self.symbols - SIGNAL, scheme).send(payloads)
        return symbols

    def receive(self, symbols: NDArray[np.complex64], noise_var: NDArray[np.float32]) -> list[bytes | None]:
        """complex64 and float32 [B, symbols], inf where erased -> payloads; None where one is damaged."""
        return self._by_scheme(symbols, noise_var, lambda link, *received: link.receive(*received))

    def receive_as_is(
        self, symbols: NDArray[np.complex64], noise_var: NDArray[np.float32], *, size: int
    ) -> list[bytes | None]:
        """As :meth:`receive`, payloads of ``size`` bytes each, damaged or not; None where the scheme is none that can
        have been sent."""
        return self._by_scheme(
            symbols,
            noise_var,
            lambda link, *received: link.receive_as_is(*received, size=size) if link.payload_bytes >= size else None,
        )

    def _by_scheme(
        self, symbols: NDArray[np.complex64], noise_var: NDArray[np.float32], receive: Receive
    ) -> list[bytes | None]:
        """What the link of each scheme makes of those that announce it."""
        telling = (torch.from_numpy(each[:, self._telling]) for each in (symbols, noise_var))
        llr = Qam(2).demodulate(*telling)
        told = (llr @ _words()[: len(SCHEMES)].T).argmax(1).numpy()
        payloads: list[bytes | None] = [None] * len(symbols)
        for number in np.unique(told):
            here = np.flatnonzero(told == number)
            if self.payload_bytes(SCHEMES[number]) < 0:
                continue
            link = _link(self.symbols - SIGNAL, SCHEMES[number])
            received = receive(link, *(each[here][:, ~self._telling] for each in (symbols, noise_var)))
            for at, payload in zip(here, received or (), strict=False):
                payloads[at] = payload
        return payloads


def room(symbols: int, scheme: Scheme) -> int:
    """As :meth:`AnnouncedLink.payload_bytes`."""
    try:
        return payload_bytes(symbols - SIGNAL, scheme)
    except CodecError:
        return -1


@lru_cache(maxsize=16)
def _link(symbols: int, scheme: Scheme) -> DigitalLink:
    return DigitalLink(symbols, scheme)


@cache
def _words() -> torch.Tensor:
    """float32 [64, 32] of 1 and -1: Hadamard's matrix and its negative."""
    words = torch.ones(1, 1)
    for _ in range(5):
        words = torch.cat([torch.cat([words, words], 1), torch.cat([words, -words], 1)])
    return torch.cat([words, -words])
