# SPDX-License-Identifier: GPL-3.0-or-later
"""ShuffleNet V2 (Ma et al. 2018) for 32x32 pictures: a lighter downstream network than the one trained with."""

import torch
from torch import Tensor, nn

from semcom_models.downstream import Downstream


class ShuffleBlock(nn.Module):
    """Half of the channels pass by, the other half goes through 1x1, depthwise 3x3, 1x1; then both are shuffled.

    Where the block halves the resolution, all channels go through both ways, and one of them is convolved too.
    """

    def __init__(self, in_channels: int, channels: int, *, halves: bool) -> None:
        super().__init__()
        half, stride = channels // 2, 2 if halves else 1
        self.halves = halves
        own = in_channels if halves else half
        self.by_pass = nn.Sequential(*_depthwise(own, stride), *_pointwise(own, half)) if halves else nn.Identity()
        self.through = nn.Sequential(*_pointwise(own, half), *_depthwise(half, stride), *_pointwise(half, half))

    def forward(self, x: Tensor) -> Tensor:
        left, right = (x, x) if self.halves else x.chunk(2, dim=1)
        joined = torch.cat([self.by_pass(left), self.through(right)], dim=1)
        return joined.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def _pointwise(in_channels: int, channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]


def _depthwise(channels: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
    ]


class ShuffleNetV2(Downstream):
    """Its stem keeps the resolution; each of the three stages halves it.

    ``widths`` are the channels of the stages: 48, 96, 192 for what the paper calls 0.5x; ``last`` is the number of
    features.
    """

    STEM = 24
    DEPTHS = (4, 8, 4)

    def __init__(self, *, widths: tuple[int, int, int], last: int, classes: int = 10) -> None:
        super().__init__(features=last, classes=classes)
        stem = [nn.Conv2d(3, self.STEM, 3, padding=1, bias=False), nn.BatchNorm2d(self.STEM), nn.ReLU()]
        blocks, in_channels = [], self.STEM
        for width, depth in zip(widths, self.DEPTHS, strict=True):
            for place in range(depth):
                blocks.append(ShuffleBlock(in_channels, width, halves=place == 0))
                in_channels = width
        self.body = nn.Sequential(*stem, *blocks, *_pointwise(in_channels, last))

    def backbone(self, standardised: Tensor) -> Tensor:
        return self.body(standardised)
