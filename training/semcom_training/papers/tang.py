# SPDX-License-Identifier: GPL-3.0-or-later
"""H. Tang et al., Contrastive Learning based Semantic Communications: our points beside those that its text states."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from semcom_models import zoo
from semcom_models.digital import separate
from semcom_models.errors import CodecError

from semcom_training.evaluate import Grid, Row
from semcom_training.papers.rows import Planned, shipped

METHODS = ("semcc", "semre", "deepjscc", "deepsc", "semcc-without-fine-tuning")
"""Names in the zoo; the last, an ablation, does not ship: docs/results/tang/README.md has its command."""
SEPARATE = "webp+ldpc"
HEADERS_FREE = ("heif+ldpc", "heif+capacity")
"""In the place of the paper's BPG, which is HEVC intra too; as there, headers are not counted."""
NAMES = {
    "semcc": "SemCC",
    "semre": "SemRE",
    "deepjscc": "DeepJSCC",
    "deepsc": "DeepSC",
    "semcc-without-fine-tuning": "SemCC without fine-tuning",
    SEPARATE: "WebP + LDPC",
    "heif+ldpc": "HEVC intra + LDPC, headers free",
    "heif+capacity": "HEVC intra at capacity, headers free",
}
RATIOS = tuple(map(Fraction, ("1/24", "1/12", "1/6", "1/4", "1/3", "2/5")))
SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)


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
    points = json.loads(Path(__file__).with_name("tang.json").read_text())["points"]
    return [Published(**point | {"ratio": Fraction(point["ratio"])}) for point in points]


def plan() -> list[Planned]:
    """What to measure.

    Raises:
        CodecError: none of the methods is in the zoo.
    """
    codecs = shipped(METHODS)
    if not codecs:
        raise CodecError(
            f"The zoo in {zoo.zoo_dir()} has none of {', '.join(METHODS)}; train one of them: ./semcom train deepjscc."
        )
    bounds = [name for name in HEADERS_FREE if name.partition("+")[0] + separate.OVER_LDPC in separate.names()]

    def seen_by(
        downstream: str, ratios: Sequence[Fraction], snrs_db: Sequence[float], channels: Sequence[str]
    ) -> list[Planned]:
        at = {"ratios": ratios, "snrs_db": snrs_db, "channels": channels}
        grids = [Grid(codecs=[*codecs, SEPARATE], **at), Grid(codecs=bounds, **at, free_headers=True)]
        return [Planned("cifar10", downstream, grid) for grid in grids]

    planned = seen_by(zoo.CLASSIFIER, RATIOS, (5.0, 20.0), ("awgn", "rayleigh"))
    for other in OTHERS:
        if shipped((other.downstream,)):
            planned += seen_by(other.downstream, [other.ratio], SNRS_DB, ["rayleigh"])
    return planned


def write(rows: Sequence[Row], folder: Path, *, commit: str) -> None:
    """``tables.md``, and the figures that there are points for."""
    from semcom_training.papers import tang_figures, tang_tables

    tang_tables.write_tables(rows, folder / "tables.md", commit=commit)
    tang_figures.draw_all(rows, folder)
