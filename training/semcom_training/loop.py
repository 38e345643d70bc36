# SPDX-License-Identifier: GPL-3.0-or-later
"""The one training loop: resumable, deterministic for a seed, and ignorant of what it trains."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.profiler import record_function

from semcom_training.data import FolderImages, LabelledImages
from semcom_training.errors import ConfigError
from semcom_training.log import Log
from semcom_training.processes import ALONE, World


class Method(ABC):
    """What a training method is to the loop: a module to train, and a loss."""

    trained: nn.Module
    """Checkpoints hold all of it; what of it needs a gradient is trained."""

    def optimizer(self, *, learning_rate: float) -> torch.optim.Optimizer:
        """The optimiser over ``trained``, at the peak learning rate."""
        return torch.optim.Adam([each for each in self.trained.parameters() if each.requires_grad], learning_rate)

    @abstractmethod
    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Scalar loss of a batch: images uint8 [B, C, H, W], labels int64 [B]."""

    def end_epoch(self, epoch: int) -> None:  # noqa: B027
        """Called after each epoch, counted from 1, before its checkpoint is written."""

    def finish(self) -> None:  # noqa: B027
        """Called when all epochs are done, also where they were before."""

    @abstractmethod
    def report(self, held_out: LabelledImages) -> dict[str, float]:
        """Figures on the held-out images, for the log."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One cycle: the learning rate climbs for ``warmup`` of the steps, then falls along a cosine to nothing.

    With ``halved_every`` it begins at the top instead, and is halved each time so many epochs are over.

    Each step goes by the mean gradient of ``shards`` equal parts of the ``batch``, each of which has its own random
    numbers, batch-norm statistics and contrastive negatives, and which several processes share out.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.2
    halved_every: Annotated[int, Field(ge=1)] | None = None
    shards: Annotated[int, Field(ge=1)] = 1

    def __post_init__(self) -> None:
        if self.batch % self.shards:
            raise ValueError(f"a batch of {self.batch} does not fall into {self.shards} equal shards")

    def learning_rates(self, optimizer: torch.optim.Optimizer, *, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        """What sets the learning rate, stepped after each of the ``steps`` of an epoch."""
        if self.halved_every:
            return torch.optim.lr_scheduler.StepLR(optimizer, steps * self.halved_every, gamma=0.5)
        total = steps * self.epochs
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            self.learning_rate,
            total_steps=total,
            pct_start=0.0 if self.warmup * total == 1 else self.warmup,  # at 1 it would divide by nothing
            cycle_momentum=False,
        )


Shard = tuple[Tensor, torch.Generator]
"""The indices of a shard's images, and what all is drawn from."""


def fit(
    method: Method,
    schedule: Schedule,
    train: LabelledImages | FolderImages,
    held_out: LabelledImages,
    *,
    seed: int,
    run: Path,
    world: World = ALONE,
    log: Log | None = None,
) -> None:
    """Train ``method.trained`` in place; after each epoch ``run/checkpoint.pt`` lets a later call go on.

    Of several processes the first alone writes and reports.

    Raises:
        FloatingPointError: the loss is not finite any more.
        ConfigError: the checkpoint is of another version.
    """
    optimizer = method.optimizer(learning_rate=schedule.learning_rate)
    steps = len(train) // schedule.batch
    rates = schedule.learning_rates(optimizer, steps=steps)
    state = {"trained": method.trained, "optimizer": optimizer, "learning_rates": rates}
    checkpoint = run / "checkpoint.pt"
    first = _resume(checkpoint, state)
    world.start_alike(method.trained, epochs_done=first)
    held_out = held_out.to(world.device)
    if log:
        log.begin(step=first * steps)
    for epoch in range(first, schedule.epochs):
        started = time.monotonic()
        torch.manual_seed(seed * 10_000 + epoch)
        method.trained.train()
        total, done = 0.0, epoch * steps
        for shards in _progress(batches(len(train), schedule, seed=seed, epoch=epoch, world=world), steps, epoch):
            learning_rate = rates.get_last_lr()[0]
            loss = step(method, optimizer, train, shards, world)
            if not np.isfinite(loss):
                raise FloatingPointError(f"The loss is {loss} in epoch {epoch + 1}; lower learning_rate in the config.")
            rates.step()
            total, done = total + loss, done + 1
            if log:
                log.step(done, loss=loss, learning_rate=learning_rate)
        method.end_epoch(epoch + 1)
        if world.rank:
            continue
        _save(checkpoint, state, epoch + 1)
        method.trained.eval()
        figures = {"loss": total / steps, **method.report(held_out), "minutes": (time.monotonic() - started) / 60}
        print(
            f"epoch {epoch + 1}/{schedule.epochs}  " + "  ".join(f"{k} {v:.4g}" for k, v in figures.items()), flush=True
        )
        if log:
            log.epoch(epoch + 1, figures, step=done)
    method.trained.eval()
    method.finish()
    if log:
        log.close()


def step(
    method: Method,
    optimizer: torch.optim.Optimizer,
    train: LabelledImages | FolderImages,
    shards: Sequence[Shard],
    world: World = ALONE,
) -> float:
    """One step of the optimiser, and the mean loss of all ``shards``."""

    def backward(shard: int) -> float:
        indices, generator = shards[shard]
        with record_function("data"):
            batch = train.batch(indices, generator).to(world.device)
        loss = method.loss(batch.images, batch.labels, generator)
        with record_function("backward"):
            (loss / len(shards)).backward()
        return loss.item()

    optimizer.zero_grad(set_to_none=True)
    loss = world.mean_over_shards(len(shards), backward, method.trained)
    with record_function("optimiser"):
        optimizer.step()
    return loss


def batches(images: int, schedule: Schedule, *, seed: int, epoch: int, world: World) -> Iterator[list[Shard]]:
    """The shards of each step of an epoch; a single one goes on drawing from what drew the order."""
    generator = torch.Generator(world.device).manual_seed(seed * 10_000 + epoch)
    order = torch.randperm(images, generator=generator, device=world.device).cpu()
    for number, indices in enumerate(order[: images - images % schedule.batch].split(schedule.batch)):
        if schedule.shards == 1:
            yield [(indices, generator)]
            continue
        generators = []
        for shard in range(schedule.shards):
            (drawn,) = np.random.SeedSequence((seed, epoch, number, shard)).generate_state(1)
            generators.append(torch.Generator(world.device).manual_seed(int(drawn)))
        yield list(zip(indices.chunk(schedule.shards), generators, strict=True))


def _progress(steps: Iterator[list[Shard]], count: int, epoch: int) -> Iterator[list[Shard]]:
    columns = (TextColumn(f"epoch {epoch + 1}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        yield from bar.track(steps, total=count)


def _save(path: Path, state: dict, epochs_done: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({"epochs_done": epochs_done, **{name: part_.state_dict() for name, part_ in state.items()}}, part)
    part.replace(path)


def _resume(path: Path, state: dict) -> int:
    if not path.exists():
        return 0
    saved = torch.load(path, weights_only=True, map_location="cpu")
    if saved.keys() != {"epochs_done", *state}:
        raise ConfigError(
            f"{path} is of another version of gr-semcom: go on with that, its commit is in run.json, or delete the "
            "run's folder to begin anew."
        )
    for name, part in state.items():
        part.load_state_dict(saved[name])
    print(f"Going on from {path} after epoch {saved['epochs_done']}.", flush=True)
    return saved["epochs_done"]
