# SPDX-License-Identifier: GPL-3.0-or-later
"""What each side trains: its network, optimiser and learning rates, kept after each epoch."""

import errno
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from semcom_training.errors import ConfigError
from semcom_training.loop import Schedule
from semcom_training.split.wire import Checkpoint, WireError

PATIENCE_S = 30.0
KEPT = 2
"""Of the two sides one may have kept an epoch more than the other when it dies."""


class Half:
    """One side's half of a coder, trained as the joint loop would (:func:`semcom_training.loop.fit`).

    ``steps`` are those of an epoch; ``folder`` gets the checkpoints of the ``training``, an id.
    """

    def __init__(self, network: nn.Module, schedule: Schedule, *, steps: int, folder: Path, training: str) -> None:
        self.network, self._folder, self._training = network, folder, training
        self._optimizer = torch.optim.Adam(network.parameters(), schedule.learning_rate)
        self._rates = schedule.learning_rates(self._optimizer, steps=steps)

    def update(self, of: Tensor, gradient: Tensor | None = None) -> None:
        """One step, by the gradients that ``of`` has, a scalar loss or what ``gradient`` belongs to."""
        self._optimizer.zero_grad(set_to_none=True)
        of.backward(gradient)
        self._optimizer.step()
        self._rates.step()

    def save(self, step: int) -> None:
        """Keep this state and the one before it, and nothing of other trainings; where strangers hold all the files
        that may be open, when their handshakes have failed."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._save(step)
            except OSError as error:
                if not no_file_left(error) or time.monotonic() > end:
                    raise
                time.sleep(PATIENCE_S / 100)

    def _save(self, step: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / "part"
        with part.open("wb") as file:
            torch.save({name: each.state_dict() for name, each in self._state().items()}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file(step))
        kept = checkpoints(self._folder)
        own = [each for each in kept if each.training == self._training]
        for old in set(kept) - set(own[-KEPT:]):
            _path(self._folder, old).unlink()

    def load(self, step: int) -> None:
        """The state that was kept after so many steps.

        Raises:
            ConfigError: the file is damaged, or of another network.
        """
        path = self._file(step)
        try:
            saved = torch.load(path, weights_only=True, map_location="cpu")
            for name, each in self._state().items():
                each.load_state_dict(saved[name])
        except (KeyError, RuntimeError, ValueError, OSError, EOFError, UnpicklingError) as error:
            raise ConfigError(
                f"{path} is damaged, or of another network or version; delete it, or name this training otherwise."
            ) from error

    def _file(self, step: int) -> Path:
        return _path(self._folder, Checkpoint(training=self._training, step=step))

    def _state(self) -> dict:
        return {"network": self.network, "optimizer": self._optimizer, "learning_rates": self._rates}


def checkpoints(folder: Path) -> list[Checkpoint]:
    """The halves that were kept there, by their steps."""
    there = os.listdir(folder) if folder.is_dir() else []  # glob takes what it cannot list for empty
    found = (re.fullmatch(r"([0-9a-f]{32})-(\d+)\.pt", name) for name in there)
    return sorted(
        (Checkpoint(training=each[1], step=int(each[2])) for each in found if each), key=lambda each: each.step
    )


def _path(folder: Path, checkpoint: Checkpoint) -> Path:
    return folder / f"{checkpoint.training}-{checkpoint.step}.pt"


def no_file_left(error: BaseException | None) -> bool:
    """Whether it comes of no more files that may be open, which connections of strangers bring about for a while."""
    while error and not (isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)):
        error = error.__cause__
    return error is not None


def load_encoder(encoder: nn.Module, behind: Sequence[bytes]) -> None:
    """Take the weights that came as a safetensors file.  Raises WireError where they are not of this encoder."""
    try:
        (raw,) = behind
        weights, own = safetensors.torch.load(raw), encoder.state_dict()
        if not all(each.dtype == own[name].dtype and each.isfinite().all() for name, each in weights.items()):
            raise ValueError("other numbers than an encoder's")
        encoder.load_state_dict(weights)
    except (KeyError, ValueError, SafetensorError, RuntimeError) as error:
        raise WireError("The weights behind this message are not of the encoder.") from error
