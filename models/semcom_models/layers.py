# SPDX-License-Identifier: GPL-3.0-or-later
"""Building blocks that the networks share."""

from torch import Tensor, nn


def conv_bn_act(in_channels: int, out_channels: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, PReLU: [B, in, H, W] -> [B, out, H/stride, W/stride].

    Padding keeps H and W at stride 1 (odd ``kernel``) and halves even ones at ``kernel=4, stride=2``.
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding=(kernel - 1) // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.PReLU(out_channels),
    )


class ResBlock(nn.Module):
    """The basic block of ResNet, with PReLU: two 3x3 convolutions around an identity shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn_act(channels, channels, 3),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.act = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] -> the same shape."""
        return self.act(x + self.body(x))
