# SPDX-License-Identifier: GPL-3.0-or-later
"""What each side trains: its network, optimiser and learning rates, kept after each epoch."""

import re
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from semcom_training.errors import ConfigError
from semcom_training.loop import Schedule
from semcom_training.split.wire import WireError

KEPT = 2
"""Of the two sides one may have kept an epoch more than the other when it dies."""


class Half:
    """One side's half of a coder, trained as the joint loop would (:func:`semcom_training.loop.fit`).

    ``steps`` are those of an epoch; ``folder`` gets the checkpoints.
    """

    def __init__(self, network: nn.Module, schedule: Schedule, *, steps: int, folder: Path) -> None:
        self.network, self._folder = network, folder
        self._optimizer = torch.optim.Adam(network.parameters(), schedule.learning_rate)
        self._rates = schedule.learning_rates(self._optimizer, steps=steps)

    def update(self, of: Tensor, gradient: Tensor | None = None) -> None:
        """One step, by the gradients that ``of`` has, a scalar loss or what ``gradient`` belongs to."""
        self._optimizer.zero_grad(set_to_none=True)
        of.backward(gradient)
        self._optimizer.step()
        self._rates.step()

    def save(self, step: int) -> None:
        """Keep this state, and the one before it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / "part"
        torch.save({name: each.state_dict() for name, each in self._state().items()}, part)
        part.replace(_file(self._folder, step))
        for old in checkpoints(self._folder)[:-KEPT]:
            _file(self._folder, old).unlink()

    def load(self, step: int) -> None:
        """The state that was kept after so many steps.

        Raises:
            ConfigError: the file is of another network.
        """
        path = _file(self._folder, step)
        saved = torch.load(path, weights_only=True, map_location="cpu")
        try:
            for name, each in self._state().items():
                each.load_state_dict(saved[name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"{path} is of another network or version; give this training a name of its own."
            ) from error

    def _state(self) -> dict:
        return {"network": self.network, "optimizer": self._optimizer, "learning_rates": self._rates}


def checkpoints(folder: Path) -> list[int]:
    """The steps after which a half was kept there, in order."""
    found = (re.fullmatch(r"step-(\d+)\.pt", path.name) for path in folder.glob("step-*.pt"))
    return sorted(int(match[1]) for match in found if match)


def _file(folder: Path, step: int) -> Path:
    return folder / f"step-{step}.pt"


def load_encoder(encoder: nn.Module, behind: Sequence[bytes]) -> None:
    """Take the weights that came as a safetensors file.  Raises WireError where they are not of this encoder."""
    try:
        (raw,) = behind
        encoder.load_state_dict(safetensors.torch.load(raw))
    except (ValueError, SafetensorError, RuntimeError) as error:
        raise WireError("The weights behind this message are not of the encoder.") from error
