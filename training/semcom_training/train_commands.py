# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom train``, ``semcom sweep`` and ``semcom data``."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Column, Table
from semcom_models import zoo

from semcom_training import profiling
from semcom_training.config import ClassifierConfig, choose_config, command_line
from semcom_training.data import DATA_SETS, REPOSITORY, Cifar10, data_dir
from semcom_training.errors import ConfigError
from semcom_training.processes import joined
from semcom_training.sweep import Place, planned, sweep
from semcom_training.train import train

STOPPED = "semcom: stopped; the same command goes on after the last whole epoch."


def train_command(
    method: str,
    /,
    *overrides: str,
    config: Path | None = None,
    runs: Path = REPOSITORY / "runs",
    out: Path | None = None,
    profile: bool = False,
) -> None:
    """Train the networks of one config and write them, with their card, to the zoo.

    The same command goes on after an interrupt.  Examples:

    ./semcom train deepjscc

    ./semcom train semcc name=my-semcc without=pretraining fine_tuning.schedule.epochs=2 link.erasure_rate=0

    ./semcom train deepjscc name=fading 'link.channel={kind="rayleigh", coherence="fast"}'

    ./semcom train semcc --config my.toml

    Parameters
    ----------
    method
        A config by its name in training/configs, such as semcc, semre, deepsc, deepjscc or resnet20-cifar10.
    overrides
        key=value: what is to be other than in the config.  Dots lead into tables, values are TOML, bare words are
        strings; key= takes a value out.
    config
        A config file of your own instead, whose method is METHOD.
    runs
        Where checkpoints go; a run that was cut off goes on from its last epoch there.
    out
        The zoo that gets the weights and their card; without it, the zoo that codecs are loaded from.
    profile
        Do not train, but time the steps beside those of the plain loop, and tell where their time goes.
    """
    chosen = choose_config(method, file=config, overrides=overrides)
    if profile:
        with joined() as world:
            for each in profiling.profile(chosen, world=world):
                _print_profile(each)
        return
    command = command_line(method, file=config, overrides=overrides)
    try:
        with joined() as world:
            folder = train(chosen, command=command, runs=runs, zoo_dir=out or zoo.zoo_dir(), world=world)
            print(f"Wrote {folder}.")
            if isinstance(chosen.data, Cifar10):
                judged = f"none --downstream {folder}" if isinstance(chosen, ClassifierConfig) else folder
                print(f"Next: ./semcom eval --codec {judged} --card")
    except KeyboardInterrupt:
        sys.exit(STOPPED)


def sweep_command(
    method: str,
    /,
    *overrides: str,
    config: Path | None = None,
    runs: Path = REPOSITORY / "runs",
    out: Path | None = None,
    cpus: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    gpus: float = 0,
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Train a config with every combination of some values, each a run of its own, over Ray.

    The runs are on this machine, or on the cluster that RAY_ADDRESS names.  The same command goes on after an
    interrupt.  Example:

    ./semcom sweep deepjscc schedule.learning_rate=1e-3,2e-3 link.erasure_rate=0,0.1 schedule.epochs=2 --cpus 2

    Parameters
    ----------
    method
        A config by its name in training/configs.
    overrides
        key=value, or key=value,value and so on for each of these values; else as for train.  A run is named after
        its values of the latter.
    config
        A config file of your own instead, whose method is METHOD.
    runs
        Where checkpoints go; a run that was cut off goes on from its last epoch there.
    out
        The zoo that gets the weights; without it, the folder zoo in that of the runs.
    cpus
        Cores for each run; as many runs as there are cores for go at the same time.
    gpus
        GPUs for each run; 0.5 lets two share one.
    json_file
        Write the table there.
    """
    if json_file and not json_file.parent.is_dir():
        raise ConfigError(f"There is no folder {json_file.parent} to write {json_file.name} into.")
    runs, out = runs.resolve(), (out or runs / "zoo").resolve()
    place = Place(runs=runs, zoo_dir=out, cpus=cpus, gpus=gpus)
    try:
        rows = sweep(planned(method, file=config, overrides=overrides), place)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    _print_rows(rows)
    if json_file:
        json_file.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    failed = sum(row["failed"] is not None for row in rows)
    if failed:
        sys.exit(f"semcom: {failed} of {len(rows)} runs failed.")
    print(f"The weights are in {out}.")


def _print_rows(rows: list[dict]) -> None:
    headings = dict.fromkeys(key for row in rows for key, value in row.items() if value is not None)
    table = Table(*headings)
    for row in rows:
        table.add_row(*(_text(row.get(heading)) for heading in headings))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _print_profile(profile: profiling.Profile) -> None:
    table = Table("part of a step", Column("ms", justify="right"), Column("%", justify="right"), title=profile.stage)
    whole_ms = sum(profile.parts.values())
    for name, ms in profile.parts.items():
        table.add_row(name, f"{ms:.1f}", f"{100 * ms / whole_ms:.1f}")
    Console().print(table)
    print(
        f"{profile.ours:.1f} images/s; the plain loop (float32, NCHW, not compiled) {profile.plain:.1f} images/s; "
        f"{profile.ours / profile.plain:.2f} times as fast"
    )


def data_command(*names: Literal["cifar10", "mnist", "fashion-mnist", "usps", "svhn", "stl10"]) -> None:
    """Fetch data sets, or check that they are there.

    Example: ./semcom data mnist fashion-mnist

    Parameters
    ----------
    names
        cifar10 (170 MB to fetch; the one without names), mnist (12 MB), fashion-mnist (31 MB), usps (8 MB),
        svhn (250 MB), stl10 (2.6 GB).
    """
    known = {kind: data_set() for kind, data_set in DATA_SETS.items()}
    for name in names or ("cifar10",):
        for split in ("train", "held_out", "test"):
            images = known[name].load(split).images
            print(f"{known[name].name}, {split}: {len(images)} images of {images.shape[3]}x{images.shape[2]} pixels")
    print(f"The data sets are in {data_dir()}.")
