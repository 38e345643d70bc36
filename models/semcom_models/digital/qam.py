# SPDX-License-Identifier: GPL-3.0-or-later
"""QPSK, 16-, 64- and 256-QAM with the Gray labels of 3GPP TS 38.211, 5.1.3 to 5.1.6, of mean energy 1."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Qam:
    """A square constellation: even bits of a label choose the real part, odd ones the imaginary part."""

    bits: int
    """a symbol: 2, 4, 6 or 8"""

    def __post_init__(self) -> None:
        if self.bits not in (2, 4, 6, 8):
            raise ValueError(f"QAM carries 2, 4, 6 or 8 bits a symbol here, not {self.bits}.")

    @property
    def name(self) -> str:
        return "qpsk" if self.bits == 2 else f"{2**self.bits}qam"

    def modulate(self, bits: Tensor) -> Tensor:
        """uint8 [B, S * bits] of 0 and 1 -> complex64 [B, S]."""
        labels = bits.view(len(bits), -1, self.bits)
        weights = 2 ** torch.arange(self.bits // 2 - 1, -1, -1, device=bits.device)
        levels = self._levels.to(bits.device)
        real, imaginary = (levels[(labels[..., part::2].long() * weights).sum(-1)] for part in (0, 1))
        return torch.complex(real, imaginary)

    def demodulate(self, symbols: Tensor, noise_var: Tensor) -> Tensor:
        """complex64 [B, S] and float32 [B, S], inf where erased -> log P(0)/P(1), float32 [B, S * bits].

        All labels equally likely, noise CN(0, noise_var).
        """
        parts = torch.view_as_real(symbols)  # [B, S, 2]
        distance = (parts[..., None] - self._levels.to(symbols.device)).square()
        fit = -distance / noise_var[..., None, None]  # half of the variance falls on each part
        llr = torch.stack([self._llr(fit, bit) for bit in range(self.bits // 2)], dim=2)  # [B, S, bits / 2, 2]
        return llr.view(len(symbols), -1)

    def _llr(self, fit: Tensor, bit: int) -> Tensor:
        ones = (torch.arange(fit.shape[-1], device=fit.device) >> (self.bits // 2 - 1 - bit)) & 1 == 1
        return fit[..., ~ones].logsumexp(-1) - fit[..., ones].logsumexp(-1)

    @cached_property
    def _levels(self) -> Tensor:
        """float32 [2 ** (bits / 2)]: the amplitude of each label of one part."""
        half = self.bits // 2
        labels = torch.arange(2**half)
        signs = [1 - 2 * ((labels >> (half - 1 - bit)) & 1) for bit in range(half)]
        amplitude = torch.ones_like(labels)
        for bit in range(half - 1, 0, -1):
            amplitude = 2 ** (half - bit) - signs[bit] * amplitude
        levels = (signs[0] * amplitude).float()
        return levels / (2 * levels.square().mean()).sqrt()


MODULATIONS = {qam.name: qam for qam in map(Qam, (2, 4, 6, 8))}
