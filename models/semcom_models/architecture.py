# SPDX-License-Identifier: GPL-3.0-or-later
"""What a codec's network must offer, and the register of those that do.

A codec of your own: write an ``nn.Module`` with the members of :class:`Architecture`, put ``@register("name")`` above
it, and name its module in the environment variable ``SEMCOM_CODECS`` (several with commas between).  Training,
evaluation, blocks and flowgraphs then take it by the name that stands in a config or a card.
"""

import importlib
import os
from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from semcom_models.channels import unit_power
from semcom_models.errors import CodecError


class Architecture(Protocol):
    """A pair of networks around a channel."""

    stride: int
    """H and W that the networks see are multiples of this."""

    symbols_per_cell: int
    """The most complex symbols, C, that a stride x stride cell of pixels becomes."""

    fewest_symbols_per_cell: int
    """From so many on, the first symbols in :func:`~semcom_models.order.sending_order` are a codeword by themselves;
    C where nothing less than all of them is."""

    encoder: nn.Module
    """[B, 3, H, W] in [0, 1], and the SNR in dB [B] that is expected -> [B, 2 C, h, w], h = H / stride: C real parts,
    then C imaginary ones, the most important first."""

    decoder: nn.Module
    """Symbols [B, 2 C, h, w] weighed by their trust, and the trust [B, C, h, w] in [0, 1], 0 where none arrived
    -> [B, 3, H, W] in [0, 1]."""


_registered: dict[str, Callable[..., nn.Module]] = {}


def register(name: str) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Class decorator that files an architecture under ``name``, the word used in cards and configs."""

    def file(architecture: type[nn.Module]) -> type[nn.Module]:
        if name in _registered:
            raise ValueError(f"An architecture called {name!r} is registered already; choose another name.")
        _registered[name] = architecture
        return architecture

    return file


def architectures() -> dict[str, Callable[..., nn.Module]]:
    """All that are registered, by name: those of this package and those of the modules in ``$SEMCOM_CODECS``.

    Raises:
        CodecError: one of these modules cannot be imported.
    """
    ours = ("semcom_models.semcc", "semcom_models.adaptive", "semcom_models.deepsc_tu")
    for module in (*ours, *filter(None, os.environ.get("SEMCOM_CODECS", "").split(","))):
        try:
            importlib.import_module(module)
        except Exception as error:
            raise CodecError(
                f"SEMCOM_CODECS names the module {module!r}, which cannot be imported ({error}); "
                "is its folder on PYTHONPATH?"
            ) from error
    return dict(_registered)


class Transmitter(nn.Module):
    """Encoder and power normalisation."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor, snr_db: Tensor, sent: Tensor) -> Tensor:
        """Pictures to symbols.

        [B, 3, H, W] in [0, 1], the SNR [B] that is expected, and ``sent`` [B, C, h, w], 1 for each symbol that goes on
        air, else 0 -> pairs of reals [B, C, h, w, 2], of mean power 1 over those sent, the others 0.
        """
        planes = self.encoder(images, snr_db).float()
        symbols = planes.unflatten(1, (2, -1)).permute(0, 2, 3, 4, 1)
        return unit_power(symbols, sent)


class Receiver(nn.Module):
    """Trust and decoder.

    Each symbol is weighed by its trust 1 / (1 + noise_var), the gain of a Wiener filter for unit power; an infinite
    variance thus means a symbol that never arrived.
    """

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, symbols: Tensor, noise_var: Tensor) -> Tensor:
        """Pairs [B, C, h, w, 2] and noise_var [B, C, h, w] -> [B, 3, H, W] in [0, 1]."""
        trust = 1 / (1 + noise_var)
        weighed = symbols * trust.unsqueeze(-1)
        return self.decoder(weighed.permute(0, 4, 1, 2, 3).flatten(1, 2), trust)
