# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows behind figures: measured after a plan, and kept as JSON with what they are about."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from semcom_models import zoo

from semcom_training.data import DataError
from semcom_training.evaluate import TOOK_PART, Evaluation, Grid, Row
from semcom_training.observed import Adaptation, Observed, ObservedRow
from semcom_training.pictures import load_pictures

ROWS = "rows.json"


@dataclass(frozen=True)
class Planned:
    """Points to measure on the test images of a data set, seen by a downstream network."""

    dataset: str
    downstream: str
    grid: Grid


@dataclass(frozen=True)
class PlannedObserved:
    """Pictures of ``observed``, which ``codec`` was not trained on, at its CR over AWGN, adapted in several ways."""

    codec: str
    observed: str
    adaptations: Sequence[Adaptation]
    snr_db: float

    def rows(self, *, images: int | None, seed: int) -> Iterator[ObservedRow]:
        of = Observed(self.codec, self.observed, images=images, seed=seed)
        return of.rows(self.adaptations, rates=[], snrs_db=[self.snr_db], channels=["awgn"])


Plan = Sequence[Planned | PlannedObserved]


def shipped(names: Sequence[str]) -> list[str]:
    """Those of ``names`` that the zoo has."""
    return [name for name in names if (zoo.zoo_dir() / name / zoo.CARD).is_file()]


def number_of_rows(plan: Plan) -> int:
    """How many :func:`measured` yields."""
    known, observed = _of_known(plan), _of_observed(plan)
    originals = {(each.dataset, each.downstream) for each in known}
    return len(originals) + sum(len(each.grid) for each in known) + sum(len(each.adaptations) for each in observed)


def measured(plan: Plan, *, images: int | None, seed: int) -> Iterator[Row]:
    """The rows of a plan, which has one data set and downstream network after another: of each the originals first.
    Those of observed pictures come last."""
    for (dataset, downstream), parts in groupby(_of_known(plan), key=lambda each: (each.dataset, each.downstream)):
        evaluation = Evaluation(load_pictures(dataset, count=images), downstream=downstream, seed=seed)
        yield evaluation.originals()
        for part in parts:
            yield from evaluation.rows(part.grid)
    for each in _of_observed(plan):
        yield from each.rows(images=images, seed=seed)


def _of_known(plan: Plan) -> list[Planned]:
    return [each for each in plan if isinstance(each, Planned)]


def _of_observed(plan: Plan) -> list[PlannedObserved]:
    return [each for each in plan if isinstance(each, PlannedObserved)]


def write_rows(folder: Path, rows: Sequence[Row], *, commit: str) -> None:
    """``rows.json``: the paper, whose name is that of the folder, the rows, the commit, and the hashes of the weights
    that they are about."""
    about = {getattr(row, of, None) for row in rows for of in TOOK_PART}
    names = shipped(sorted(about - {None}))
    content = {
        "paper": folder.name,
        "commit": commit,
        "weights_sha256": {name: zoo.read_card(zoo.find(name)).weights_sha256 for name in names},
        "rows": [asdict(row) for row in rows],
    }
    (folder / ROWS).write_text(json.dumps(content, indent=1) + "\n")


def read_rows(folder: Path) -> tuple[list[Row], str]:
    """The rows of ``rows.json``, and the commit that they were measured at.  Raises DataError where there are none."""
    anew = f"run ./semcom figures {folder.name} without --draw-only"
    try:
        content = json.loads((folder / ROWS).read_text())
        paper, rows, at = content["paper"], [_row(values) for values in content["rows"]], content["commit"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / ROWS} cannot be read ({error}); {anew}.") from error
    if paper != folder.name:
        raise DataError(f"{folder / ROWS} has the rows of {paper}; {anew}.")
    if not rows:
        raise DataError(f"{folder / ROWS} has no rows; {anew}.")
    return rows, at


def _row(values: dict) -> Row:
    """JSON has no tuples."""
    kind = ObservedRow if "method" in values else Row
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
