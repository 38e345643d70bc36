# SPDX-License-Identifier: GPL-3.0-or-later
"""The receiver of Algorithm 1, which leads: it has the labels, the decoder and the task."""

import math
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch

from semcom_training.data import LabelledImages, to_unit
from semcom_training.deepsc_tu import DeepScTu
from semcom_training.jscc import psnr_db
from semcom_training.loop import Schedule, Shard, batches
from semcom_training.processes import ALONE
from semcom_training.split.air import ReceivingAir
from semcom_training.split.half import Half, checkpoints, load_encoder, no_file_left
from semcom_training.split.wire import (
    LONGEST_REFUSAL,
    PROTOCOL,
    Batch,
    Feedback,
    Finished,
    Hello,
    Lessons,
    Noted,
    Refusal,
    Trial,
    Welcome,
    WireError,
    as_bytes,
    packed,
    parsed,
    trial_size,
)

ACTIVE_S = 10.0
"""A session of which nothing was heard for so long after an answer makes room for another transmitter."""
MOST_REFUSED = 20
"""Kinds of refusals that are told of."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a receiver leads: ``architecture`` and ``arguments`` are those of the coder that ``start`` makes anew, with
    the weights to begin with; ``folder`` gets the receiver's half."""

    architecture: str
    arguments: dict[str, int]
    start: Callable[[], DeepScTu]
    schedule: Schedule
    seed: int
    folder: Path


@dataclass(eq=False)
class _Session:
    """From one greeting to the next; ``step`` is that of the batch to come."""

    id: str
    who: bytes
    method: DeepScTu
    half: Half
    air: ReceivingAir
    step: int
    order: Iterator[list[Shard]] = field(default_factory=lambda: iter(()))
    ahead: Shard | None = None
    heard: float = field(default_factory=time.monotonic)
    losses: list[float] = field(default_factory=list)
    answered: tuple[str, int] | None = None
    answer: list[bytes] = field(default_factory=list)


