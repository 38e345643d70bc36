# SPDX-License-Identifier: GPL-3.0-or-later
"""The one training loop: resumable, deterministic for a seed, and ignorant of what it trains."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from semcom_training.data import FolderImages, LabelledImages


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

    @abstractmethod
    def report(self, held_out: LabelledImages) -> dict[str, float]:
        """Figures on the held-out images, for the log."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One cycle: the learning rate climbs for ``warmup`` of the steps, then falls along a cosine to nothing."""

    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0)]
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.2


def fit(
    method: Method,
    schedule: Schedule,
    train: LabelledImages | FolderImages,
    held_out: LabelledImages,
    *,
    seed: int,
    run: Path,
) -> None:
    """Train ``method.trained`` in place; after each epoch ``run/checkpoint.pt`` lets a later call go on."""
    optimizer = method.optimizer(learning_rate=schedule.learning_rate)
    steps = len(train) // schedule.batch
    one_cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        schedule.learning_rate,
        total_steps=steps * schedule.epochs,
        pct_start=schedule.warmup,
        cycle_momentum=False,
    )
    state = {"trained": method.trained, "optimizer": optimizer, "one_cycle": one_cycle}
    checkpoint = run / "checkpoint.pt"
    first = _resume(checkpoint, state)
    for epoch in range(first, schedule.epochs):
        generator = torch.Generator().manual_seed(seed * 10_000 + epoch)
        torch.manual_seed(seed * 10_000 + epoch)
        started = time.monotonic()
        method.trained.train()
        total = 0.0
        shuffled = torch.randperm(len(train), generator=generator)[: steps * schedule.batch]
        for indices in _progress(shuffled.split(schedule.batch), epoch):
            batch = train.batch(indices, generator)
            loss = method.loss(batch.images, batch.labels, generator)
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"The loss is {loss.item()} in epoch {epoch + 1}; lower learning_rate in the config."
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            one_cycle.step()
            total += loss.item()
        method.end_epoch(epoch + 1)
        _save(checkpoint, state, epoch + 1)
        method.trained.eval()
        figures = {"loss": total / steps, **method.report(held_out), "minutes": (time.monotonic() - started) / 60}
        print(
            f"epoch {epoch + 1}/{schedule.epochs}  " + "  ".join(f"{k} {v:.4g}" for k, v in figures.items()), flush=True
        )
    method.trained.eval()


def _progress(batches: tuple[Tensor, ...], epoch: int) -> Iterator[Tensor]:
    columns = (TextColumn(f"epoch {epoch + 1}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        yield from bar.track(batches)


def _save(path: Path, state: dict, epochs_done: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({"epochs_done": epochs_done, **{name: part_.state_dict() for name, part_ in state.items()}}, part)
    part.replace(path)


def _resume(path: Path, state: dict) -> int:
    if not path.exists():
        return 0
    saved = torch.load(path, weights_only=True)
    for name, part in state.items():
        part.load_state_dict(saved[name])
    print(f"Going on from {path} after epoch {saved['epochs_done']}.", flush=True)
    return saved["epochs_done"]
