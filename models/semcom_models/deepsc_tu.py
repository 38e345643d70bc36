# SPDX-License-Identifier: GPL-3.0-or-later
"""The coders of Zhang et al., "Deep Learning-Enabled Semantic Communication Systems with Task-Unaware Transmitter and
Dynamic Data", and of the variational autoencoder that is its baseline.

Sec. VI-A fixes that its own coders have no activation functions, how many layers there are, and the kernels for
segmentation.  Ours are the strides, the widths, that colour pictures are coded about mid-grey (about black, as grey
digits are, the mean that all pixels share hides what differs, and training takes many times as long), and that what a
decoder makes ends at 0 and 1, as pixels do.

Its compression rate CR is real channel uses a value of the picture, and grey pictures have one value a pixel: with C
complex symbols for each cell of stride x stride pixels, CR = 2 C / (channels * stride^2).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from semcom_models.architecture import register
from semcom_models.codec import CHANNELS
from semcom_models.layers import CellConv2d, CellConvTranspose2d, planes, within_unit


class Coder(nn.Module):
    """Two networks on cells of ``stride`` x ``stride`` pixels; of grey pictures, ``channels`` 1, the mean of the
    planes is coded, and all three come back alike.

    Raises:
        ValueError: another number of channels than 1 or 3, or a stride or symbols below 1.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, stride: int, channels: int, symbols_per_cell: int
    ) -> None:
        super().__init__()
        if channels not in (1, CHANNELS):
            raise ValueError(f"channels is {channels}; it must be 1 or {CHANNELS}")
        for name, value in (("stride", stride), ("symbols_per_cell", symbols_per_cell)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be 1 or more")
        self.stride, self.channels = stride, channels
        self.symbols_per_cell = self.fewest_symbols_per_cell = symbols_per_cell
        self.encoder, self.decoder = Encoder(encoder, channels=channels), Decoder(decoder, channels=channels)

    @property
    def compression_rate(self) -> float:
        """CR."""
        return 2 * self.symbols_per_cell / (self.channels * self.stride**2)


def _middle(channels: int) -> float:
    """The value about which pixels are coded."""
    return 0.5 if channels == CHANNELS else 0.0


class Encoder(nn.Module):
    """``network`` behind the contract; the same at every SNR."""

    def __init__(self, network: nn.Module, *, channels: int) -> None:
        super().__init__()
        self.network, self.channels = network, channels

    def forward(self, images: Tensor, snr_db: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> [B, 2 C, h, w]."""
        return self.network(self.seen(images))

    def seen(self, images: Tensor) -> Tensor:
        """What the network gets: [B, 3, H, W] -> [B, channels, H, W]."""
        return planes(images, self.channels) - _middle(self.channels)


class Decoder(nn.Module):
    """``network`` behind the contract."""

    def __init__(self, network: nn.Module, *, channels: int) -> None:
        super().__init__()
        self.network, self.middle = network, _middle(channels)

    def forward(self, symbols: Tensor, trust: Tensor) -> Tensor:
        """[B, 2 C, h, w], weighed by their trust -> [B, 3, H, W] in [0, 1]."""
        return within_unit(self.network(symbols) + self.middle).expand(-1, CHANNELS, -1, -1)


@register("deepsc-tu")
class DeepScTu(Coder):
    """One layer either way.

    Without ``overlap`` it is fully connected over each cell, which the paper has for MNIST; else a convolution whose
    kernels reach so many pixels beyond the cell, for CIFAR-10.
    """

    def __init__(self, *, stride: int, channels: int, symbols_per_cell: int, overlap: int = 0) -> None:
        how = {"kernel_size": stride + 2 * overlap, "stride": stride, "padding": overlap}
        super().__init__(
            CellConv2d(channels, 2 * symbols_per_cell, **how),
            CellConvTranspose2d(2 * symbols_per_cell, channels, **how),
            stride=stride,
            channels=channels,
            symbols_per_cell=symbols_per_cell,
        )


@register("deepsc-tu-deep")
class DeepScTuDeep(Coder):
    """Five layers of unpadded convolutions either way: ``side`` x ``side`` pixels of three channels become ``inner`` x
    ``inner``, so that CR is inner^2 / side^2, through kernels of nearly one size, and ``width`` channels in between."""

    LAYERS = 5

    def __init__(self, *, side: int, inner: int, width: int) -> None:
        if inner % 2 or not 2 <= inner <= side - self.LAYERS:
            raise ValueError(f"inner is {inner}; it must be even and from 2 to {side - self.LAYERS}")
        inside = list(pairwise([3, *[width] * (self.LAYERS - 1), 3]))
        shrunk = [round(layer * (side - inner) / self.LAYERS) for layer in range(self.LAYERS + 1)]
        kernels = [1 + after - before for before, after in pairwise(shrunk)]
        narrowing = (nn.Conv2d(*widths, kernel) for widths, kernel in zip(inside, kernels, strict=True))
        widening = (nn.ConvTranspose2d(*widths, kernel) for widths, kernel in zip(inside, kernels[::-1], strict=True))
        super().__init__(
            nn.Sequential(nn.PixelUnshuffle(side), _OfEachCell(side, nn.Sequential(*narrowing))),
            nn.Sequential(_OfEachCell(inner, nn.Sequential(*widening)), nn.PixelShuffle(side)),
            stride=side,
            channels=3,
            symbols_per_cell=3 * inner**2 // 2,
        )


class _OfEachCell(nn.Module):
    """``network``, from three channels of ``side`` x ``side`` values to three of another side, for each cell by itself:
    [B, 3 side^2, h, w] -> [B, 3 other^2, h, w]."""

    def __init__(self, side: int, network: nn.Module) -> None:
        super().__init__()
        self.side, self.network = side, network

    def forward(self, values: Tensor) -> Tensor:
        batch, _, rows, columns = values.shape
        cells = values.permute(0, 2, 3, 1).reshape(-1, 3, self.side, self.side)
        return self.network(cells).reshape(batch, rows, columns, -1).permute(0, 3, 1, 2)


@register("vae")
class Vae(Coder):
    """A variational autoencoder whose latent values are sent: two fully connected layers either way, ``hidden`` values
    between them."""

    def __init__(self, *, stride: int, channels: int, symbols_per_cell: int, hidden: int) -> None:
        latent = 2 * symbols_per_cell
        super().__init__(
            nn.Sequential(CellConv2d(channels, hidden, stride, stride), nn.ReLU(), CellConv2d(hidden, 2 * latent, 1)),
            nn.Sequential(
                CellConv2d(latent, hidden, 1), nn.ReLU(), CellConvTranspose2d(hidden, channels, stride, stride)
            ),
            stride=stride,
            channels=channels,
            symbols_per_cell=symbols_per_cell,
        )
        self.encoder = VaeEncoder(self.encoder.network, channels=channels)


class VaeEncoder(Encoder):
    """Sends the mean of the latent values; in training, a sample."""

    def forward(self, images: Tensor, snr_db: Tensor) -> Tensor:
        mean, log_var = self.posterior(images)
        return mean + torch.randn_like(mean) * (log_var / 2).exp() if self.training else mean

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] in [0, 1] -> mean and log of the variance of each latent value, [B, 2 C, h, w] each."""
        return self.network(self.seen(images)).chunk(2, 1)
