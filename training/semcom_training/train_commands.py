# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom train`` and ``semcom data``."""

import shlex
import sys
from pathlib import Path
from typing import Literal

from semcom_models import zoo

from semcom_training.config import ClassifierConfig, choose_config
from semcom_training.data import REPOSITORY, Cifar10, FashionMnist, Mnist, Stl10, data_dir
from semcom_training.processes import joined
from semcom_training.train import train


def train_command(
    method: str,
    /,
    *overrides: str,
    config: Path | None = None,
    runs: Path = REPOSITORY / "runs",
    out: Path | None = None,
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
    """
    chosen = choose_config(method, file=config, overrides=overrides)
    file = ["--config", str(config)] if config else []
    command = shlex.join(["./semcom", "train", method, *overrides, *file])
    try:
        with joined() as world:
            folder = train(chosen, command=command, runs=runs, zoo_dir=out or zoo.zoo_dir(), world=world)
            judged = f"none --downstream {folder}" if isinstance(chosen, ClassifierConfig) else folder
            print(f"Wrote {folder}.  Next: ./semcom eval --codec {judged} --card")
    except KeyboardInterrupt:
        sys.exit("semcom: stopped; the same command goes on after the last whole epoch.")


def data_command(*names: Literal["cifar10", "mnist", "fashion-mnist", "stl10"]) -> None:
    """Fetch data sets, or check that they are there.

    Example: ./semcom data mnist fashion-mnist

    Parameters
    ----------
    names
        cifar10 (170 MB to fetch; the one without names), mnist (12 MB), fashion-mnist (31 MB), stl10 (2.6 GB).
    """
    known = {each.kind: each for each in (Cifar10(), Mnist(), FashionMnist(), Stl10())}
    for name in names or ("cifar10",):
        for split in ("train", "held_out", "test"):
            images = known[name].load(split).images
            print(f"{known[name].name}, {split}: {len(images)} images of {images.shape[3]}x{images.shape[2]} pixels")
    print(f"The data sets are in {data_dir()}.")
