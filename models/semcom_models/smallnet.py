# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of 6,000 weights, for what is told at a glance: of which kind of source a picture is."""

from torch import Tensor, nn

from semcom_models.downstream import Downstream


class SmallNet(Downstream):
    """Three convolutions, each of which halves the resolution."""

    WIDTHS = (3, 8, 16, 32)

    def __init__(self, *, classes: int) -> None:
        super().__init__(features=self.WIDTHS[-1], classes=classes)
        stages = [
            layer
            for inside, outside in zip(self.WIDTHS, self.WIDTHS[1:], strict=False)
            for layer in (nn.Conv2d(inside, outside, 3, 2, padding=1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())
        ]
        self.body = nn.Sequential(*stages)

    def backbone(self, standardised: Tensor) -> Tensor:
        return self.body(standardised)
