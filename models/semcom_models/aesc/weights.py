# SPDX-License-Identifier: GPL-3.0-or-later
"""A decoder as integers: what goes on air of it."""

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from semcom_models.aesc.autoencoders import AUTOENCODERS, LARGEST_Z_DIMS, Autoencoder
from semcom_models.codec import codec_id
from semcom_models.errors import CodecError

KINDS = {8: np.dtype(np.int8), 16: np.dtype(np.int16)}
"""Integers of so many bits."""


@dataclass(frozen=True, eq=False)
class DecoderWeights:
    """The decoder of ``architecture``, one of ``AUTOENCODERS``, with ``z_dims``.

    ``values``, int8 or int16 [N], are its parameters one after another; ``scales``, float32, one for each of its
    tensors, are what to multiply them by.

    Raises:
        CodecError: they are not of such a decoder.
    """

    architecture: str
    z_dims: int
    values: NDArray[np.int8] | NDArray[np.int16]
    scales: NDArray[np.float32]

    def __post_init__(self) -> None:
        shape = self.shape_of(self.architecture, self.z_dims)
        if self.values.dtype not in KINDS.values() or self.scales.dtype != np.float32:
            raise CodecError(f"Its values are {self.values.dtype}, its scales {self.scales.dtype}.")
        if (self.values.shape, self.scales.shape) != ((shape[0],), (shape[1],)):
            raise CodecError(
                f"It has {self.values.size} values and {self.scales.size} scales, where {self.architecture} with "
                f"{self.z_dims} Z_dims has {shape[0]} and {shape[1]}."
            )
        if not np.isfinite(self.scales).all():
            raise CodecError("A scale is NaN or infinite.")

    @staticmethod
    def shape_of(architecture: str, z_dims: int) -> tuple[int, int]:
        """How many values and how many tensors such a decoder has.

        Raises:
            CodecError: there is none.
        """
        if architecture not in AUTOENCODERS:
            raise CodecError(f"It is of the architecture {architecture!r}; known are {', '.join(AUTOENCODERS)}.")
        if not 1 <= z_dims <= LARGEST_Z_DIMS:
            raise CodecError(f"Its Z_dims are {z_dims}, outside 1 to {LARGEST_Z_DIMS}.")
        sizes = _tensor_sizes(architecture, z_dims)
        return sum(sizes), len(sizes)

    @classmethod
    def of(cls, autoencoder: Autoencoder, *, bits: int) -> "DecoderWeights":
        """Rounded to integers of 8 or 16 ``bits``, by the largest weight of each tensor."""
        (architecture,) = (name for name, kind in AUTOENCODERS.items() if type(autoencoder) is kind)
        tensors = [tensor.detach().float().numpy() for tensor in autoencoder.decoder.state_dict().values()]
        most = np.iinfo(KINDS[bits]).max
        scales = np.array([np.abs(tensor).max() / most for tensor in tensors], np.float32)
        steps = np.where(scales == 0, 1, scales)
        rounded = [np.rint(tensor / step).clip(-most, most) for tensor, step in zip(tensors, steps, strict=True)]
        values = np.concatenate([each.ravel() for each in rounded]).astype(KINDS[bits])
        return cls(architecture, autoencoder.z_dims, values, scales)

    @property
    def bits(self) -> int:
        """Of a value."""
        return 8 * self.values.itemsize

    @property
    def id(self) -> int:
        """The 16 bits that stand in the header of pictures for it."""
        return codec_id(self.architecture, self.sha256)

    @property
    def sha256(self) -> str:
        """Of all that makes a decoder what it is, in hex."""
        about = json.dumps([self.architecture, self.z_dims, self.bits]).encode()
        return hashlib.sha256(about + self.values.tobytes() + self.scales.tobytes()).hexdigest()

    def network(self) -> nn.Module:
        """The decoder, in evaluation mode."""
        decoder = AUTOENCODERS[self.architecture](z_dims=self.z_dims).decoder
        state, at = decoder.state_dict(), 0
        for (name, tensor), scale in zip(state.items(), self.scales, strict=True):
            part = self.values[at : at + tensor.numel()].astype(np.float32) * scale
            state[name], at = torch.from_numpy(part).view(tensor.shape), at + tensor.numel()
        decoder.load_state_dict(state)
        return decoder.eval()

    def minus(self, base: "DecoderWeights") -> "DecoderWeights":
        """The difference to ``base``, with its own scales; wraps around, so that nothing is lost.

        Raises:
            CodecError: ``base`` is another kind of decoder.
        """
        return replace(self, values=self.values - self._as_mine(base))

    def plus(self, base: "DecoderWeights") -> "DecoderWeights":
        """What this is the difference of.  Raises as :meth:`minus`."""
        return replace(self, values=self.values + self._as_mine(base))

    def is_like(self, other: "DecoderWeights") -> bool:
        """Whether they are of one kind, so that there can be a difference."""
        mine, theirs = ((each.architecture, each.z_dims, each.bits) for each in (self, other))
        return mine == theirs

    def _as_mine(self, base: "DecoderWeights") -> NDArray[np.int8] | NDArray[np.int16]:
        """The values of ``base``, rounded to these scales; to the same everywhere, as IEEE 754 has it."""
        if not self.is_like(base):
            raise CodecError("It is a difference to another kind of decoder.")
        kind, sizes = KINDS[self.bits], _tensor_sizes(self.architecture, self.z_dims)
        factors = base.scales.astype(np.float64) / np.where(self.scales == 0, 1, self.scales)
        most = np.iinfo(kind).max
        return np.rint(base.values * np.repeat(factors, sizes)).clip(-most, most).astype(kind)


def _tensor_sizes(architecture: str, z_dims: int) -> list[int]:
    """How many values each tensor of such a decoder has."""
    with torch.device("meta"):
        return [tensor.numel() for tensor in AUTOENCODERS[architecture](z_dims=z_dims).decoder.state_dict().values()]
