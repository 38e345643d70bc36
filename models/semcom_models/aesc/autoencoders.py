# SPDX-License-Identifier: GPL-3.0-or-later
"""The autoencoders of tables I and II of Dong et al., "Innovative semantic communication system".

The tables fix the layers.  Ours: padding, where sizes need it; and that the code's ReLU ends at 1, so that a value is a
byte without a scale beside it.
"""

import math

import torch
from torch import Tensor, nn

from semcom_models.errors import CodecError
from semcom_models.layers import within_unit

LEVELS = 255  # of a value of the code, above 0


class Autoencoder(nn.Module):
    """``encoder`` and ``decoder`` of square pictures with ``side`` pixels; grey ones have three equal channels.

    The encoder makes [B, channels, side, side] in [0, 1] into values from 0 on, the decoder [B, code_bytes] in [0, 1]
    into [B, channels, side, side] in [0, 1].
    """

    side: int
    channels: int
    weight_bits: int
    """Of a weight of the decoder on air, as in the paper."""

    z_dims: int
    code_bytes: int
    """Z_dims of eq. 13, or 36 Z_dims of eq. 16: a value is a byte."""

    encoder: nn.Module
    decoder: nn.Module

    @property
    def compression(self) -> float:
        """Eqs. 13 and 16: bytes of a picture over those of its code."""
        return self.channels * self.side**2 / self.code_bytes

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, side, side] in [0, 1] -> the same, by way of the code; gradients pass through its rounding."""
        exact = self._code(images)
        return self.decode(exact + ((exact * LEVELS).round() / LEVELS - exact).detach())

    def encode(self, images: Tensor) -> Tensor:
        """[B, 3, side, side] in [0, 1] -> uint8 [B, code_bytes]."""
        return (self._code(images) * LEVELS).round().to(torch.uint8)

    def decode(self, code: Tensor) -> Tensor:
        """[B, code_bytes] in [0, 1] -> [B, 3, side, side] in [0, 1]."""
        return self.decoder(code).expand(-1, 3, -1, -1)

    @torch.no_grad()
    def begin_as(self, known: "Autoencoder") -> None:
        """Become ``known``, which has as many values or fewer: at first the decoder makes nothing of the others.

        Raises:
            CodecError: it has more, or its layers are others.
        """
        if type(known) is not type(self) or known.z_dims > self.z_dims:
            raise CodecError(
                f"A {type(self).__name__} with z_dims {self.z_dims} cannot begin as a {type(known).__name__} with "
                f"{known.z_dims}; begin with the same layers, and as many values or fewer."
            )
        own = self.state_dict()
        for name, weights in known.state_dict().items():
            if name.startswith("decoder") and own[name].shape != weights.shape:
                own[name].zero_()
            own[name][tuple(map(slice, weights.shape))] = weights

    def _code(self, images: Tensor) -> Tensor:
        """Values in [0, 1]: the encoder's last ReLU, ended at 1."""
        return within_unit(self.encoder[:-1](images[:, : self.channels]).flatten(1))

    def _initialise(self) -> None:
        """As He et al. 2015, for ReLUs: by PyTorch's rule so little is left of a picture behind so many layers without
        normalisation that training sees none of it in the code."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                into_one = layer.weight[0].numel()
                if isinstance(layer, nn.ConvTranspose2d):
                    into_one = layer.weight[:, 0].numel() / math.prod(layer.stride)
                nn.init.normal_(layer.weight, std=math.sqrt(2 / into_one))
                nn.init.zeros_(layer.bias)


class MnistAutoencoder(Autoencoder):
    """Table I: 28x28 grey pixels in ``z_dims`` values."""

    side, channels, weight_bits = 28, 1, 8

    def __init__(self, *, z_dims: int) -> None:
        super().__init__()
        self.z_dims = self.code_bytes = z_dims
        self.encoder = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, stride=2), nn.ReLU()),
            *(nn.Conv2d(16, 16, 3, stride=2), nn.ReLU()),
            *(nn.Conv2d(16, 16, 3, stride=2), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(64, z_dims), nn.ReLU()),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(z_dims, 64), nn.ReLU(), nn.Unflatten(1, (16, 2, 2))),
            *(nn.ConvTranspose2d(16, 16, 3, stride=2, output_padding=1), nn.ReLU()),
            *(nn.ConvTranspose2d(16, 16, 3, stride=2), nn.ReLU()),
            *(nn.ConvTranspose2d(16, 1, 3, stride=2, output_padding=1), nn.Sigmoid()),
        )
        self._initialise()


class Cifar10Autoencoder(Autoencoder):
    """Table II: 32x32 pixels in ``z_dims`` feature maps of 6x6 values."""

    side, channels, weight_bits = 32, 3, 16

    def __init__(self, *, z_dims: int) -> None:
        super().__init__()
        self.z_dims, self.code_bytes = z_dims, z_dims * 6 * 6
        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, 32, 4, stride=2), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(128, 256, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(256, 128, 4, stride=2), nn.ReLU()),
            *(nn.Conv2d(128, 64, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(64, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, z_dims, 3, padding=1), nn.ReLU()),
        )
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (z_dims, 6, 6)),
            *(nn.ConvTranspose2d(z_dims, 64, 4, stride=2, output_padding=1), nn.ReLU()),
            *(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(128, 128, 3, padding=1), nn.ReLU()),
            *(nn.ConvTranspose2d(128, 128, 4, stride=2), nn.ReLU()),
            *(nn.Conv2d(128, 64, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(64, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 3, 3, padding=1), nn.Sigmoid()),
        )
        self._initialise()


AUTOENCODERS: dict[str, type[Autoencoder]] = {"aesc-mnist": MnistAutoencoder, "aesc-cifar10": Cifar10Autoencoder}
"""By the names that cards, configs and messages have for them."""
LARGEST_Z_DIMS = 256
