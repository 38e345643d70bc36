# SPDX-License-Identifier: GPL-3.0-or-later
"""One trip of a batch through encoder, channel and decoder, as training sees it."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from semcom_models.architecture import Architecture, Receiver, Transmitter
from torch import Tensor, nn

from semcom_training.channels import AwgnChannel, Channel


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What the link is drawn from, for each image: SNR uniform in ``snr_db``; with probability ``erasure_rate`` a
    share of the symbols, uniform in 0 to 0.3, never arrives, as when fragments are lost on air.  Under fading the SNR
    is the mean over the fades."""

    snr_db: tuple[float, float]
    erasure_rate: Annotated[float, Field(ge=0, le=1)]
    channel: Channel = AwgnChannel()


class Link(nn.Module):
    """Transmitter, channel with erasures, receiver; differentiable from end to end."""

    def __init__(self, networks: Architecture, conditions: Conditions, *, compiled: bool) -> None:
        super().__init__()
        self.transmitter = Transmitter(networks)
        self.receiver = Receiver(networks)
        self.channel = conditions.channel.layer()
        self.conditions = conditions
        if compiled:
            self.transmitter.compile()
            self.receiver.compile()

    def forward(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> reconstructions of the same shape under conditions drawn by ``generator``."""
        low, high = self.conditions.snr_db
        snr_db = low + (high - low) * torch.rand(len(images), generator=generator)
        sent = self.transmitter(images)
        received, noise_var = self.channel(torch.view_as_complex(sent.contiguous()).flatten(1), snr_db, generator)
        lost = self._draw_erasures(noise_var.shape, generator)
        received, noise_var = received.masked_fill(lost, 0), noise_var.masked_fill(lost, torch.inf)
        return self.receiver(torch.view_as_real(received).view_as(sent), noise_var.view(sent.shape[:-1]))

    def _draw_erasures(self, shape: torch.Size, generator: torch.Generator) -> Tensor:
        hit = torch.rand(shape[0], 1, generator=generator) < self.conditions.erasure_rate
        share = 0.3 * hit * torch.rand(shape[0], 1, generator=generator)
        return torch.rand(shape, generator=generator) < share


@torch.inference_mode()
def sent_over(
    networks: Architecture, images: Tensor, *, channel: Channel, snr_db: float, seed: int, batch: int = 500
) -> Tensor:
    """Reconstructions of images [N, 3, H, W] in [0, 1] after ``channel`` at ``snr_db``, drawn from ``seed``."""
    link = Link(networks, Conditions(snr_db=(snr_db, snr_db), erasure_rate=0, channel=channel), compiled=False)
    generator = torch.Generator().manual_seed(seed)
    return torch.cat([link(part, generator) for part in images.split(batch)])


def psnr_at(networks: Architecture, images: Tensor, *, channel: Channel, snr_db: float, seed: int = 0) -> float:
    """Mean over the images of the PSNR in dB after ``channel`` at ``snr_db``."""
    return psnr_db(images, sent_over(networks, images, channel=channel, snr_db=snr_db, seed=seed)).mean().item()


def psnr_db(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image of [B, C, H, W], peak 1, in dB: [B]."""
    return -10 * torch.log10((images - reconstructions).square().flatten(1).mean(1))
