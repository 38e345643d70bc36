# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves to be looked at: TensorBoard's files, and a line of figures an epoch."""

import json
from pathlib import Path

from semcom_training.errors import ConfigError

STEPS_A_POINT = 20


class Log:
    """Of one stage of a run, in ``run/tensorboard/STAGE`` and ``run/report.jsonl``."""

    def __init__(self, run: Path, *, stage: str) -> None:
        self.run, self.stage = run, stage
        self._losses: list[float] = []

    def begin(self, *, step: int) -> None:
        """After ``step``; what was written of later ones, before a run was cut off, does not count any more.

        Raises:
            ConfigError: TensorBoard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(f"TensorBoard cannot be loaded ({error}); pip install -e .[training] has it.") from error
        self._writer = SummaryWriter(self.run / "tensorboard" / self.stage, purge_step=step + 1)

    def step(self, step: int, *, loss: float, learning_rate: float) -> None:
        """Of each step; every 20th becomes a point, of the mean loss since the one before."""
        self._losses.append(loss)
        if step % STEPS_A_POINT == 0:
            self._writer.add_scalar("step/loss", sum(self._losses) / len(self._losses), step)
            self._writer.add_scalar("step/learning_rate", learning_rate, step)
            self._losses.clear()

    def epoch(self, epoch: int, figures: dict[str, float], *, step: int) -> None:
        """What is reported after an epoch."""
        for name, value in figures.items():
            self._writer.add_scalar(f"epoch/{name}", value, step)
        self._writer.flush()
        with (self.run / "report.jsonl").open("a") as file:
            file.write(json.dumps({"stage": self.stage, "epoch": epoch, **figures}) + "\n")

    def close(self) -> None:
        self._writer.close()


def reports(run: Path) -> list[dict]:
    """What :meth:`Log.epoch` wrote in this run, in order; of an epoch that was done again, what it wrote last."""
    path = run / "report.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return list({(line["stage"], line["epoch"]): line for line in lines}.values())
