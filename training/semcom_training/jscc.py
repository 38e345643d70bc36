# SPDX-License-Identifier: GPL-3.0-or-later
"""One trip of a batch through encoder, channel and decoder, as training sees it."""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from semcom_models.architecture import Architecture, Receiver, Transmitter
from semcom_models.errors import CodecError
from semcom_models.order import sending_order
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import record_function

from semcom_training.channels import AwgnChannel, Channel
from semcom_training.data import batches_of

FRAGMENTS = 16


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What the link is drawn from, for each image.

    The SNR is uniform in ``snr_db``; under fading it is the mean over the fades, and what the encoder is told.  The
    symbols sent a cell are log-uniform in ``symbols_per_cell``: all that the networks have without it.  With
    probability ``erasure_rate`` part of the image never arrives, as when frames are lost on air: of 16 fragments in the
    order of sending, either all after a random one, or any, each with the same chance, which is uniform in 0 to 0.3.
    """

    snr_db: tuple[float, float]
    erasure_rate: Annotated[float, Field(ge=0, le=1)]
    channel: Channel = AwgnChannel()
    symbols_per_cell: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Passage:
    """What became of a batch.

    ``received`` [B, 3, H, W] in [0, 1]; ``symbols``, pairs [B, C, h, w, 2] as sent, of unit power over those that
    ``sent`` [B, C, h, w] has as 1, the others 0; ``snr_db`` [B]; ``ratio``, k/n, [B].
    """

    received: Tensor
    symbols: Tensor
    sent: Tensor
    snr_db: Tensor
    ratio: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Draw:
    """What a batch meets but for fades, noise and erasures: ``snr_db`` and the number ``k`` of symbols sent, [B], which
    ``sent`` [B, C, h, w] has as 1."""

    snr_db: Tensor
    k: Tensor
    sent: Tensor


class Link(nn.Module):
    """Transmitter, channel with erasures, receiver; differentiable from end to end.

    Raises:
        CodecError: the conditions ask for more symbols a cell, or fewer, than the networks have.
    """

    def __init__(self, networks: Architecture, conditions: Conditions, *, compiled: bool) -> None:
        super().__init__()
        self.transmitter = Transmitter(networks.encoder)
        self.receiver = Receiver(networks.decoder)
        self.channel = conditions.channel.layer()
        self.conditions = conditions
        self.stride, self.planes = networks.stride, networks.symbols_per_cell
        low, high = self._symbols_per_cell()
        if not 1 <= networks.fewest_symbols_per_cell <= low <= high <= self.planes:
            raise CodecError(
                f"The networks send {networks.fewest_symbols_per_cell} to {self.planes} symbols a cell; "
                f"symbols_per_cell is {low:g} to {high:g}."
            )
        if compiled:
            self.transmitter.compile()
            self.receiver.compile()

    def forward(self, images: Tensor, generator: torch.Generator) -> Passage:
        """[B, 3, H, W] in [0, 1] through conditions drawn by ``generator``.

        Sizes that the stride does not divide are padded as a codec pads them, and what comes back is cropped.
        """
        size = images.shape[2:]
        drawn = self.draw(len(images), size, generator)
        symbols = self.transmit(images, drawn)
        seen = self.receive(*self.over_channel(symbols, drawn, generator), size)
        return Passage(
            received=seen, symbols=symbols, sent=drawn.sent, snr_db=drawn.snr_db, ratio=drawn.k / images[0].numel()
        )

    def draw(self, batch: int, size: tuple[int, int], generator: torch.Generator) -> Draw:
        """Conditions for so many pictures of height and width ``size``."""
        grid = self.planes, *(-(-length // self.stride) for length in size)
        rank = torch.tensor(sending_order(*grid)).argsort()
        snr_db = _uniform(self.conditions.snr_db, batch, generator)
        k = self._draw_k(batch, math.prod(grid[1:]), generator)
        return Draw(snr_db=snr_db, k=k, sent=(rank < k.unsqueeze(1)).float().view(batch, *grid))

    def transmit(self, images: Tensor, drawn: Draw) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> symbols as pairs [B, C, h, w, 2]."""
        with record_function("encoder"):
            return self.transmitter(to_stride(images, self.stride), drawn.snr_db, drawn.sent)

    def over_channel(self, symbols: Tensor, drawn: Draw, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pairs [B, C, h, w, 2] -> what a coherent receiver makes of them, and its noise variances [B, C, h, w]."""
        batch, *grid, _ = symbols.shape
        order = torch.tensor(sending_order(*grid))
        rank = order.argsort()
        on_air = torch.view_as_complex(symbols.contiguous()).flatten(1)[:, order]
        with record_function("channel"):
            received, noise_var = self.channel(on_air, drawn.snr_db, generator)
        place = torch.arange(len(order)) / drawn.k.unsqueeze(1)  # from 0 to 1 for what is sent
        lost = (place >= 1) | self._draw_erasures(place, generator)
        received, noise_var = received.masked_fill(lost, 0), noise_var.masked_fill(lost, torch.inf)
        return torch.view_as_real(received[:, rank]).view(batch, *grid, 2), noise_var[:, rank].view(batch, *grid)

    def receive(self, symbols: Tensor, noise_var: Tensor, size: tuple[int, int]) -> Tensor:
        """What came over the channel -> [B, 3, H, W] in [0, 1], H and W being ``size``."""
        height, width = size
        with record_function("decoder"):
            return self.receiver(symbols, noise_var)[..., :height, :width]

    def _symbols_per_cell(self) -> tuple[float, float]:
        return self.conditions.symbols_per_cell or (self.planes, self.planes)

    def _draw_k(self, batch: int, cells: int, generator: torch.Generator) -> Tensor:
        """How many symbols each image sends, [B]."""
        low, high = self._symbols_per_cell()
        octaves = _uniform((math.log2(low), math.log2(high)), batch, generator)
        return (octaves.exp2() * cells).round()

    def _draw_erasures(self, place: Tensor, generator: torch.Generator) -> Tensor:
        """True where a symbol never arrives; ``place`` [B, N] in the order of sending is from 0 to 1."""
        batch = len(place)
        fragment = (place.clamp(0, 1 - 1e-6) * FRAGMENTS).long()
        hit = torch.rand(batch, 1, generator=generator) < self.conditions.erasure_rate
        tail = torch.rand(batch, 1, generator=generator) < 0.5
        arriving = 1 + torch.randint(FRAGMENTS, (batch, 1), generator=generator)
        lossy = 0.3 * torch.rand(batch, 1, generator=generator)
        scattered = torch.rand(batch, FRAGMENTS, generator=generator) < lossy
        return hit & torch.where(tail, fragment >= arriving, scattered.gather(1, fragment))


def to_stride(images: Tensor, stride: int) -> Tensor:
    """[B, 3, H, W] with the last row and column repeated until ``stride`` divides H and W."""
    bottom, right = -images.shape[2] % stride, -images.shape[3] % stride
    return F.pad(images, (0, right, 0, bottom), mode="replicate") if bottom or right else images


def _uniform(bounds: tuple[float, float], batch: int, generator: torch.Generator) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(batch, generator=generator)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One operating point: SNR in dB, channel, and symbols sent a cell."""

    snr_db: float
    symbols_per_cell: float
    channel: Channel = AwgnChannel()

    def __str__(self) -> str:
        return f"{self.symbols_per_cell:g}/cell,{self.snr_db:g}dB"


@torch.inference_mode()
def sent_over(networks: Architecture, images: Tensor, *, at: Point, seed: int = 0) -> Tensor:
    """Reconstructions of images [N, 3, H, W] in [0, 1] after the link ``at`` a point, drawn from ``seed``."""
    snr_db, symbols = (at.snr_db, at.snr_db), (at.symbols_per_cell, at.symbols_per_cell)
    conditions = Conditions(snr_db=snr_db, erasure_rate=0, channel=at.channel, symbols_per_cell=symbols)
    link = Link(networks, conditions, compiled=False)
    generator = torch.Generator(images.device).manual_seed(seed)
    return torch.cat([link(part, generator).received for part in batches_of(images)])


def psnr_at(networks: Architecture, images: Tensor, *, at: Point, seed: int = 0) -> float:
    """Mean over the images of the PSNR in dB ``at`` a point."""
    return psnr_db(images, sent_over(networks, images, at=at, seed=seed)).mean().item()


def psnr_db(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image of [B, C, H, W], peak 1, in dB: [B]."""
    return -10 * torch.log10((images - reconstructions).square().flatten(1).mean(1))


def report_points(conditions: Conditions, networks: Architecture) -> list[Point]:
    """Where a training reports how far it is: AWGN of 5 and 10 dB, k/n of 1/24, 1/12 and 1/6 where it goes so far."""
    low, high = conditions.symbols_per_cell or (networks.symbols_per_cell,) * 2
    symbols = [each for each in (2.0, 4.0, 8.0) if low <= each <= high] or [high]
    return [Point(snr_db=snr_db, symbols_per_cell=each) for each in symbols for snr_db in (5.0, 10.0)]
