# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables I and II of Tang et al. with our points beside theirs, and every measured row."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from semcom_models import zoo

from semcom_training.evaluate import Row
from semcom_training.papers.plots import CHANNELS
from semcom_training.papers.tables import accuracy, every_point, introduction, psnr
from semcom_training.papers.tang import NAMES, Published, published

TABLES = {"I": "awgn", "II": "rayleigh"}
RATIOS = tuple(map(Fraction, ("1/24", "1/12", "1/6")))
ABLATIONS = {"semcc": "baseline", "semcc-without-fine-tuning": "without FT", "deepsc": "without CL (DeepSC)"}
"""What the columns of the tables are to the paper, by method."""


def write_tables(rows: Sequence[Row], path: Path, *, commit: str) -> None:
    """Write them as Markdown."""
    parts = [
        "# Tables",
        introduction(rows, command="./semcom figures tang", commit=commit)
        + " The paper states none. Each of our methods is one set of weights for all ratios, SNRs and channels; each "
        "number of the paper is a model of its own.",
        *(_ablation(number, channel, rows) for number, channel in TABLES.items()),
        "## Every point",
        every_point(rows, name=lambda row: NAMES[row.codec]),
    ]
    path.write_text("\n\n".join(parts) + "\n")


def _ablation(number: str, channel: str, rows: Sequence[Row]) -> str:
    lines = [
        f"## As table {number}: {CHANNELS[channel]}, 5 dB",
        "",
        "| | k/n | accuracy, % | paper | PSNR, dB | paper |",
        "|---|---|---|---|---|---|",
    ]
    stated = [
        point for point in published() if (point.channel, point.snr_db) == (channel, 5) and "table" in point.where
    ]
    for method, title in ABLATIONS.items():
        for ratio in RATIOS:
            (point,) = (point for point in stated if (point.method, point.ratio) == (method, ratio))
            lines.append(f"| {title} | {ratio} | {_beside(_find(rows, method, ratio, channel), point)} |")
    return "\n".join(lines)


def _find(rows: Sequence[Row], method: str, ratio: Fraction, channel: str) -> Row | None:
    wanted = (method, channel, 5.0, zoo.CLASSIFIER)
    at = [row for row in rows if (row.codec, row.channel, row.snr_db, row.downstream) == wanted]
    return next((row for row in at if abs(row.ratio - ratio) < 1e-3), None)


def _beside(row: Row | None, point: Published) -> str:
    ours = (accuracy(row), psnr(row)) if row else ("not trained", "not trained")
    return f"{ours[0]} | {point.accuracy:.2f} | {ours[1]} | {point.psnr_db:.2f}"
