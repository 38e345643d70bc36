# SPDX-License-Identifier: GPL-3.0-or-later
"""The codec contract: pictures in, symbols out, and back."""

import zlib
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semcom_models.architecture import Architecture, Receiver, Transmitter
from semcom_models.engines import EngineName, run_on
from semcom_models.errors import CodecError

CHANNELS = 3


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


class Encode(nn.Module):
    """Pixels to symbols: uint8 [B, H, W, 3] -> pairs of reals [B, C, h, w, 2]."""

    def __init__(self, networks: Architecture) -> None:
        super().__init__()
        self.transmitter = Transmitter(networks)

    def forward(self, images: Tensor) -> Tensor:
        return self.transmitter(images.permute(0, 3, 1, 2).to(torch.float32) / 255)


class Decode(nn.Module):
    """Symbols to pixels: pairs [B, C, h, w, 2] and noise variances [B, C, h, w] -> uint8 [B, H, W, 3]."""

    def __init__(self, networks: Architecture) -> None:
        super().__init__()
        self.receiver = Receiver(networks)

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
        self.symbols_per_cell = networks.symbols_per_cell
        self.ratio = networks.symbols_per_cell / (CHANNELS * networks.stride**2)
        networks.eval()
        cells, side = (1, self.symbols_per_cell, 4, 4), 4 * self.stride
        self._encode = run_on(engine, Encode(networks), [np.zeros((1, side, side, CHANNELS), np.uint8)])
        self._decode = run_on(engine, Decode(networks), [np.zeros((*cells, 2), np.float32), np.ones(cells, np.float32)])
        self.engine = self._encode.name

    def symbols_for(self, height: int, width: int) -> int:
        """k: the number of complex symbols that a picture of this size becomes."""
        return self.symbols_per_cell * self._cells(height) * self._cells(width)

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.complex64]:
        """uint8 [B, H, W, 3] -> complex64 [B, k], the mean power of each image's symbols being 1.

        Sizes that the stride does not divide are padded by repeating the last row and column.

        Raises:
            CodecError: not uint8, not [B, H, W, 3], or empty.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != CHANNELS or 0 in images.shape:
            raise CodecError(f"encode takes uint8 pictures [B, H, W, 3], not {images.dtype} {list(images.shape)}.")
        _, height, width, _ = images.shape
        bottom, right = -height % self.stride, -width % self.stride
        if bottom or right:
            images = np.pad(images, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge")
        pairs = self._encode(np.ascontiguousarray(images))
        return pairs.reshape(len(images), -1).view(np.complex64)

    def decode(self, symbols: NDArray[np.complex64], csi: Csi, *, height: int, width: int) -> NDArray[np.uint8]:
        """complex64 [B, k] -> uint8 [B, height, width, 3].

        Raises:
            CodecError: a height or width below 1, shapes that do not fit the size of the picture, symbols that are not
                finite, or a noise variance that is not above 0.
        """
        if height < 1 or width < 1:
            raise CodecError(f"There are no pictures of {width}x{height} pixels.")
        k = self.symbols_for(height, width)
        if symbols.ndim != 2 or symbols.shape[1] != k or len(symbols) == 0:
            raise CodecError(f"{self.name} needs [B, {k}] symbols for {width}x{height}, not {list(symbols.shape)}.")
        if csi.noise_var.shape != symbols.shape:
            raise CodecError(f"{list(symbols.shape)} symbols came with noise variances {list(csi.noise_var.shape)}.")
        if not np.isfinite(symbols).all():
            raise CodecError("There are NaN or infinite values among the symbols; mark erasures by noise_var=inf.")
        if not (csi.noise_var > 0).all():
            raise CodecError("A noise variance is NaN, zero or negative; it has to be above 0.")
        grid = (len(symbols), self.symbols_per_cell, self._cells(height), self._cells(width))
        pairs = np.ascontiguousarray(symbols, dtype=np.complex64).view(np.float32).reshape(*grid, 2)
        noise_var = np.ascontiguousarray(csi.noise_var, dtype=np.float32).reshape(grid)
        return self._decode(pairs, noise_var)[:, :height, :width]

    def _cells(self, pixels: int) -> int:
        return -(-pixels // self.stride)
