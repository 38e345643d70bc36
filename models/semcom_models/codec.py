# SPDX-License-Identifier: GPL-3.0-or-later
"""The codec contract: pictures in, symbols out, and back."""

import math
import zlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semcom_models.architecture import Architecture, Receiver, Transmitter
from semcom_models.engines import EngineName, run_on
from semcom_models.errors import CodecError
from semcom_models.order import sending_order

CHANNELS = 3
USUAL_RATIO = 1 / 6
"""k/n where none is asked for, as near as the codec comes."""
RATIO_SLACK = 0.005
"""1/48 may be written as 0.0208."""
USUAL_SNR_DB = 10.0
"""Es/N0 that pictures are encoded for where none is asked for."""


@dataclass(frozen=True)
class Csi:
    """What the receiver knows of the channel: the noise variance of each symbol.

    ``noise_var`` is float32 [B, k], above 0, relative to symbols of unit mean power; ``inf`` marks an erasure, a
    symbol that never arrived.
    """

    noise_var: NDArray[np.float32]

    @classmethod
    def awgn(cls, snr_db: float, shape: tuple[int, int]) -> "Csi":
        """The same Es/N0 for all symbols of [B, k]."""
        return cls(np.full(shape, 10 ** (-snr_db / 10), dtype=np.float32))

    @property
    def erased(self) -> NDArray[np.bool_]:
        """[B, k]: True where a symbol never arrived."""
        return np.isinf(self.noise_var)


def codec_id(name: str, weights_sha256: str) -> int:
    """The 16 bits that stand for a codec in the header on air: of the same name and the same weights, or another."""
    return zlib.crc32(f"{name} {weights_sha256}".encode()) & 0xFFFF


class ImageCodec(Protocol):
    """What blocks and measurements ask of a codec, trained or not: the same as of :class:`Codec`, where it is told.

    ``engine`` names what does the work.
    """

    name: str
    id: int
    engine: str

    @property
    def ratios(self) -> tuple[Fraction, Fraction]: ...

    def symbols_for(self, height: int, width: int, *, ratio: float | None = None) -> int: ...

    def encode(
        self, images: NDArray[np.uint8], *, ratio: float | None = None, snr_db: float = USUAL_SNR_DB
    ) -> NDArray[np.complex64]: ...

    def decode(self, symbols: NDArray[np.complex64], csi: Csi, *, height: int, width: int) -> NDArray[np.uint8]: ...


class Rated(Protocol):
    """What has a name, and ratios k/n from one to another."""

    name: str

    @property
    def ratios(self) -> tuple[Fraction, Fraction]: ...


def checked_ratio(codec: Rated, ratio: float | None) -> float:
    """The ratio, or the usual one for None.  Raises CodecError where the codec has it not."""
    lowest, highest = (float(bound) for bound in codec.ratios)
    if ratio is None:
        return min(max(USUAL_RATIO, lowest), highest)
    if not lowest * (1 - RATIO_SLACK) <= ratio <= highest * (1 + RATIO_SLACK):
        has = f"{codec.ratios[1]}" if lowest == highest else f"{codec.ratios[0]} to {codec.ratios[1]}"
        raise CodecError(f"{codec.name} sends at k/n {has}, not at {ratio:g}; give a ratio that it has.")
    return ratio


