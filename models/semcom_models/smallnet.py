# SPDX-License-Identifier: GPL-3.0-or-later
"""A small network, for what is told at a glance: digits, or of which kind of source a picture is."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from semcom_models.downstream import Downstream


class SmallNet(Downstream):
    """Convolutions with so many channels, each of which halves the resolution."""

    def __init__(self, *, classes: int, widths: Sequence[int] = (8, 16, 32)) -> None:
        super().__init__(features=widths[-1], classes=classes)
        stages = [
            layer
            for inside, outside in pairwise((3, *widths))
            for layer in (nn.Conv2d(inside, outside, 3, 2, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())
        ]
        self.body = nn.Sequential(*stages)

    def backbone(self, standardised: Tensor) -> Tensor:
        return self.body(standardised)
