# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels that a config can train over; each builds the layer that it stands for."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from semcom_models.channels import Awgn, Rayleigh
from semcom_models.radio import RadioParameters
from semcom_models.radio_channel import FadingCarriers
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class AwgnChannel:
    """Noise alone."""

    kind: Literal["awgn"] = "awgn"

    @property
    def name(self) -> str:
        """In cards, like that of each channel here."""
        return "awgn"

    def layer(self) -> nn.Module:
        return Awgn()


@dataclass(frozen=True, kw_only=True)
class RayleighChannel:
    """One gain an image ("block") or a symbol ("fast"), which the receiver knows."""

    kind: Literal["rayleigh"]
    coherence: Literal["block", "fast"]

    @property
    def name(self) -> str:
        return f"rayleigh, {self.coherence}"

    def layer(self) -> nn.Module:
        return Rayleigh(coherence=self.coherence)


@dataclass(frozen=True, kw_only=True)
class TdlChannel:
    """A profile of 3GPP TR 38.901 on the data carriers of the default air interface; the receiver knows every gain."""

    kind: Literal["tdl"]
    profile: Literal["tdl_a", "tdl_b", "tdl_c"]
    delay_spread_s: float
    doppler_hz: float
    samp_rate: float = 1e6

    @property
    def name(self) -> str:
        return f"{self.profile}, delay spread {self.delay_spread_s:g} s, Doppler {self.doppler_hz:g} Hz"

    def __post_init__(self) -> None:
        self.layer()  # so that a config with values that cannot be is refused when it is read

    def layer(self) -> nn.Module:
        return FadingCarriers(
            RadioParameters(
                samp_rate=self.samp_rate,
                profile=self.profile,
                delay_spread_s=self.delay_spread_s,
                doppler_hz=self.doppler_hz,
            )
        )


@dataclass(frozen=True, kw_only=True)
class MixedChannel:
    """AWGN for half of the images; block and fast Rayleigh fading for a quarter each."""

    kind: Literal["mixed"]

    @property
    def name(self) -> str:
        return "awgn and rayleigh, mixed"

    def layer(self) -> nn.Module:
        return Mixed()


class Mixed(nn.Module):
    """Each image meets one of three channels, drawn at random."""

    def __init__(self) -> None:
        super().__init__()
        self.channels = nn.ModuleList([Awgn(), Rayleigh(coherence="block"), Rayleigh(coherence="fast")])

    def forward(self, symbols: Tensor, snr_db: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """As the layers of :mod:`semcom_models.channels`."""
        drawn = torch.multinomial(torch.tensor([0.5, 0.25, 0.25]), len(symbols), replacement=True, generator=generator)
        each = [channel(symbols, snr_db, generator) for channel in self.channels]
        received, noise_var = (torch.stack(parts) for parts in zip(*each, strict=True))
        return received[drawn, torch.arange(len(drawn))], noise_var[drawn, torch.arange(len(drawn))]


Channel = Annotated[AwgnChannel | RayleighChannel | TdlChannel | MixedChannel, Field(discriminator="kind")]
