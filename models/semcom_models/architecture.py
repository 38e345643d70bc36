# SPDX-License-Identifier: GPL-3.0-or-later
"""What a codec's network must offer, and the register of those that do.

A codec of your own: write an ``nn.Module`` with the members of :class:`Architecture`, put ``@register("name")`` above
it, import it, and name it in a config or a card.  Training, evaluation, blocks and flowgraphs then take it as it is.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from semcom_models.channels import unit_power


@runtime_checkable
class Architecture(Protocol):
    """A pair of networks around a channel."""

    stride: int
    """H and W that the networks see are multiples of this."""

    symbols_per_cell: int
    """Complex symbols C for each stride x stride cell of pixels."""

    encoder: nn.Module
    """[B, 3, H, W] in [0, 1] -> [B, 2 C, h, w], h = H / stride: C real parts, then C imaginary ones."""

    decoder: nn.Module
    """Symbols [B, 2 C, h, w] after their Wiener gain, and the gain [B, C, h, w] in [0, 1] -> [B, 3, H, W] in [0, 1]."""


ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {}


def register(name: str) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Class decorator that files an architecture under ``name``, the word used in cards and configs."""

    def file(architecture: type[nn.Module]) -> type[nn.Module]:
        if name in ARCHITECTURES:
            raise ValueError(f"An architecture called {name!r} is registered already; choose another name.")
        ARCHITECTURES[name] = architecture
        return architecture

    return file


class Transmitter(nn.Module):
    """Encoder and power normalisation."""

    def __init__(self, networks: Architecture) -> None:
        super().__init__()
        self.encoder = networks.encoder

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> symbols as pairs of reals, [B, C, h, w, 2], of mean power 1 for every image."""
        planes = self.encoder(images).float()
        symbols = planes.unflatten(1, (2, -1)).permute(0, 2, 3, 4, 1)
        return unit_power(symbols)


class Receiver(nn.Module):
    """Wiener gain and decoder.

    Each symbol is weighed by 1 / (1 + noise_var), the best linear estimate of a unit-power symbol; an infinite
    variance thus means a symbol that never arrived.
    """

    def __init__(self, networks: Architecture) -> None:
        super().__init__()
        self.decoder = networks.decoder

    def forward(self, symbols: Tensor, noise_var: Tensor) -> Tensor:
        """Pairs [B, C, h, w, 2] and noise_var [B, C, h, w] -> [B, 3, H, W] in [0, 1]."""
        gain = 1 / (1 + noise_var)
        weighed = symbols * gain.unsqueeze(-1)
        return self.decoder(weighed.permute(0, 4, 1, 2, 3).flatten(1, 2), gain)
