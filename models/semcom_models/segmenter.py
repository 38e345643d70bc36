# SPDX-License-Identifier: GPL-3.0-or-later
"""A small U-Net, which says of each pixel what it is part of."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semcom_models.downstream import Downstream


class Segmenter(Downstream):
    """One resolution for each of ``widths``, which are channels; each is half the one before."""

    def __init__(self, *, classes: int, widths: Sequence[int] = (16, 32, 64)) -> None:
        super().__init__(features=widths[0], classes=classes)
        self.down = nn.ModuleList(_stage(*pair) for pair in pairwise((3, *widths)))
        self.up = nn.ModuleList(_stage(low + high, high) for high, low in pairwise(widths))

    def backbone(self, standardised: Tensor) -> Tensor:
        """[B, 3, H, W] -> [B, features, H, W]."""
        seen = [self.down[0](standardised)]
        for stage in self.down[1:]:
            seen.append(stage(F.max_pool2d(seen[-1], 2, ceil_mode=True)))
        values = seen.pop()
        for stage in reversed(self.up):
            beside = seen.pop()
            wider = F.interpolate(values, size=beside.shape[2:], mode="nearest")
            values = stage(torch.cat([wider, beside], dim=1))
        return values

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> class logits of each pixel [B, classes, H, W]."""
        return self.classifier(self.feature_maps(images).movedim(1, -1)).movedim(-1, 1)


def _stage(inside: int, outside: int) -> nn.Sequential:
    layers = [
        layer
        for widths in ((inside, outside), (outside, outside))
        for layer in (nn.Conv2d(*widths, 3, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())
    ]
    return nn.Sequential(*layers)
