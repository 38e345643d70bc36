# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes in a given number of complex symbols, and back."""

import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semcom_models.digital import wimax
from semcom_models.digital.nr import NrCode, largest_k
from semcom_models.digital.qam import MODULATIONS, Qam
from semcom_models.errors import CodecError

Family = Literal["nr", "802.16e"]
CRC_BYTES = 2
END = b"\x80"  # of a payload; zeros follow
BATCH = 64  # blocks decoded at once: more do not fit a core's cache


@dataclass(frozen=True)
class Scheme:
    """How bits become symbols.

    Args:
        modulation: "qpsk", "16qam", "64qam" or "256qam".
        rate: of the LDPC code, redundancy checks counted as data: from 1/5 to 9/10 with "nr", 1/2, 2/3 or 3/4 with
            "802.16e".
        code: "nr", 5G NR's code, whose blocks fit any number of symbols; "802.16e", in blocks of 2,304 bits.

    Raises:
        CodecError: there is no such modulation or code.
    """

    modulation: str
    rate: Fraction
    code: Family = "nr"

    def __post_init__(self) -> None:
        if self.modulation not in MODULATIONS:
            raise CodecError(f"There is no modulation {self.modulation!r}; there are {', '.join(MODULATIONS)}.")
        if self.code == "802.16e" and self.rate not in wimax.RATES:
            raise CodecError(f"802.16e has the rates {', '.join(map(str, wimax.RATES))}, not {self.rate}.")
        if self.code not in ("nr", "802.16e") or not Fraction(1, 5) <= self.rate <= Fraction(9, 10):
            raise CodecError(f"{self.code!r} at rate {self.rate} is neither nr at 1/5 to 9/10 nor 802.16e.")

    @property
    def name(self) -> str:
        """ "16qam-1/2" with 5G NR's code, "16qam-1/2-802.16e" with the other."""
        family = "" if self.code == "nr" else f"-{self.code}"
        return f"{self.modulation}-{self.rate.numerator}/{self.rate.denominator}{family}"

    @property
    def qam(self) -> Qam:
        return MODULATIONS[self.modulation]


