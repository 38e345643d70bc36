# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom train``, ``semcom eval`` and ``semcom data``."""

import sys
from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.table import Table
from semcom_models import zoo
from semcom_models.errors import CodecError

from semcom_training.config import ConfigError, read_config
from semcom_training.data import REPOSITORY, DataError, cifar10, data_dir
from semcom_training.evaluate import evaluate_classifier, evaluate_codec, write_results
from semcom_training.train import train

app = App(name="semcom", help="Train and measure codecs.", version_flags=[])


@app.command(name="train")
def train_command(config: Path, /, *, runs: Path = REPOSITORY / "runs", out: Path | None = None) -> None:
    """Train the networks of one config and write them, with their card, to the zoo.

    Example: ./semcom train training/configs/deepjscc-6.toml

    Parameters
    ----------
    config
        A file of training/configs.
    runs
        Where checkpoints go; a run that was cut off goes on from its last epoch there.
    out
        The zoo that gets the weights and their card; without it, the zoo that codecs are loaded from.
    """
    zoo_dir = out or zoo.zoo_dir()
    try:
        folder = train(read_config(config), command=f"./semcom train {config}", runs=runs, zoo_dir=zoo_dir)
    except KeyboardInterrupt:
        sys.exit("semcom: stopped; the same command goes on after the last whole epoch.")
    print(f"Wrote {folder}.  Next: ./semcom eval {folder} --card")


@app.command(name="eval")
def eval_command(network: str, /, *, images: int = 1000, card: bool = False, seed: int = 0) -> None:
    """Measure a network of the zoo on the CIFAR-10 test images.

    Example: ./semcom eval deepjscc-6

    Parameters
    ----------
    network
        A name of the zoo (models/zoo), or a folder with card.json and weights.safetensors.
    images
        So many of the test images, from the first on.
    card
        Write the figures into its card.
    seed
        What the channel's noise is drawn from.
    """
    folder = zoo.find(network)
    name = zoo.read_card(folder).name
    if zoo.read_card(folder).method == "classifier":
        rows, judge = evaluate_classifier(folder, images=images), None
    else:
        judge = zoo.CLASSIFIER
        rows = evaluate_codec(zoo.load_codec(folder), classifier=judge, images=images, seed=seed)
    table = Table(*rows[0], title=name)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    if card:
        command = f"./semcom eval {name} --images {images} --seed {seed}"
        write_results(folder, rows, command=command, classifier=judge)


@app.command(name="data")
def data_command() -> None:
    """Fetch CIFAR-10 (170 MB), or check that it is there."""
    for split in ("train", "held_out", "test"):
        print(f"{split}: {len(cifar10(split))} images in {data_dir()}")


def main() -> None:
    try:
        app()
    except (CodecError, ConfigError, DataError, FloatingPointError) as error:
        sys.exit(f"semcom: {error}")


if __name__ == "__main__":
    main()
