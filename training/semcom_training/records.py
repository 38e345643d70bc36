# SPDX-License-Identifier: GPL-3.0-or-later
"""``run.json``: what a run was begun with, enough to run it again."""

import json
import platform
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from semcom_models import zoo

from semcom_training.config import AescConfig, Config, CycleGanConfig, JsccConfig, SemanticConfig
from semcom_training.data import REPOSITORY, FolderImages, LabelledImages
from semcom_training.errors import ConfigError
from semcom_training.processes import World


def begin(run: Path, config: Config, train: LabelledImages | FolderImages, *, command: str, world: World) -> dict:
    """What the run in this folder was begun with, the content of ``run.json``: now, if nothing is trained yet.

    Raises:
        ConfigError: it was begun with another config or other data, or its other weights have changed since.
    """
    inputs = {"data_sha256": train.digest(), "weights_sha256": _other_weights(config)}
    record = run / "run.json"
    if world.rank == 0 and not (record.exists() and any(run.glob("*/*.pt"))):
        now = {
            "command": command,
            "config": config.model_dump(mode="json"),
            "seed": config.seed,
            "data": f"{config.data.name}, {len(train):,} training images",
            **inputs,
            "commit": commit(),
            "begun": datetime.now(UTC).isoformat(timespec="seconds"),
            "processes": world.size,
            **_environment(),
        }
        run.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(now, indent=2) + "\n")
    world.wait()
    begun = json.loads(record.read_text())
    if not is_of(config, begun["config"]) or any(begun[name] != value for name, value in inputs.items()):
        raise ConfigError(
            f"{run} holds a run that was begun with another config, other data or other weights; "
            "give this one a name=... of its own, or delete that folder to begin anew."
        )
    return begun


def is_of(config: Config, recorded: dict) -> bool:
    """Whether a record is of this config; fields that it was too early to have are at their defaults."""
    try:
        return type(config).model_validate(recorded) == config
    except ValidationError:
        return False


def commit() -> str:
    """HEAD of the repository, with "-dirty" behind it where the tree differs."""
    describe = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    done = subprocess.run(describe, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def _other_weights(config: Config) -> dict[str, str]:
    """The hashes of the weights that a config builds on."""
    names = [config.downstream] if isinstance(config, SemanticConfig | AescConfig | CycleGanConfig) else []
    if isinstance(config, AescConfig):
        names.append(config.start_from)
    if isinstance(config, CycleGanConfig):
        names.append(config.coder)
    if isinstance(config, JsccConfig):
        names += [config.networks.start_from, config.networks.backbone_from]
    return {name: zoo.read_card(zoo.find(name)).weights_sha256 for name in filter(None, names)}


def _environment() -> dict:
    own = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    on_gpu = torch.cuda.is_available()
    return {
        "versions": versions | {own["name"]: own["version"]},
        "machine": {
            "cpu": _cpu(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if on_gpu else None,
        },
    }


def _cpu() -> str:
    """The processor's name, or else the kind of machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
