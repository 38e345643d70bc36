# SPDX-License-Identifier: GPL-3.0-or-later
"""Separate source and channel coding behind the codec contract: an image coder, LDPC and QAM."""

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from semcom_models.codec import (
    CHANNELS,
    USUAL_SNR_DB,
    Csi,
    check_pictures,
    check_received,
    checked_ratio,
    codec_id,
)
from semcom_models.digital.announced import SCHEMES, SIGNAL, AnnouncedLink, fastest
from semcom_models.digital.link import Scheme
from semcom_models.digital.sources import Source, find_source, sources
from semcom_models.errors import CodecError

OVER_LDPC = "+ldpc"
MID_GREY = 128
LOWEST, HIGHEST = Fraction(1, 48), Fraction(24)
"""k/n; with the surest scheme, pixels as they are take 20."""


class SeparateCodec:
    """Pictures as the finest files that fit into k symbols: headers, redundancy checks and the 16 symbols that tell
    the scheme are paid for.

    A picture of which a block fails, or whose coarsest file does not fit, comes out mid-grey: an image coder makes
    nothing of half a file.  Symbols have mean power 1 over the constellation, not over each picture.

    Args:
        source: the image coder.
        scheme: of :data:`announced.SCHEMES`; None for the fastest that the SNR encoded for allows over AWGN.
        free_headers: a bound, for simulation: only the bytes of the pixels are sent, and the very same object has to
            decode what it last encoded, as it keeps the headers.
    """

    ratios = LOWEST, HIGHEST
    engine = "torch"

    def __init__(self, source: Source, *, scheme: Scheme | None = None, free_headers: bool = False) -> None:
        self.name = source.name + OVER_LDPC
        self.id = codec_id(self.name, "")  # a receiver is told the scheme
        self.source, self.scheme, self.free_headers = source, scheme, free_headers
        self._files: dict[bytes, bytes] = {}  # with free headers, by what goes on air for them

    def with_scheme(self, scheme: Scheme) -> "SeparateCodec":
        """The same that keeps to one scheme."""
        return SeparateCodec(self.source, scheme=scheme, free_headers=self.free_headers)

    def symbols_for(self, height: int, width: int, *, ratio: float | None = None) -> int:
        """As :meth:`Codec.symbols_for`."""
        return max(round(checked_ratio(self, ratio) * CHANNELS * height * width), SIGNAL + 1)

    def encode(
        self, images: NDArray[np.uint8], *, ratio: float | None = None, snr_db: float = USUAL_SNR_DB
    ) -> NDArray[np.complex64]:
        """As :meth:`Codec.encode`.

        Raises:
            CodecError: as there, or there are too few symbols for any file of this coder.
        """
        check_pictures(images, snr_db=snr_db)
        _, height, width, _ = images.shape
        link = AnnouncedLink(self.symbols_for(height, width, ratio=ratio))
        scheme = self.scheme or fastest(snr_db)
        if link.payload_bytes(scheme) < 0 and self.scheme is None:
            scheme = max(SCHEMES, key=link.payload_bytes)  # nothing fits, and something has to be on air
        if (room := link.payload_bytes(scheme)) < 0:
            pinned = f" with {scheme.name}" if self.scheme else ""
            raise CodecError(f"{link.symbols} symbols are too few for {self.name}{pinned}; give a higher ratio.")
        files = [self.source.fit(pixels, room, free_headers=self.free_headers) or b"" for pixels in images]
        return link.send(self._without_headers(files) if self.free_headers else files, scheme)

    def decode(self, symbols: NDArray[np.complex64], csi: Csi, *, height: int, width: int) -> NDArray[np.uint8]:
        """As :meth:`Codec.decode`."""
        check_received(self, symbols, csi, height=height, width=width)
        files = AnnouncedLink(symbols.shape[1]).receive(symbols, csi.noise_var)
        return np.stack([self._picture(file, height=height, width=width) for file in files])

    def _picture(self, file: bytes | None, *, height: int, width: int) -> NDArray[np.uint8]:
        if file and self.free_headers:
            file = self._files.get(file)
        if file:
            try:
                return self.source.open(file, height=height, width=width)
            except CodecError:
                pass  # the checks of its blocks held by chance
        return mid_grey(height, width)

    def _without_headers(self, files: Sequence[bytes]) -> list[bytes]:
        """As many bytes for each as its pixels have, that stand for the file."""
        sent = [
            hashlib.shake_128(file).digest(len(file) - self.source.header_bytes(file)) if file else b""
            for file in files
        ]
        self._files = dict(zip(sent, files, strict=True))
        return sent


def mid_grey(height: int, width: int) -> NDArray[np.uint8]:
    """What is shown for a picture that did not arrive: uint8 [height, width, 3]."""
    return np.full((height, width, CHANNELS), MID_GREY, np.uint8)


def is_separate(name: str) -> bool:
    """Whether a name is that of a separate codec, here or not."""
    return OVER_LDPC in name


def load(name: str, *, free_headers: bool = False, source: Callable[[str], Source] = find_source) -> SeparateCodec:
    """``jpeg+ldpc``, or ``jpeg+ldpc@16qam-1/2`` for one scheme whatever the SNR; ``source`` finds the image coder.

    Raises:
        CodecError: there is no such coder here, or no such scheme.
    """
    coder, _, wanted = name.partition(OVER_LDPC)
    schemes = {f"@{scheme.name}": scheme for scheme in SCHEMES} | {"": None}
    if wanted not in schemes:
        known = ", ".join(each for each in schemes if each)
        raise CodecError(f"There is no {name!r}; behind {coder}{OVER_LDPC} may stand {known}.")
    return SeparateCodec(source(coder), scheme=schemes[wanted], free_headers=free_headers)


def names() -> Sequence[str]:
    """Of those that can be had here, without schemes."""
    return [name + OVER_LDPC for name in sources()]
