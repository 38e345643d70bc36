# SPDX-License-Identifier: GPL-3.0-or-later
"""The points behind the figures and tables of Tang et al.: ours, measured, and theirs, as their text states them."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from semcom_models import zoo
from semcom_models.errors import CodecError

from semcom_training.data import DataError
from semcom_training.evaluate import Evaluation, Grid, Row
from semcom_training.pictures import load_pictures

METHODS = ("semcc", "semre", "deepjscc", "deepsc", "semcc-without-fine-tuning")
"""Names in the zoo; the last, an ablation, does not ship: docs/results/README.md has its command."""
RATIOS = tuple(map(Fraction, ("1/24", "1/12", "1/6", "1/4", "1/3", "2/5")))
SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
ROWS = "rows.json"


@dataclass(frozen=True)
class Other:
    """A figure of accuracy against SNR under Rayleigh fading, seen by another network than the one trained with."""

    figure: int
    downstream: str
    ratio: Fraction


OTHERS = (
    Other(13, "repvgg-cifar10", Fraction("1/6")),
    Other(14, "shufflenetv2-cifar10", Fraction("1/12")),
)


@dataclass(frozen=True)
class Published:
    """A point of the paper; ``accuracy`` in percent, ``psnr_db`` None where it is not stated."""

    method: str
    channel: str
    snr_db: float
    ratio: Fraction
    accuracy: float
    psnr_db: float | None
    where: str


def published() -> list[Published]:
    """What the text and the tables of the paper state."""
    points = json.loads(Path(__file__).with_name("paper.json").read_text())["points"]
    return [Published(**point | {"ratio": Fraction(point["ratio"])}) for point in points]


def shipped(names: tuple[str, ...]) -> list[str]:
    """Those of ``names`` that the zoo has."""
    return [name for name in names if (zoo.zoo_dir() / name / zoo.CARD).is_file()]


def plan() -> list[tuple[str, Grid]]:
    """What to measure: downstream networks, and the points that each judges.

    Raises:
        CodecError: none of the methods is in the zoo.
    """
    codecs = shipped(METHODS)
    if not codecs:
        raise CodecError(
            f"The zoo in {zoo.zoo_dir()} has none of {', '.join(METHODS)}; train one of them: ./semcom train deepjscc."
        )
    by_ratio = Grid(codecs=codecs, ratios=RATIOS, snrs_db=(5.0, 20.0), channels=("awgn", "rayleigh"))
    others = [
        (other.downstream, Grid(codecs=codecs, ratios=[other.ratio], snrs_db=SNRS_DB, channels=["rayleigh"]))
        for other in OTHERS
        if shipped((other.downstream,))
    ]
    return [(zoo.CLASSIFIER, by_ratio), *others]


def measured(plan: list[tuple[str, Grid]], *, images: int, seed: int) -> Iterator[Row]:
    """The rows of a plan: for each downstream network the originals first."""
    pictures = load_pictures("cifar10", count=images)
    for downstream, grid in plan:
        evaluation = Evaluation(pictures, downstream=downstream, seed=seed)
        yield evaluation.originals()
        yield from evaluation.rows(grid)


def write_rows(folder: Path, rows: list[Row], *, commit: str) -> None:
    """``rows.json``: the rows, the commit, and the hashes of the weights that they are about."""
    names = {name for row in rows for name in (row.codec, row.downstream) if name}
    content = {
        "commit": commit,
        "weights_sha256": {name: zoo.read_card(zoo.find(name)).weights_sha256 for name in sorted(names)},
        "rows": [asdict(row) for row in rows],
    }
    (folder / ROWS).write_text(json.dumps(content, indent=1) + "\n")


def read_rows(folder: Path) -> tuple[list[Row], str]:
    """The rows of ``rows.json``, and the commit that they were measured at.  Raises DataError where there are none."""
    try:
        content = json.loads((folder / ROWS).read_text())
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder / ROWS} cannot be read ({error}); run ./semcom figures without --draw-only."
        ) from error
    return [_row(values) for values in content["rows"]], content["commit"]


def _row(values: dict) -> Row:
    """JSON has no tuples."""
    return Row(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
