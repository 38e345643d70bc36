# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of one config with many values, over Ray: on this machine, or on a cluster."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from semcom_models.errors import CodecError

from semcom_training.config import Config, choose_config, command_line
from semcom_training.errors import ConfigError, DataError
from semcom_training.log import reports
from semcom_training.processes import joined
from semcom_training.train import train


@dataclass(frozen=True, kw_only=True)
class Run:
    """One of a sweep, of which ``values`` has what it has of its own, by key."""

    config: Config
    command: str
    values: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where runs go, and what each gets: cores, which are its threads, and GPUs."""

    runs: Path
    zoo_dir: Path
    cpus: int
    gpus: float


def planned(method: str, *, file: Path | None, overrides: Sequence[str]) -> list[Run]:
    """A run for each combination of the values in ``key=value,value`` overrides, named after its own.

    Raises:
        ConfigError: as :func:`semcom_training.config.choose_config` for any of them, or two have the same name.
    """
    listed = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        listed[key] = [f"{key}{equals}{each}" for each in alternatives(text)]
    runs = {}
    for combination in product(*listed.values()):
        own = [each for each in combination if len(listed[each.partition("=")[0]]) > 1]
        base = choose_config(method, file=file, overrides=combination)
        name = "-".join([base.name, *(re.sub(r"[^\w.=+-]+", "_", each) for each in own)])
        named = [*combination, f"name={name}"]
        if name in runs:
            raise ConfigError(f"Two runs would be called {name}; let their values differ in letters or digits.")
        runs[name] = Run(
            config=choose_config(method, file=file, overrides=named),
            command=command_line(method, overrides=named, file=file),
            values=dict(each.split("=", 1) for each in own),
        )
    return list(runs.values())


def alternatives(text: str) -> list[str]:
    """The values in a list with commas between; commas inside brackets and braces belong to a value."""
    values, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            values.append("")
        else:
            values[-1] += letter
    return values


def sweep(runs: Sequence[Run], place: Place) -> list[dict]:
    """Train them all: for each its name, its values, and its last report or how it ``failed``.

    Uses the cluster at ``$RAY_ADDRESS``, else this machine.

    Raises:
        ConfigError: Ray is not installed, or no machine of it has so many cores.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError(f"Ray cannot be loaded ({error}); pip install -e .[training] has it.") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(include_dashboard=False, logging_level="error")
    try:
        most = max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
        if place.cpus > most:
            raise ConfigError(
                f"A run is to have {place.cpus} cores and no machine has more than {most:g}; lower --cpus."
            )
        task = ray.remote(num_cpus=place.cpus, num_gpus=place.gpus)(_train)
        settings = {name: value for name, value in os.environ.items() if name.startswith("SEMCOM_")}
        started = [task.remote(run, place, folder=Path.cwd(), settings=settings) for run in runs]
        failures = ray.get(started)
    finally:
        ray.shutdown()
    return [
        {"run": run.config.name, **run.values, **(reports(place.runs / run.config.name) or [{}])[-1], "failed": failed}
        for run, failed in zip(runs, failures, strict=True)
    ]


def _train(run: Run, place: Place, *, folder: Path, settings: dict[str, str]) -> str | None:
    """A task of Ray's: trains as a command in ``folder`` would; what went wrong, in a sentence, if anything did."""
    os.chdir(folder)
    os.environ.update(settings)
    torch.set_num_threads(place.cpus)
    try:
        with joined() as world:
            train(run.config, command=run.command, runs=place.runs, zoo_dir=place.zoo_dir, world=world)
    except (CodecError, ConfigError, DataError, FloatingPointError) as error:
        return str(error)
    return None
