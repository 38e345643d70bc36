# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that makes observed pictures like those of a library: Zhang et al., sec. V."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semcom_models.codec import CHANNELS
from semcom_models.layers import planes, within_unit

RESIZED = 1000  # pictures at once


class Generator(nn.Module):
    """G_K, as a CycleGAN has it: two convolutions that halve the resolution, residual blocks, and back.

    What it makes is added to the picture, which is framed anew before: one affine map for all, as kinds of pictures
    differ in how large and where their subjects are, and convolutions alone cut off what should be smaller.  It begins
    as the identity.

    Pictures of the library have ``side`` x ``side`` pixels, a multiple of 4; for grey ones, ``channels`` 1, the mean of
    the three planes goes in, and three alike come out.
    """

    def __init__(self, *, side: int, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        if side % 4:
            raise ValueError(f"side is {side}; it must be a multiple of 4")
        if channels not in (1, CHANNELS):
            raise ValueError(f"there are pictures of 1 or 3 channels, not {channels}")
        if width < 1 or blocks < 0:
            raise ValueError(f"width is {width} and blocks {blocks}; they must be 1 and 0 or more")
        self.side, self.channels = side, channels
        self.frame = nn.Parameter(torch.eye(2, 3))
        last = nn.Conv2d(width, channels, 7, padding=3)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(
            *_normalised(nn.Conv2d(channels, width, 7, padding=3)),
            *_normalised(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)),
            *_normalised(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1)),
            *(_Residual(4 * width) for _ in range(blocks)),
            *_normalised(nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1)),
            *_normalised(nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)),
            last,
        )

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, side, side] in [0, 1] -> the same."""
        seen = planes(images, self.channels)
        grid = F.affine_grid(self.frame.expand(len(seen), -1, -1), list(seen.shape), align_corners=False)
        seen = F.grid_sample(seen, grid, align_corners=False)
        return within_unit(seen + self.network(seen)).expand(-1, CHANNELS, -1, -1)


def _normalised(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[nn.Module, ...]:
    return layer, nn.InstanceNorm2d(layer.out_channels, affine=True), nn.ReLU()


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_normalised(nn.Conv2d(width, width, 3, padding=1)),
            *_normalised(nn.Conv2d(width, width, 3, padding=1))[:2],
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def resized(images: Tensor, side: int) -> Tensor:
    """uint8 [N, 3, H, W] -> uint8 [N, 3, side, side], by bilinear interpolation."""
    if images.shape[2:] == (side, side):
        return images
    parts = (
        F.interpolate(part.float(), (side, side), mode="bilinear", antialias=True) for part in images.split(RESIZED)
    )
    return torch.cat([part.round().clamp(0, 255).to(torch.uint8) for part in parts])
