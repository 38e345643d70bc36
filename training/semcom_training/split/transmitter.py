# SPDX-License-Identifier: GPL-3.0-or-later
"""The transmitter of Algorithm 1: pictures and an encoder, and no idea what for."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import safetensors.torch
import torch
from semcom_models.architecture import Architecture, architectures
from semcom_models.architecture import Transmitter as Sender
from torch import Tensor, nn

from semcom_training.data import LabelledImages, to_unit
from semcom_training.jscc import to_stride
from semcom_training.loop import batches
from semcom_training.processes import ALONE
from semcom_training.split.air import SendingAir
from semcom_training.split.half import Half, checkpoints, load_encoder
from semcom_training.split.wire import (
    LARGEST,
    Batch,
    Checkpoint,
    Feedback,
    Finished,
    Hello,
    Message,
    Noted,
    Trial,
    Welcome,
    WireError,
    as_floats,
    pictures_in_a_message,
    trial_size,
)

PAUSE_S = 0.5
MOST_KEPT = 8  # checkpoints that are offered
LARGEST_NETWORK = 2 * LARGEST // 4
"""Weights that a receiver may ask for: an encoder as large as a message, and a decoder alike."""


class GreetAgain(Exception):
    """Why the receiver wants a new greeting."""


class Ask(Protocol):
    """Sends a message with what is behind it, and waits for the answer, of kind ``expected``.

    Raises:
        GreetAgain: the receiver wants a new greeting.
        WireError: it refused.
    """

    def __call__(self, message: Message, *behind: bytes, expected: type[Message]) -> tuple[Message, list[bytes]]: ...


@dataclass(frozen=True)
class Progress:
    """After a step, of ``steps`` in all: the SNR in dB that the channel outputs show."""

    step: int
    steps: int
    snr_db: float


class Transmitter:
    """Trains an encoder as its receiver says.

    ``folder`` gets its half, and at the end ``encoder.safetensors``; ``say`` is told why it greets the receiver again.
    """

    def __init__(
        self,
        train: LabelledImages,
        held_out: LabelledImages,
        *,
        air: SendingAir,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self._train, self._held_out, self._air, self.folder = train.images, held_out.images, air, folder
        self._say, self._pixels = say, train.digest(labels=False)

    def run(self, ask: Ask) -> Iterator[Progress]:
        """All of the training, step by step, from the last epoch that both sides have; and again from there when the
        receiver was started anew.

        Raises:
            WireError: the receiver refused, or asks for what cannot be.
        """
        told = ""
        while True:
            try:
                for progress in self._session(ask):
                    told = ""
                    yield progress
                return
            except GreetAgain as why:
                if str(why) != told:
                    told = str(why)
                    self._say(f"Greeting the receiver again: {why}")
                time.sleep(PAUSE_S)

    def _session(self, ask: Ask) -> Iterator[Progress]:
        kept = tuple(checkpoints(self.folder))[-MOST_KEPT:]
        hello = Hello(pixels_sha256=self._pixels, by_radio=self._air.by_radio, checkpoints=kept)
        welcome, behind = ask(hello, expected=Welcome)
        if welcome.step and Checkpoint(training=welcome.training, step=welcome.step) not in kept:
            raise WireError("The receiver wants to go on from where this transmitter cannot.")
        if welcome.lessons.batch > len(self._train):
            raise WireError(
                f"The receiver wants batches of {welcome.lessons.batch}; there are {len(self._train)} pictures."
            )
        coder = _coder(welcome, size=self._train.shape[2:])
        if welcome.step == 0:
            load_encoder(coder.encoder, behind)
        schedule, send = welcome.lessons.schedule(), _Send(coder, snr_db=welcome.snr_db)
        steps = len(self._train) // schedule.batch
        half = Half(coder.encoder, schedule, steps=steps, folder=self.folder, training=welcome.training)
        if welcome.step:
            half.load(welcome.step)
        step = welcome.step
        for epoch in range(step // steps, schedule.epochs):
            order = batches(len(self._train), schedule, seed=welcome.seed, epoch=epoch, world=ALONE)
            for [(indices, _)] in order:
                symbols = send(self._train[indices])
                message = Batch(session=welcome.session, step=step)
                _, behind = ask(message, *self._air.send(symbols.detach(), 2 * step), expected=Feedback)
                gradient, outputs = as_floats(behind, symbols.shape, count=2)
                half.update(symbols, gradient)
                step += 1
                yield Progress(step, steps * schedule.epochs, _snr_db(symbols, outputs))
            half.save(step)
            coder.eval()
            with torch.no_grad():
                symbols = send(self._held_out[: trial_size(coder, self._held_out.shape[2:])])
            coder.train()
            ask(Trial(session=welcome.session, step=step), *self._air.send(symbols, 2 * step + 1), expected=Noted)
        weights = safetensors.torch.save(coder.encoder.state_dict())
        (self.folder / "encoder.safetensors").write_bytes(weights)
        ask(Finished(session=welcome.session, step=step), weights, expected=Noted)


class _Send(nn.Module):
    """uint8 [B, 3, H, W] -> all the symbols that a coder has for them, as pairs [B, C, h, w, 2]."""

    def __init__(self, coder: Architecture, *, snr_db: float) -> None:
        super().__init__()
        self._coder, self._transmitter, self._snr_db = coder, Sender(coder.encoder), snr_db

    def forward(self, pictures: Tensor) -> Tensor:
        images = to_stride(to_unit(pictures), self._coder.stride)
        cells = (length // self._coder.stride for length in images.shape[2:])
        sent = torch.ones(len(images), self._coder.symbols_per_cell, *cells)
        return self._transmitter(images, torch.full((len(images),), self._snr_db), sent)


def _coder(welcome: Welcome, *, size: Sequence[int]) -> Architecture:
    """What the receiver wants trained, on pictures of ``size``.  Raises WireError where it cannot be built, or is too
    large."""
    known = architectures()
    if welcome.architecture not in known:
        raise WireError(f"The receiver wants a {welcome.architecture!r}, which is not known here.")
    try:
        with torch.device("meta"):
            planned = known[welcome.architecture](**welcome.arguments)
            weights = sum(each.numel() for each in planned.parameters())
        if weights > LARGEST_NETWORK:
            raise WireError(f"The receiver wants a network of {weights} weights, more than {LARGEST_NETWORK}.")
        if welcome.lessons.batch > pictures_in_a_message(planned, size):
            raise WireError(f"The receiver wants batches of {welcome.lessons.batch}, which no message can carry.")
        return known[welcome.architecture](**welcome.arguments)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise WireError(f"The receiver wants a {welcome.architecture} that cannot be built.") from error


def _snr_db(symbols: Tensor, outputs: Tensor) -> float:
    """Es/N0 of the channel outputs, as the transmitter sees it: symbols have unit power."""
    noise_var = 2 * (outputs - symbols.detach()).square().mean().item()
    return -10 * math.log10(max(noise_var, 1e-12))