def check_pictures(images: NDArray[np.uint8], *, snr_db: float) -> None:
    """Raises CodecError for what no codec can encode."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != CHANNELS or 0 in images.shape:
        raise CodecError(f"encode takes uint8 pictures [B, H, W, 3], not {images.dtype} {list(images.shape)}.")
    if not math.isfinite(snr_db):
        raise CodecError(f"The SNR to encode for is {snr_db} dB; it must be finite.")


def check_received(codec: ImageCodec, symbols: NDArray[np.complex64], csi: Csi, *, height: int, width: int) -> None:
    """Raises CodecError for what ``codec`` cannot have sent."""
    if height < 1 or width < 1:
        raise CodecError(f"There are no pictures of {width}x{height} pixels.")
    lowest, highest = (codec.symbols_for(height, width, ratio=float(ratio)) for ratio in codec.ratios)
    if symbols.ndim != 2 or not lowest <= symbols.shape[1] <= highest or len(symbols) == 0:
        k = f"{highest}" if lowest == highest else f"{lowest} to {highest}"
        raise CodecError(f"{codec.name} needs [B, {k}] symbols for {width}x{height}, not {list(symbols.shape)}.")
    if csi.noise_var.shape != symbols.shape:
        raise CodecError(f"{list(symbols.shape)} symbols came with noise variances {list(csi.noise_var.shape)}.")
    if not np.isfinite(symbols).all():
        raise CodecError("There are NaN or infinite values among the symbols; mark erasures by noise_var=inf.")
    if not (csi.noise_var > 0).all():
        raise CodecError("A noise variance is NaN, zero or negative; it has to be above 0.")


class Encode(nn.Module):
    """Pixels to symbols: uint8 [B, H, W, 3], SNR in dB [B], sent [B, C, h, w] -> pairs of reals [B, C, h, w, 2]."""

    def __init__(self, networks: Architecture) -> None:
        super().__init__()
        self.transmitter = Transmitter(networks.encoder)

    def forward(self, images: Tensor, snr_db: Tensor, sent: Tensor) -> Tensor:
        return self.transmitter(images.permute(0, 3, 1, 2).to(torch.float32) / 255, snr_db, sent)


class Decode(nn.Module):
    """Symbols to pixels: pairs [B, C, h, w, 2] and noise variances [B, C, h, w] -> uint8 [B, H, W, 3]."""

    def __init__(self, networks: Architecture) -> None:
        super().__init__()
        self.receiver = Receiver(networks.decoder)

    def forward(self, symbols: Tensor, noise_var: Tensor) -> Tensor:
        return (self.receiver(symbols, noise_var).clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


class Codec:
    """A trained pair of networks behind the contract, on the engine asked for.

    ``engine`` is ``"torch"``, ``"openvino"``, or ``"auto"``: the fastest that is installed.  ``weights_sha256`` is that
    of the card; networks without one are told apart by their name alone.
    """

    def __init__(
        self, *, name: str, networks: Architecture, engine: EngineName = "auto", weights_sha256: str = ""
    ) -> None:
        self.name = name
        self.id = codec_id(name, weights_sha256)
        self.stride = networks.stride
        self._most, self._fewest = networks.symbols_per_cell, networks.fewest_symbols_per_cell
        networks.eval()
        cells, side = (1, self._most, 4, 4), 4 * self.stride
        one = np.ones(1, np.float32)
        examples = [np.zeros((1, side, side, CHANNELS), np.uint8), one, np.ones(cells, np.float32)]
        self._encode = run_on(engine, Encode(networks), examples)
        self._decode = run_on(engine, Decode(networks), [np.zeros((*cells, 2), np.float32), np.ones(cells, np.float32)])
        self.engine = self._encode.name

    @property
    def ratios(self) -> tuple[Fraction, Fraction]:
        """The lowest and the highest bandwidth ratio k/n; the same where there is but one."""
        values = CHANNELS * self.stride**2
        return Fraction(self._fewest, values), Fraction(self._most, values)

    def symbols_for(self, height: int, width: int, *, ratio: float | None = None) -> int:
        """k: the number of complex symbols that a picture of this size becomes at bandwidth ratio k/n.

        Without a ratio it is 1/6, or what comes nearest.

        Raises:
            CodecError: the codec does not go so low or so high.
        """
        ratio, highest = checked_ratio(self, ratio), float(self.ratios[1])
        cells = self._cells(height) * self._cells(width)
        k = round(ratio / highest * self._most * cells)
        return min(max(k, self._fewest * cells), self._most * cells)

    def encode(
        self, images: NDArray[np.uint8], *, ratio: float | None = None, snr_db: float = USUAL_SNR_DB
    ) -> NDArray[np.complex64]:
        """uint8 [B, H, W, 3] -> complex64 [B, k], the mean power of each image's symbols being 1.

        k is that of :meth:`symbols_for`; ``snr_db`` the Es/N0 to be prepared for.  Sizes that the stride does not
        divide are padded by repeating the last row and column.

        Raises:
            CodecError: not uint8, not [B, H, W, 3], or empty; a ratio that the codec has not; an SNR that is NaN or
                infinite.
        """
        check_pictures(images, snr_db=snr_db)
        batch, height, width, _ = images.shape
        on_air = self._order(height, width)[: self.symbols_for(height, width, ratio=ratio)]
        bottom, right = -height % self.stride, -width % self.stride
        if bottom or right:
            images = np.pad(images, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge")
        sent = np.zeros((batch, *self._grid(height, width)), np.float32)
        sent.reshape(batch, -1)[:, on_air] = 1
        pairs = self._encode(np.ascontiguousarray(images), np.full(batch, snr_db, np.float32), sent)
        return pairs.reshape(batch, -1).view(np.complex64).take(on_air, axis=1)

    def decode(self, symbols: NDArray[np.complex64], csi: Csi, *, height: int, width: int) -> NDArray[np.uint8]:
        """complex64 [B, k] -> uint8 [B, height, width, 3].

        Raises:
            CodecError: a height or width below 1, shapes that do not fit the size of the picture, symbols that are not
                finite, or a noise variance that is not above 0.
        """
        check_received(self, symbols, csi, height=height, width=width)
        batch, k = symbols.shape
        on_air, grid = self._order(height, width)[:k], (batch, *self._grid(height, width))
        placed, noise_var = np.zeros(grid, np.complex64), np.full(grid, np.inf, np.float32)
        placed.reshape(batch, -1)[:, on_air] = symbols
        noise_var.reshape(batch, -1)[:, on_air] = csi.noise_var
        return self._decode(placed.view(np.float32).reshape(*grid, 2), noise_var)[:, :height, :width]

    def _grid(self, height: int, width: int) -> tuple[int, int, int]:
        return self._most, self._cells(height), self._cells(width)

    def _order(self, height: int, width: int) -> NDArray[np.int64]:
        return sending_order(*self._grid(height, width))

    def _cells(self, pixels: int) -> int:
        return -(-pixels // self.stride)
