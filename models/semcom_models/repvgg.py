# SPDX-License-Identifier: GPL-3.0-or-later
"""RepVGG (Ding et al. 2021) for 32x32 pictures: a stronger downstream network than the one trained with."""

from torch import Tensor, nn
from torch.nn import functional as F

from semcom_models.downstream import Downstream


class RepVGGBlock(nn.Module):
    """ReLU of the sum of three branches: 3x3, 1x1 and, where shapes agree, nothing but batch normalisation."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.wide = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        self.narrow = nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
        self.identity = nn.BatchNorm2d(channels) if (in_channels, stride) == (channels, 1) else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.wide(x) + self.narrow(x)
        return F.relu(out if self.identity is None else out + self.identity(x))


class RepVGG(Downstream):
    """Its first stage works at full resolution.

    ``widths`` are the channels of the stages, ``depths`` their blocks; all stages but the first begin with stride 2,
    and a stem of one block goes before them.  Depths of 2, 4, 8, 1 make 16 convolutions.
    """

    def __init__(self, *, widths: tuple[int, ...], depths: tuple[int, ...], classes: int = 10) -> None:
        super().__init__(features=widths[-1], classes=classes)
        blocks, in_channels = [RepVGGBlock(3, widths[0], 1)], widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for place in range(depth):
                blocks.append(RepVGGBlock(in_channels, width, 2 if stage and place == 0 else 1))
                in_channels = width
        self.blocks = nn.Sequential(*blocks)

    def backbone(self, standardised: Tensor) -> Tensor:
        return self.blocks(standardised)
