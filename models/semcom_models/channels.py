# SPDX-License-Identifier: GPL-3.0-or-later
"""Power normalisation and channels as differentiable layers.

At a channel symbols are complex64 [B, k].  SNR is Es/N0 in dB a complex symbol, with Es = 1; noise is
CN(0, noise_var), so that each real dimension carries noise_var / 2.  A channel hands on what a coherent receiver with
perfect CSI would: the equalised symbols, and the noise variance of each.
"""

from typing import Literal

import torch
from torch import Tensor, nn

SILENCE = 1e-30
"""Symbols below this power are not amplified to 1."""


def unit_power(symbols: Tensor, sent: Tensor) -> Tensor:
    """Scale each image's symbols to mean power 1 over those sent: SemCC eq. 2 with P = 1.

    Symbols come as pairs of reals, [B, ..., 2], the form that every inference engine takes; ``sent`` [B, ...] is 1
    where a symbol goes on air, else 0, and those that do not come back as 0.  Symbols that are all zero stay so.
    """
    symbols = symbols * sent.unsqueeze(-1)
    power = symbols.square().flatten(1).sum(1) / sent.flatten(1).sum(1)
    return symbols * torch.rsqrt(power.clamp_min(SILENCE)).view(-1, *[1] * (symbols.dim() - 1))


def noise_var_from_snr_db(snr_db: Tensor) -> Tensor:
    """Es/N0 in dB -> variance of the complex noise, at Es = 1."""
    return 10 ** (-snr_db / 10)


def complex_normal(*shape: int, generator: torch.Generator | None = None) -> Tensor:
    """CN(0, 1): complex64, each real dimension of variance 1/2."""
    return torch.randn(*shape, dtype=torch.complex64, generator=generator)


class Awgn(nn.Module):
    """r = s + n: SemCC eq. 3."""

    def forward(
        self, symbols: Tensor, snr_db: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Symbols complex [B, k] of unit power, ``snr_db`` [B] -> received complex [B, k], noise_var [B, k]."""
        noise_var = noise_var_from_snr_db(snr_db).unsqueeze(1).expand(symbols.shape)
        return symbols + noise_var.sqrt() * complex_normal(*symbols.shape, generator=generator), noise_var


class Rayleigh(nn.Module):
    """r = h s + n, SemCC eq. 4, divided by the h that the receiver knows.

    ``coherence="block"`` draws one h ~ CN(0, 1) an image, ``"fast"`` one a symbol.
    """

    def __init__(self, *, coherence: Literal["block", "fast"] = "block") -> None:
        super().__init__()
        if coherence not in ("block", "fast"):
            raise ValueError(f"coherence is 'block' or 'fast', not {coherence!r}.")
        self.coherence = coherence

    def forward(
        self, symbols: Tensor, snr_db: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Symbols complex [B, k] of unit power, ``snr_db`` [B] -> equalised complex [B, k], noise_var [B, k]."""
        batch, k = symbols.shape
        gain = complex_normal(batch, 1 if self.coherence == "block" else k, generator=generator)
        noise_var = noise_var_from_snr_db(snr_db).unsqueeze(1)
        noise = noise_var.sqrt() * complex_normal(batch, k, generator=generator)
        return (gain * symbols + noise) / gain, (noise_var / gain.abs().square()).expand(batch, k)