class Receiver:
    """Answers the messages of one transmitter, whatever it sends.

    ``air`` makes the receiving end of the air for a method, ``by_radio`` or not; ``tell`` gets the step and the figures
    of each trial, ``say`` a sentence for each greeting and, once for each kind, why something was refused.
    """

    def __init__(
        self,
        plan: Plan,
        train: LabelledImages,
        held_out: LabelledImages,
        *,
        air: Callable[[DeepScTu], ReceivingAir],
        by_radio: bool = False,
        tell: Callable[[int, dict[str, float]], None],
        say: Callable[[str], None],
    ) -> None:
        self._plan, self._train, self._held_out = plan, train, held_out
        self._air, self._by_radio, self._tell, self._say = air, by_radio, tell, say
        self._refused: set[str] = set()
        self._pixels = train.digest(labels=False)
        self._steps = len(train) // plan.schedule.batch
        self._session: _Session | None = None
        self.trained: DeepScTu | None = None
        """The method with both halves, once the training is over."""

    def answer(self, parts: list[bytes], who: bytes = b"") -> list[bytes]:
        """The parts of a message from ``who``, a connection -> those of the answer.

        Raises:
            FloatingPointError: the loss is not finite any more.
        """
        try:
            message, behind = parsed(parts)
            if isinstance(message, Hello):
                return self._greeted(message, who)
            if isinstance(message, Batch | Trial | Finished):
                return self._in_session(message, behind)
            raise WireError(f"A transmitter does not send a {message.kind}.")
        except WireError as error:
            if str(error) not in self._refused and len(self._refused) < MOST_REFUSED:
                self._refused.add(str(error))
                self._say(f"A message was refused: {error} Others like it are not told of.")
            return packed(Refusal(why=str(error)[:LONGEST_REFUSAL]))

    def _greeted(self, hello: Hello, who: bytes) -> list[bytes]:
        if hello.protocol != PROTOCOL:
            raise WireError(f"The transmitter speaks version {hello.protocol}, this receiver {PROTOCOL}: update one.")
        if hello.pixels_sha256 != self._pixels:
            raise WireError("The transmitter has other pictures than this receiver: both need the same data set.")
        if hello.by_radio != self._by_radio:
            raise WireError("Channel inputs go by radio on one side and over the network on the other: see --radio.")
        if (old := self._session) and old.who != who and time.monotonic() < old.heard + ACTIVE_S:
            return packed(Refusal(why="Another transmitter is training with this receiver.", greet=True))
        try:
            return self._welcomed(hello, who)
        except Exception as error:
            if not no_file_left(error):
                raise
            return packed(Refusal(why="Strangers hold all the files that the receiver may have open.", greet=True))

    def _welcomed(self, hello: Hello, who: bytes) -> list[bytes]:
        plan = self._plan
        kept = checkpoints(plan.folder)
        common = [each for each in kept if each in hello.checkpoints]
        training, step = (common[-1].training, common[-1].step) if common else (secrets.token_hex(16), 0)
        method = plan.start()
        method.trained.train()
        encoder = [safetensors.torch.save(method.trained.encoder.state_dict())] if step == 0 else []
        half = Half(method.trained.decoder, plan.schedule, steps=self._steps, folder=plan.folder, training=training)
        if step:
            half.load(step)
        self._session = _Session(secrets.token_hex(16), who, method, half, self._air(method), step)
        self._say(f"A transmitter greets; the training goes on from epoch {step // self._steps + 1}.")
        if kept and not common:
            self._say("It has no half of what was trained here before, which is deleted after the first epoch.")
        welcome = Welcome(
            session=self._session.id,
            training=training,
            architecture=plan.architecture,
            arguments=plan.arguments,
            snr_db=sum(method.link.conditions.snr_db) / 2,
            lessons=Lessons.of(plan.schedule),
            seed=plan.seed,
            step=step,
        )
        return packed(welcome, *encoder)

    def _in_session(self, message: Batch | Trial | Finished, behind: list[bytes]) -> list[bytes]:
        session = self._session
        if session is None or message.session != session.id:
            return packed(Refusal(why="This receiver does not know the session.", greet=True))
        try:
            if (message.kind, message.step) == session.answered:
                return session.answer
            if message.step != session.step:
                return packed(Refusal(why=f"Step {session.step} is to come, not {message.step}.", greet=True))
            answer = {Batch: self._learn, Trial: self._try, Finished: self._finish}[type(message)]
            session.answer = answer(session, behind)
            session.answered = message.kind, message.step
            return session.answer
        finally:
            session.heard = time.monotonic()

    def _learn(self, session: _Session, behind: list[bytes]) -> list[bytes]:
        step, plan, link = session.step, self._plan, session.method.link
        if step >= self._steps * plan.schedule.epochs:
            raise WireError("There is no batch after the last.")
        indices, generator = self._shard(session)
        before = generator.get_state()
        batch = self._train.batch(indices, generator)
        size = batch.images.shape[2:]
        drawn = link.draw(len(indices), size, generator)
        try:
            outputs, noise_var = session.air.receive(behind, 2 * step, drawn, generator)
        except WireError:
            generator.set_state(before)
            raise
        received = link.receive(outputs.requires_grad_(), noise_var, size)
        loss = session.method.distortion(to_unit(batch.images), received, batch.labels)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"The loss is {loss.item()} in step {step}; lower learning_rate in the config.")
        session.half.update(loss)
        session.losses.append(loss.item())
        session.step, session.ahead = step + 1, None
        if session.step % self._steps == 0:
            session.half.save(session.step)
        return packed(Feedback(step=step), as_bytes(outputs.grad), as_bytes(outputs))

    def _shard(self, session: _Session) -> Shard:
        """What the batch to come is, and what all is drawn from."""
        epoch, number = divmod(session.step, self._steps)
        if session.ahead is None:
            if number == 0:
                schedule, seed = self._plan.schedule, self._plan.seed
                session.order = batches(len(self._train), schedule, seed=seed, epoch=epoch, world=ALONE)
            (session.ahead,) = next(session.order)
        return session.ahead

    @torch.no_grad()
    def _try(self, session: _Session, behind: list[bytes]) -> list[bytes]:
        method = session.method
        tried = self._held_out[: trial_size(method.trained, self._held_out.images.shape[2:])]
        images = to_unit(tried.images)
        generator = torch.Generator().manual_seed(self._plan.seed)
        size = images.shape[2:]
        drawn = method.link.draw(len(images), size, generator)
        outputs, noise_var = session.air.receive(behind, 2 * session.step + 1, drawn, generator)
        method.trained.eval()
        received = method.link.receive(outputs, noise_var, size)
        method.trained.train()
        seen = LabelledImages((received * 255).round().byte(), tried.labels)
        losses, session.losses = session.losses, []
        figures = {"loss": sum(losses) / len(losses)} if losses else {}
        figures |= {**method.task.figures(seen), "psnr_db": psnr_db(images, received).mean().item()}
        if session.air.lost:
            figures["lost"] = session.air.lost
        self._tell(session.step, figures)
        return packed(Noted(step=session.step))

    def _finish(self, session: _Session, behind: list[bytes]) -> list[bytes]:
        if session.step != self._steps * self._plan.schedule.epochs:
            raise WireError("The training is not over yet.")
        load_encoder(session.method.trained.encoder, behind)
        self.trained = session.method
        return packed(Noted(step=session.step))
