# SPDX-License-Identifier: GPL-3.0-or-later
"""The semantic encoder and decoder of Tang et al., "Contrastive Learning based Semantic Communications", Fig. 1.

The figure fixes the modules.  Ours are the widths and the inside of the two coding modules, which stand in each card,
and that the decoder is told how far to trust each symbol, where eq. 5 gives it the symbols alone.  Both networks are
fully convolutional, with an overall stride of 4.
"""

import torch
from torch import Tensor, nn

from semcom_models.architecture import register
from semcom_models.layers import ResBlock, conv_bn_act


class Encoder(nn.Module):
    """Image to channel symbols, before power normalisation."""

    def __init__(self, *, widths: tuple[int, int, int], symbols_per_cell: int, coding_blocks: int) -> None:
        super().__init__()
        full, half, quarter = widths
        self.head = conv_bn_act(3, full, 5)
        self.down1 = nn.Sequential(ResBlock(full), conv_bn_act(full, half, 4, stride=2))
        self.down2 = nn.Sequential(ResBlock(half), conv_bn_act(half, quarter, 4, stride=2))
        self.channel_coding = nn.Sequential(
            *(ResBlock(quarter) for _ in range(coding_blocks)),
            nn.Conv2d(quarter, 2 * symbols_per_cell, 3, padding=1),
        )

    def forward(self, images: Tensor, snr_db: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1], H and W multiples of 4 -> [B, 2 C, H/4, W/4]: C real parts, then C imaginary ones.

        The same at every SNR.
        """
        return self.channel_coding(self.down2(self.down1(self.head(images))))


class Decoder(nn.Module):
    """Received symbols, and how far each can be trusted, to an image.  Mirrors :class:`Encoder`."""

    def __init__(self, *, widths: tuple[int, int, int], symbols_per_cell: int, coding_blocks: int) -> None:
        super().__init__()
        full, half, quarter = widths
        self.head = conv_bn_act(3 * symbols_per_cell, quarter, 5)
        self.channel_decoding = nn.Sequential(*(ResBlock(quarter) for _ in range(coding_blocks)))
        self.up2 = nn.Sequential(conv_bn_act(quarter, 4 * half, 3), nn.PixelShuffle(2), ResBlock(half))
        self.up1 = nn.Sequential(conv_bn_act(half, 4 * full, 3), nn.PixelShuffle(2), ResBlock(full))
        self.image_coding = nn.Sequential(nn.Conv2d(full, 3, 3, padding=1), nn.Sigmoid())

    def forward(self, symbols: Tensor, trust: Tensor) -> Tensor:
        """Symbols [B, 2 C, h, w] weighed by their trust, and that trust [B, C, h, w] -> [B, 3, 4h, 4w] in [0, 1]."""
        seen = torch.cat([symbols, trust], dim=1)
        return self.image_coding(self.up1(self.up2(self.channel_decoding(self.head(seen)))))


@register("semcc")
class SemCC(nn.Module):
    """Encoder and decoder after the paper.

    ``widths`` are the channels at full, half and quarter resolution.  ``symbols_per_cell`` is the number C of complex
    symbols that each 4x4 cell of pixels becomes: k/n = C / 48 for colour pictures.  ``coding_blocks`` residual blocks
    work at the narrowest scale on either side.
    """

    stride = 4

    def __init__(self, *, widths: tuple[int, int, int], symbols_per_cell: int, coding_blocks: int) -> None:
        super().__init__()
        self.symbols_per_cell = self.fewest_symbols_per_cell = symbols_per_cell
        self.encoder = Encoder(widths=widths, symbols_per_cell=symbols_per_cell, coding_blocks=coding_blocks)
        self.decoder = Decoder(widths=widths, symbols_per_cell=symbols_per_cell, coding_blocks=coding_blocks)
