# SPDX-License-Identifier: GPL-3.0-or-later
"""G. Zhang et al., task-unaware transmitter and dynamic data: DeepSC-TU beside a variational autoencoder and JPEG 2000.

Each coder of the zoo is measured at the CR and the SNR that it was trained for, as in the paper; JPEG 2000 at the same,
without errors at capacity, which is 1/2 log2(1 + SNR) bits a real channel use.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from semcom_models import zoo
from semcom_models.codec import CHANNELS
from semcom_models.errors import CodecError

from semcom_training.data import DATA_SETS
from semcom_training.evaluate import Grid, Row
from semcom_training.papers.plots import AXES, curve, figure
from semcom_training.papers.rows import Planned
from semcom_training.papers.tables import every_point, introduction

JPEG2000 = "jpeg2000+capacity"
METHODS = {"deepsc-tu": "DeepSC-TU", "vae": "VAE"}
FIGURES = {"mnist": 4, "cifar10": 5}
"""Which compares the methods, by the kind of data."""
PLANES = {"mnist": 1, "cifar10": 3}
"""Of which CR counts the values."""
COLOURS = {"DeepSC-TU": "tab:red", "VAE": "tab:blue", "JPEG 2000 at capacity": "black"}
STYLES = ("--", "-")  # from the lower SNR on


@dataclass(frozen=True)
class Trained:
    """A coder of the zoo: on which data, for which SNR in dB, and seen by whom; ``ratio`` is k/n, n counting three
    planes."""

    name: str
    kind: str
    snr_db: float
    downstream: str
    ratio: Fraction


def coders() -> list[Trained]:
    """Those trained for one SNR over AWGN, on data that the paper has figures of."""
    every = (_coder(name) for name in zoo.names())
    found = [each for each in every if each and each.kind in FIGURES]
    return sorted(found, key=lambda each: (each.kind, each.downstream, each.snr_db, each.ratio))


def _coder(name: str) -> Trained | None:
    card = zoo.read_card(zoo.find(name))
    link = card.training.get("config", {}).get("link")
    if card.method not in METHODS or link["channel"]["kind"] != "awgn" or len(set(link["snr_db"])) > 1:
        return None
    networks = zoo.load_networks(name)
    ratio = Fraction(networks.symbols_per_cell, CHANNELS * networks.stride**2)
    return Trained(name, zoo.trained_on(card), link["snr_db"][0], card.training["config"]["downstream"], ratio)


def plan() -> list[Planned]:
    """What to measure.

    Raises:
        CodecError: the zoo has no such coder.
    """
    planned = [
        Planned(kind, downstream, grid)
        for (kind, downstream), group in groupby(coders(), key=lambda each: (each.kind, each.downstream))
        for grid in _grids(list(group))
    ]
    if not planned:
        raise CodecError(
            f"The zoo in {zoo.zoo_dir()} has no coder of DeepSC-TU: docs/deepsc-tu.md has the commands that train some."
        )
    return planned


def _grids(trained: Sequence[Trained]) -> Iterator[Grid]:
    for each in trained:
        yield Grid(codecs=[each.name], ratios=[], snrs_db=[each.snr_db], channels=["awgn"])
    for snr_db in sorted({each.snr_db for each in trained}):
        ratios = sorted({each.ratio for each in trained if each.snr_db == snr_db})
        yield Grid(codecs=[JPEG2000], ratios=ratios, snrs_db=[snr_db], channels=["awgn"])


def name_of(row: Row) -> str:
    """What the codec of a row is called in figures; a variational autoencoder is one by its name."""
    if row.codec == JPEG2000:
        return "JPEG 2000 at capacity"
    return METHODS["vae"] if row.codec.startswith("vae") else METHODS["deepsc-tu"]


def write(rows: Sequence[Row], folder: Path, *, commit: str) -> None:
    """``tables.md``, and the figures that there are points for."""
    parts = [
        "# Tables",
        introduction(rows, command="./semcom figures zhang", commit=commit),
        every_point(rows, name=name_of),
    ]
    (folder / "tables.md").write_text("\n\n".join(parts) + "\n")
    for kind, number in FIGURES.items():
        shown = [row for row in rows if row.codec and row.dataset == DATA_SETS[kind].name]
        if shown:
            _by_rate(shown, kind, folder / f"fig{number:02d}.png")


def _by_rate(rows: Sequence[Row], kind: str, path: Path) -> None:
    """Accuracy and PSNR against CR."""
    snrs_db = sorted({row.snr_db for row in rows})
    with figure(path, panels=2) as panels:
        for axes, value in zip(panels, ("accuracy", "psnr_db"), strict=True):
            for name, colour in COLOURS.items():
                for snr_db, style in zip(snrs_db, STYLES, strict=False):
                    of_it = sorted(
                        (row for row in rows if row.snr_db == snr_db and name_of(row) == name),
                        key=lambda row: row.ratio,
                    )
                    curve(
                        axes,
                        of_it,
                        lambda row: 2 * row.ratio * CHANNELS / PLANES[kind],
                        value,
                        label=f"{name}, {snr_db:g} dB",
                        color=colour,
                        linestyle=style,
                    )
            axes.set(xlabel="CR, real channel uses a value", ylabel=AXES[value])
        panels[0].set_title(f"as Fig. {FIGURES[kind]}: {rows[0].dataset}, AWGN", fontsize=10)
