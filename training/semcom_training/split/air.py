# SPDX-License-Identifier: GPL-3.0-or-later
"""How channel inputs come to the receiver: behind their message and over a simulated channel, or by radio."""

from typing import Protocol

import torch
from torch import Tensor

from semcom_training.jscc import Draw, Link
from semcom_training.split.wire import WireError, as_bytes, as_floats

POWER_SLACK = 1e-3


class SendingAir(Protocol):
    """The transmitter's end; ``by_radio`` or not."""

    by_radio: bool

    def send(self, symbols: Tensor, number: int) -> list[bytes]:
        """Channel inputs, pairs [B, C, h, w, 2] of unit power a picture -> what goes behind their message.

        Each sending of a training has another ``number``, which both sides know.
        """


class ReceivingAir(Protocol):
    """The receiver's end; ``lost`` counts what never came."""

    lost: int

    def receive(
        self, behind: list[bytes], number: int, drawn: Draw, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Channel outputs [B, C, h, w, 2], for what ``drawn`` has, and their noise variances [B, C, h, w], infinite
        where nothing came.

        Raises:
            WireError: what is behind the message is not as it should be.
        """


class SendsBehind:
    """Behind the message, as they are."""

    by_radio = False

    def send(self, symbols: Tensor, number: int) -> list[bytes]:
        return [as_bytes(symbols)]


class Simulated:
    """The channel of a :class:`Link`, at the receiver."""

    lost = 0

    def __init__(self, link: Link) -> None:
        self._link = link

    def receive(
        self, behind: list[bytes], number: int, drawn: Draw, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        (symbols,) = as_floats(behind, (*drawn.sent.shape, 2))
        power = symbols.square().flatten(1).sum(1) / drawn.sent.flatten(1).sum(1)
        if not ((power - 1).abs() < POWER_SLACK).all():
            raise WireError("Channel inputs have another power than 1 a picture.")
        return self._link.over_channel(symbols, drawn, generator)
