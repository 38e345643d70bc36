# SPDX-License-Identifier: GPL-3.0-or-later
"""AESC-I behind the codec contract: the semantic code as bytes over LDPC and QAM."""

from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from semcom_models.aesc.autoencoders import AUTOENCODERS, LEVELS, Autoencoder
from semcom_models.aesc.weights import DecoderWeights
from semcom_models.codec import (
    CHANNELS,
    USUAL_SNR_DB,
    Csi,
    check_pictures,
    check_received,
    checked_ratio,
)
from semcom_models.digital.announced import NEEDED_DB, SIGNAL, AnnouncedLink, room
from semcom_models.digital.link import Scheme
from semcom_models.digital.separate import mid_grey
from semcom_models.errors import CodecError

USUAL_SCHEME = Scheme("qpsk", Fraction(1, 2))
"""The one of which the usual number of symbols is."""
BATCH = 256  # tiles
SUREST, *_, FASTEST = sorted(NEEDED_DB, key=lambda scheme: scheme.qam.bits * scheme.rate)


class AescDecoder:
    """What a receiver makes of one decoder that it was sent; the receiving half of a codec.

    Pictures of other sizes than the autoencoder's are coded in tiles of that size, those at the edge padded with their
    last row and column.  A code of which a block is damaged is decoded as it is, as in the paper: bytes that are wrong
    are spots in the picture.
    """

    engine = "torch"

    def __init__(self, weights: DecoderWeights) -> None:
        self.name = weights.architecture
        self.id = weights.id
        kind = AUTOENCODERS[weights.architecture]
        self.side, self._channels = kind.side, kind.channels
        self._code_bytes = kind(z_dims=weights.z_dims).code_bytes
        self._network = weights.network()

    @property
    def ratios(self) -> tuple[Fraction, Fraction]:
        """k/n of a picture of one tile, n counting three channels, with the fastest scheme and the surest."""
        fastest, surest = (Fraction(self._symbols(1, scheme), self._values(1)) for scheme in (FASTEST, SUREST))
        return fastest, surest

    def symbols_for(self, height: int, width: int, *, ratio: float | None = None) -> int:
        """k for a picture; the ratio is of the padded one, None that of QPSK and rate 1/2.

        Raises:
            CodecError: a ratio outside of ``ratios``.
        """
        tiles = self._tiles(height, width)
        if ratio is None:
            return self._symbols(tiles, USUAL_SCHEME)
        return max(round(checked_ratio(self, ratio) * self._values(tiles)), self._symbols(tiles, FASTEST))

    @torch.inference_mode()
    def decode(self, symbols: NDArray[np.complex64], csi: Csi, *, height: int, width: int) -> NDArray[np.uint8]:
        """As :meth:`Codec.decode`; mid-grey where it is not even clear how the bytes were sent."""
        check_received(self, symbols, csi, height=height, width=width)
        tiles = self._tiles(height, width)
        codes = AnnouncedLink(symbols.shape[1]).receive_as_is(symbols, csi.noise_var, size=tiles * self._code_bytes)
        whole = [code or bytes(tiles * self._code_bytes) for code in codes]
        pictures = self._pictures(b"".join(whole), height=height, width=width)
        pictures[[code is None for code in codes]] = mid_grey(height, width)
        return pictures

    def _pictures(self, codes: bytes, *, height: int, width: int) -> NDArray[np.uint8]:
        """One code after another -> uint8 [B, height, width, 3]."""
        values = torch.frombuffer(bytearray(codes), dtype=torch.uint8).view(-1, self._code_bytes) / LEVELS
        pixels = torch.cat([self._network(batch) for batch in values.split(BATCH)]).expand(-1, CHANNELS, -1, -1)
        tiles = (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        rows, columns = -(-height // self.side), -(-width // self.side)
        grid = tiles.reshape(-1, rows, columns, self.side, self.side, CHANNELS).swapaxes(2, 3)
        return grid.reshape(-1, rows * self.side, columns * self.side, CHANNELS)[:, :height, :width]

    def _tiles(self, height: int, width: int) -> int:
        return -(-height // self.side) * -(-width // self.side)

    def _values(self, tiles: int) -> int:
        return tiles * CHANNELS * self.side**2

    def _symbols(self, tiles: int, scheme: Scheme) -> int:
        return symbols_for_bytes(tiles * self._code_bytes, scheme)


class AescCodec(AescDecoder):
    """Both halves: the encoder of ``autoencoder``, and its decoder with the weights rounded, as it would arrive.

    A picture is sent with the surest scheme of which its code fits into the symbols.
    """

    def __init__(self, autoencoder: Autoencoder, *, name: str) -> None:
        self.weights = DecoderWeights.of(autoencoder, bits=autoencoder.weight_bits)
        super().__init__(self.weights)
        self.name, self._autoencoder = name, autoencoder.eval()

    @torch.inference_mode()
    def encode(
        self, images: NDArray[np.uint8], *, ratio: float | None = None, snr_db: float = USUAL_SNR_DB
    ) -> NDArray[np.complex64]:
        """As :meth:`Codec.encode`; the SNR makes no difference.

        Raises:
            CodecError: as there.
        """
        check_pictures(images, snr_db=snr_db)
        _, height, width, _ = images.shape
        link = AnnouncedLink(self.symbols_for(height, width, ratio=ratio))
        codes = self._codes(images)
        fitting = [scheme for scheme in NEEDED_DB if link.payload_bytes(scheme) >= len(codes[0])]
        if not fitting:
            raise CodecError(f"{len(codes[0])} bytes do not fit into {link.symbols} symbols; give a higher ratio.")
        return link.send(codes, min(fitting, key=NEEDED_DB.__getitem__))

    def _codes(self, images: NDArray[np.uint8]) -> list[bytes]:
        """uint8 [B, H, W, 3] -> the codes of all tiles of each."""
        count, height, width, _ = images.shape
        margin = (0, 0), (0, -height % self.side), (0, -width % self.side), (0, 0)
        padded = np.pad(images, margin, mode="edge")
        rows, columns = padded.shape[1] // self.side, padded.shape[2] // self.side
        tiles = padded.reshape(count, rows, self.side, columns, self.side, CHANNELS).swapaxes(2, 3)
        pixels = torch.from_numpy(tiles.reshape(-1, self.side, self.side, CHANNELS)).permute(0, 3, 1, 2)
        codes = torch.cat([self._autoencoder.encode(batch / 255) for batch in pixels.split(BATCH)])
        return [code.tobytes() for code in codes.view(count, -1).numpy()]


@lru_cache(maxsize=1024)
def symbols_for_bytes(count: int, scheme: Scheme) -> int:
    """The fewest symbols of an announced link that carry ``count`` bytes."""
    symbols = SIGNAL + int(8 * count / (scheme.qam.bits * scheme.rate))
    while room(symbols, scheme) < count:
        symbols += 1
    return symbols
