# SPDX-License-Identifier: GPL-3.0-or-later
"""Building blocks that the networks share."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semcom_models.codec import CHANNELS


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


class Modulation(nn.Module):
    """Feature modulation: what is known of the link scales and shifts the features of several stages.

    A network of two layers turns the ``known`` numbers into a gain g and a shift b for each of the ``widths`` channels
    of each stage, whose features x become (1 + g) x + b.  It starts as the identity.
    """

    HIDDEN = 32

    def __init__(self, *, known: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.net = nn.Sequential(nn.Linear(known, self.HIDDEN), nn.ReLU(), nn.Linear(self.HIDDEN, 2 * sum(widths)))
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, known: Tensor) -> list[tuple[Tensor, Tensor]]:
        """[B, known] -> for each stage its gain and shift, [B, width, 1, 1] each, for :func:`modulate`."""
        gains, shifts = self.net(known).unflatten(1, (-1, 1, 1)).chunk(2, 1)
        return list(zip(gains.split(self.widths, 1), shifts.split(self.widths, 1), strict=True))


def modulate(x: Tensor, by: tuple[Tensor, Tensor]) -> Tensor:
    """(1 + gain) x + shift: [B, width, H, W] -> the same shape."""
    gain, shift = by
    return torch.addcmul(shift, x, 1 + gain)


def planes(images: Tensor, channels: int) -> Tensor:
    """[B, 3, H, W] -> [B, channels, H, W]: all three, or 1, their mean."""
    return images if channels == CHANNELS else images.mean(1, keepdim=True)


def within_unit(values: Tensor) -> Tensor:
    """Limits values to [0, 1]; gradients bring back what is beyond, where else it would stay for ever."""
    return _WithinUnit.apply(values)


class _WithinUnit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.clamp(0, 1)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        outwards = ((values < 0) & (gradient > 0)) | ((values > 1) & (gradient < 0))
        return gradient.masked_fill(outwards, 0)


class CellConv2d(nn.Conv2d):
    """A convolution with a large kernel and a stride that is not much smaller.  In training it is one product of
    matrices, which on a CPU takes a tenth of the time, forth and back."""

    def forward(self, images: Tensor) -> Tensor:
        if not self.training:
            return super().forward(images)
        cells = F.unfold(images, self.kernel_size, padding=self.padding, stride=self.stride)
        values = self.weight.flatten(1) @ cells + self.bias[:, None]
        geometry = zip(images.shape[2:], self.kernel_size, self.stride, self.padding, strict=True)
        return values.unflatten(2, [(side + 2 * pad - kernel) // stride + 1 for side, kernel, stride, pad in geometry])


class CellConvTranspose2d(nn.ConvTranspose2d):
    """The way back of :class:`CellConv2d`."""

    def forward(self, values: Tensor) -> Tensor:
        if not self.training:
            return super().forward(values)
        geometry = zip(values.shape[2:], self.kernel_size, self.stride, self.padding, strict=True)
        size = [(cells - 1) * stride + kernel - 2 * pad for cells, kernel, stride, pad in geometry]
        cells = self.weight.flatten(1).T @ values.flatten(2)
        images = F.fold(cells, size, self.kernel_size, padding=self.padding, stride=self.stride)
        return images + self.bias[:, None, None]