class DigitalLink:
    """Payloads of up to ``payload_bytes`` bytes, each in ``symbols`` complex symbols of mean energy 1.

    payload, end mark, zeros -> blocks with a CRC-16 each -> LDPC -> scrambling -> Gray QAM -> symbols of all blocks by
    turns, so that a fade or a lost burst hits all alike.  Symbols left over are filler.

    Raises:
        CodecError: fewer symbols than a block takes.
    """

    def __init__(self, symbols: int, scheme: Scheme) -> None:
        self.symbols, self.scheme = symbols, scheme
        self._qam = scheme.qam
        self._blocks, k, n = _division(symbols, scheme)
        self._code = wimax.code(scheme.rate) if scheme.code == "802.16e" else NrCode(k, n)
        self._of_block = self._code.n // self._qam.bits  # symbols
        stream = hashlib.shake_128(b"gr-semcom").digest(-(-symbols * self._qam.bits // 8))
        self._scrambling = torch.from_numpy(_bits(stream)[: symbols * self._qam.bits].copy())

        self.payload_bytes = payload_bytes(symbols, scheme)

    def send(self, payloads: Sequence[bytes]) -> NDArray[np.complex64]:
        """-> complex64 [B, symbols].

        Raises:
            CodecError: one has more than ``payload_bytes``.
        """
        for payload in payloads:
            if len(payload) > self.payload_bytes:
                raise CodecError(f"{len(payload)} bytes are too many: {self.payload_bytes} fit.")
        data = np.stack([_bits(self._in_blocks(payload)) for payload in payloads])
        coded = self._code.encode(torch.from_numpy(data.reshape(-1, self._code.k)))
        # A symbol's bits are apart in the code word, as in 5G NR: the first ones are the surest.
        bits = coded.view(len(payloads), self._blocks, self._qam.bits, self._of_block).permute(0, 3, 1, 2)
        filler = self._scrambling.numel() - bits[0].numel()
        bits = torch.nn.functional.pad(bits.reshape(len(payloads), -1), (0, filler))
        return self._qam.modulate(bits ^ self._scrambling).numpy()

    def receive(self, symbols: NDArray[np.complex64], noise_var: NDArray[np.float32]) -> list[bytes | None]:
        """complex64 and float32 [B, symbols], inf where erased -> payloads; None where a block is damaged."""
        return [_payload(blocks) for blocks in self._blocks_of(symbols, noise_var)]

    def receive_as_is(
        self, symbols: NDArray[np.complex64], noise_var: NDArray[np.float32], *, size: int
    ) -> list[bytes]:
        """As :meth:`receive`, payloads of ``size`` bytes each, whether blocks are damaged or not."""
        data = self._blocks_of(symbols, noise_var)[..., :-CRC_BYTES]
        return [blocks.tobytes()[:size] for blocks in data]

    def _blocks_of(self, symbols: NDArray[np.complex64], noise_var: NDArray[np.float32]) -> NDArray[np.uint8]:
        """uint8 [B, blocks, bytes], with their CRCs."""
        llr = self._qam.demodulate(torch.from_numpy(symbols), torch.from_numpy(noise_var))
        llr = (llr * (1 - 2.0 * self._scrambling))[:, : self._blocks * self._code.n]
        words = llr.view(len(symbols), self._of_block, self._blocks, self._qam.bits).permute(0, 2, 3, 1)
        decoded = self._decode(words.reshape(-1, self._code.n))
        return np.packbits(decoded.numpy(), axis=1).reshape(len(symbols), self._blocks, -1)

    def _decode(self, words: Tensor) -> Tensor:
        return torch.cat([self._code.decode(batch)[0] for batch in words.split(BATCH)])

    def _in_blocks(self, payload: bytes) -> bytes:
        size = self._code.k // 8 - CRC_BYTES
        whole = (payload + END).ljust(self._blocks * size, b"\0")
        parts = [whole[at : at + size] for at in range(0, len(whole), size)]
        return b"".join(part + _crc(part) for part in parts)


def payload_bytes(symbols: int, scheme: Scheme) -> int:
    """The most that a payload in so many symbols may have.

    Raises:
        CodecError: fewer symbols than a block takes.
    """
    blocks, k, _ = _division(symbols, scheme)
    return blocks * (k // 8 - CRC_BYTES) - len(END)


def _division(symbols: int, scheme: Scheme) -> tuple[int, int, int]:
    """How many blocks there are, and the k and n of the code of each."""
    bits = symbols * scheme.qam.bits
    if scheme.code == "802.16e":
        n, k = wimax.N, int(wimax.N * scheme.rate)
        blocks = bits // n
    else:
        blocks = max(1, -(-int(bits * scheme.rate) // largest_k(scheme.rate)))
        n = symbols // blocks * scheme.qam.bits
        k = int(n * scheme.rate) // 8 * 8
        if k < 8 * (CRC_BYTES + len(END) + 1):
            blocks = 0
    if blocks == 0:
        raise CodecError(f"{symbols} symbols are too few for a block of {scheme.code}'s code with {scheme.name}.")
    return blocks, k, n


def _payload(blocks: NDArray[np.uint8]) -> bytes | None:
    """uint8 [blocks, bytes] as decoded."""
    rows = [row.tobytes() for row in blocks]
    if any(_crc(row[:-CRC_BYTES]) != row[-CRC_BYTES:] for row in rows):
        return None
    payload, end, zeros = b"".join(row[:-CRC_BYTES] for row in rows).rpartition(END)
    return payload if end and not any(zeros) else None


def _crc(data: bytes) -> bytes:
    """CRC-16/IBM-3740, as the header on air has."""
    return binascii.crc_hqx(data, 0xFFFF).to_bytes(CRC_BYTES, "big")


def _bits(data: bytes) -> NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(data, np.uint8))
