# SPDX-License-Identifier: GPL-3.0-or-later
"""G. Zhang et al., task-unaware transmitter and dynamic data: DeepSC-TU beside a variational autoencoder and JPEG 2000.

Each coder of the zoo is measured at the CR and the SNR that it was trained for, as in the paper; JPEG 2000 at the
same, without errors at capacity, which is 1/2 log2(1 + SNR) bits a real channel use, its headers not counted.  The
paper gives it that times CR as the share of the picture's bits, of which a value has eight: eight times as many as the
channel can carry.  It is measured with these, too.  Coders for 3 dB are measured on pictures of other kinds too, where
the zoo has what adapts them, or a coder trained anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from semcom_models import zoo
from semcom_models.codec import CHANNELS
from semcom_models.errors import CodecError

from semcom_training.evaluate import Grid, Row
from semcom_training.observed import Adaptation, adapter_of, retrained
from semcom_training.papers.rows import Plan, Planned, PlannedObserved, shipped

JPEG2000 = "jpeg2000+capacity"
BOUND = "JPEG 2000 at capacity, headers free"
VALUE_BITS = 8
COUNTED = f"JPEG 2000 with {VALUE_BITS} times the bits, as the paper counts"
METHODS = {"deepsc-tu": "DeepSC-TU", "vae": "VAE"}
"""What those are called whose names begin so."""
KINDS = ("mnist", "cifar10", "masks")
"""The data that the paper compares methods on, figures 4, 5 and 7; it has PASCAL VOC's masks, and we what there is."""
OBSERVED = {"svhn": "mnist", "usps": "mnist", "stl10": "cifar10", "cheap-camera": "cifar10"}
"""What is sent by coders of another kind, and of which; the last is ours."""
OBSERVED_DB = 3.0


@dataclass(frozen=True)
class Trained:
    """A coder of the zoo: on which data, for which SNR in dB, and seen by whom; ``ratio`` is k/n, n counting three
    planes."""

    name: str
    method: str
    kind: str
    snr_db: float
    downstream: str
    ratio: Fraction


def coders() -> list[Trained]:
    """Those trained for one SNR over AWGN, on data that the paper has figures of.

    Raises:
        CodecError: the name of one does not tell its method, by which figures know it.
    """
    every = (_coder(name) for name in zoo.names())
    found = [each for each in every if each and each.kind in KINDS]
    return sorted(found, key=lambda each: (each.kind, each.downstream, each.snr_db, each.ratio))


def _coder(name: str) -> Trained | None:
    card = zoo.read_card(zoo.find(name))
    link = card.training.get("config", {}).get("link")
    if card.method not in METHODS or link["channel"]["kind"] != "awgn" or len(set(link["snr_db"])) > 1:
        return None
    if not name.startswith(card.method):
        raise CodecError(f"{name} is a {card.method} by its card: figures know it by a name that begins so; rename it.")
    networks = zoo.load_networks(name)
    ratio = Fraction(networks.symbols_per_cell, CHANNELS * networks.stride**2)
    downstream = card.training["config"]["downstream"]
    return Trained(name, card.method, zoo.trained_on(card), link["snr_db"][0], downstream, ratio)


def plan() -> Plan:
    """What to measure.

    Raises:
        CodecError: the zoo has no such coder.
    """
    trained = coders()
    planned = [
        Planned(downstream if kind == "masks" else kind, downstream, grid)
        for (kind, downstream), group in groupby(trained, key=lambda each: (each.kind, each.downstream))
        for grid in _grids(list(group))
    ]
    if not planned:
        raise CodecError(
            f"The zoo in {zoo.zoo_dir()} has no coder of DeepSC-TU: docs/deepsc-tu.md has the commands that train some."
        )
    return [*planned, *_of_other_kinds(trained)]


def _grids(trained: Sequence[Trained]) -> Iterator[Grid]:
    for each in trained:
        yield Grid(codecs=[each.name], ratios=[], snrs_db=[each.snr_db], channels=["awgn"])
    for snr_db in sorted({each.snr_db for each in trained}):
        own = {each.ratio for each in trained if each.snr_db == snr_db}
        ratios = sorted(own | {VALUE_BITS * ratio for ratio in own})
        at = {"ratios": ratios, "snrs_db": [snr_db], "channels": ["awgn"]}
        yield Grid(codecs=[JPEG2000], **at, free_headers=True)


def _of_other_kinds(trained: Sequence[Trained]) -> Iterator[PlannedObserved]:
    for observed, library in OBSERVED.items():
        for each in trained:
            if (each.method, each.kind, each.snr_db) != ("deepsc-tu", library, OBSERVED_DB):
                continue
            done = [*_adapted(observed, library), *_retrained(each.name, observed)]
            if done:
                yield PlannedObserved(each.name, observed, ["none", *done], OBSERVED_DB)


def _adapted(observed: str, library: str) -> list[Adaptation]:
    return ["da"] if shipped([adapter_of(observed, library)]) else []


def _retrained(codec: str, observed: str) -> list[Adaptation]:
    try:
        retrained(codec, observed)
    except CodecError:
        return []
    return ["retrained"]


def name_of(row: Row) -> str:
    """What the codec of a row is called in figures."""
    return next((called for method, called in METHODS.items() if row.codec.startswith(method)), BOUND)


def write(rows: Sequence[Row], folder: Path, *, commit: str) -> None:
    """``tables.md``, and the figures that there are points for."""
    from semcom_training.papers import zhang_figures

    (folder / "tables.md").write_text(zhang_figures.tables(rows, commit=commit))
    zhang_figures.draw_all(rows, folder)
