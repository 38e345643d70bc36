# SPDX-License-Identifier: GPL-3.0-or-later
"""How channel inputs come to the receiver: behind their message and over a simulated channel, or by radio."""

from typing import Protocol

import torch
from torch import Tensor

from semcom_training.jscc import Draw, Link
from semcom_training.split.wire import as_bytes, as_floats


class SendingAir(Protocol):
    """The transmitter's end."""

    def send(self, symbols: Tensor, step: int) -> list[bytes]:
        """Channel inputs, pairs [B, C, h, w, 2] of unit power a picture -> what goes behind their message."""


class ReceivingAir(Protocol):
    """The receiver's end."""

    def receive(self, behind: list[bytes], step: int, drawn: Draw, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Channel outputs [B, C, h, w, 2], for what ``drawn`` has, and their noise variances [B, C, h, w], infinite
        where nothing came.

        Raises:
            WireError: what is behind the message is not as it should be.
        """


class SendsBehind:
    """Behind the message, as they are."""

    def send(self, symbols: Tensor, step: int) -> list[bytes]:
        return [as_bytes(symbols)]


class Simulated:
    """The channel of a :class:`Link`, at the receiver."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def receive(self, behind: list[bytes], step: int, drawn: Draw, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        (symbols,) = as_floats(behind, (*drawn.sent.shape, 2))
        return self._link.over_channel(symbols, drawn, generator)
