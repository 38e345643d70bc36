# SPDX-License-Identifier: GPL-3.0-or-later
"""One codec for every bandwidth ratio and every SNR.

The networks are those of :mod:`semcom_models.semcc`, each with a linear path beside it: at high ratios and SNRs a
linear code comes near the optimum, and the network has the rest to do.  The C planes of symbols are ordered by
importance, which training brings about by sending a random number of them: the first symbols of an encoding are a
codeword themselves.  Features are modulated by what each end knows of the link (as in ADJSCC, Xu et al. 2022, and
SwinJSCC, Yang et al. 2024, whose modules are others): the encoder by the SNR that it expects, the decoder by how much
arrived, how noisy, and what the symbols are on average, which tells it what the power normalisation divided by.

Where the transmitter knows the downstream network, the encoder can have its backbone, frozen, beside it: what is in a
picture then need not be learned anew for the sake of sending it.
"""

import torch
from torch import Tensor, nn

from semcom_models import semcc
from semcom_models.architecture import register
from semcom_models.layers import Modulation, modulate
from semcom_models.resnet import ResNet20

SNR_RANGE_DB = (-10.0, 30.0)
"""Beyond it an SNR counts as the nearer end."""
LEAK = 0.01
"""How much a pixel value beyond [0, 1] goes on rising or falling, so that there is a gradient to bring it back."""


BACKBONES = {"resnet20": ResNet20}
"""Downstream networks whose feature maps are on the grid of the cells."""


class Backbone(nn.Module):
    """A downstream network without its classifier, which training leaves as it is, and a way into the encoder.

    What it adds is nothing at first, so that training can start from an encoder without it.
    """

    def __init__(self, name: str, *, width: int) -> None:
        super().__init__()
        if name not in BACKBONES:
            raise ValueError(f"no backbone is called {name!r}; there are {', '.join(BACKBONES)}")
        self.network = BACKBONES[name](classes=1).requires_grad_(False)
        features = self.network.classifier.in_features
        self.network.classifier = nn.Identity()
        self.bridge = nn.Conv2d(features, width, 1)
        nn.init.zeros_(self.bridge.weight)
        nn.init.zeros_(self.bridge.bias)

    def train(self, mode: bool = True) -> "Backbone":
        """The statistics of its batch normalisation stay too."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> [B, width, H/4, W/4]."""
        return self.bridge(self.network.feature_maps(images))


class Encoder(semcc.Encoder):
    """Image to planes of symbols, before power normalisation."""

    def __init__(
        self, *, widths: tuple[int, int, int], symbols_per_cell: int, coding_blocks: int, backbone: str | None
    ) -> None:
        super().__init__(widths=widths, symbols_per_cell=symbols_per_cell, coding_blocks=coding_blocks)
        _, half, quarter = widths
        self.modulation = Modulation(known=1, widths=(half, quarter, quarter))
        self.linear = nn.Conv2d(3, 2 * symbols_per_cell, 8, stride=4, padding=2, bias=False)
        self.backbone = Backbone(backbone, width=quarter) if backbone else None

    def forward(self, images: Tensor, snr_db: Tensor) -> Tensor:
        """As that of :class:`semcom_models.semcc.Encoder`, for the SNR [B] in dB that is expected."""
        by_half, by_quarter, by_coded = self.modulation(_centred(snr_db).unsqueeze(1))
        *blocks, to_symbols = self.channel_coding
        x = modulate(self.down1(self.head(images)), by_half)
        x = modulate(self.down2(x), by_quarter)
        if self.backbone:
            x = x + self.backbone(images)
        for block in blocks:
            x = block(x)
        return to_symbols(modulate(x, by_coded)) + self.linear(images - 0.5)


class Decoder(semcc.Decoder):
    """What arrived of the symbols, and how far each can be trusted, to an image."""

    def __init__(self, *, widths: tuple[int, int, int], symbols_per_cell: int, coding_blocks: int) -> None:
        super().__init__(widths=widths, symbols_per_cell=symbols_per_cell, coding_blocks=coding_blocks)
        _, half, quarter = widths
        self.modulation = Modulation(
            known=2 + 2 * symbols_per_cell, widths=(2 * symbols_per_cell, quarter, quarter, half)
        )
        self.linear = nn.Conv2d(2 * symbols_per_cell, 3 * 4 * 4, 3, padding=1)
        nn.init.zeros_(self.linear.weight)  # the network learns first
        nn.init.constant_(self.linear.bias, 0.5)
        self.to_pixels = nn.PixelShuffle(4)
        self.image_coding = self.image_coding[0]  # without the sigmoid

    def forward(self, symbols: Tensor, trust: Tensor) -> Tensor:
        """As that of :class:`semcom_models.semcc.Decoder`; values beyond [0, 1] overshoot by a hundredth still."""
        known = torch.cat([_known(trust), symbols.mean(dim=(2, 3))], dim=1)
        by_symbols, by_seen, by_decoded, by_half = self.modulation(known)
        linear = self.to_pixels(self.linear(modulate(symbols, by_symbols)))
        x = modulate(self.head(torch.cat([symbols, trust], dim=1)), by_seen)
        x = modulate(self.channel_decoding(x), by_decoded)
        pixels = linear + self.image_coding(self.up1(modulate(self.up2(x), by_half)))
        inside = pixels.clamp(0, 1)
        return inside + LEAK * (pixels - inside)


@register("adaptive")
class Adaptive(nn.Module):
    """Encoder and decoder.

    ``widths`` and ``coding_blocks`` are those of :class:`semcom_models.semcc.SemCC`.  ``symbols_per_cell`` is the
    largest number C of complex symbols that each 4x4 cell of pixels becomes, so that k/n goes up to C / 48 for colour
    pictures, from 1/48 on.  ``backbone`` names the downstream network, of :data:`BACKBONES`, that the encoder has
    beside it; None for none.
    """

    stride = 4
    fewest_symbols_per_cell = 1

    def __init__(
        self,
        *,
        widths: tuple[int, int, int],
        symbols_per_cell: int,
        coding_blocks: int,
        backbone: str | None = None,
    ) -> None:
        super().__init__()
        self.symbols_per_cell = symbols_per_cell
        self.encoder = Encoder(
            widths=widths, symbols_per_cell=symbols_per_cell, coding_blocks=coding_blocks, backbone=backbone
        )
        self.decoder = Decoder(widths=widths, symbols_per_cell=symbols_per_cell, coding_blocks=coding_blocks)


def _known(trust: Tensor) -> Tensor:
    """[B, C, h, w] -> [B, 2]: the mean SNR in dB of the symbols that arrived, and the logarithm of their share."""
    arrived = (trust > 0).float()
    count = arrived.flatten(1).sum(1).clamp_min(1)
    snr_db = 10 * torch.log10(trust.clamp(1e-4, 1 - 1e-4) / (1 - trust.clamp(1e-4, 1 - 1e-4)))
    mean_db = (snr_db * arrived).flatten(1).sum(1) / count
    share = count / trust[0].numel()
    return torch.stack([_centred(mean_db), torch.log2(share) / 2 + 1], dim=1)


def _centred(snr_db: Tensor) -> Tensor:
    """Decibels to numbers of order 1."""
    return snr_db.clamp(*SNR_RANGE_DB) / 10 - 1
