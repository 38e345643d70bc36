# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables I and II of Tang et al. with our points beside theirs, and every measured row."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from semcom_models import zoo

from semcom_training.evaluate import Row
from semcom_training.figures import CHANNELS, NAMES
from semcom_training.results import METHODS, Published, published

TABLES = {"I": "awgn", "II": "rayleigh"}
RATIOS = tuple(map(Fraction, ("1/24", "1/12", "1/6")))
ABLATIONS = {"semcc": "baseline", "semcc-without-fine-tuning": "without FT", "deepsc": "without CL (DeepSC)"}
"""What the columns of the tables are to the paper, by method."""


def write_tables(rows: Sequence[Row], path: Path, *, commit: str) -> None:
    """Write them as Markdown."""
    first = rows[0]
    parts = [
        "# Tables",
        f"Written by `./semcom figures` at commit {commit}: {first.images} CIFAR-10 test images, seed {first.seed}. "
        "In brackets: intervals of 95 % confidence over the images; the paper states none. Each of our methods is one "
        "set of weights for all ratios, SNRs and channels; each number of the paper is a model of its own.",
        *(_ablation(number, channel, rows) for number, channel in TABLES.items()),
        "## Every point",
        *(_by_downstream(name, rows) for name in dict.fromkeys(row.downstream for row in rows)),
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
    ours = (_accuracy(row), _psnr(row)) if row else ("not trained", "not trained")
    return f"{ours[0]} | {point.accuracy:.2f} | {ours[1]} | {point.psnr_db:.2f}"


def _by_downstream(name: str, rows: Sequence[Row]) -> str:
    here = [row for row in rows if row.downstream == name]
    (original,) = (row for row in here if row.codec is None)
    lines = [
        f"### Seen by {name}, which names {_accuracy(original)} % of the originals right",
        "",
        "| | channel | SNR, dB | k/n | accuracy, % | PSNR, dB | SSIM | recognition ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    of_codecs = [row for row in here if row.codec]
    for row in sorted(of_codecs, key=lambda row: (METHODS.index(row.codec), row.channel, row.snr_db, row.ratio)):
        ratio = Fraction(row.ratio).limit_denominator(100)
        figures = f"{_accuracy(row)} | {_psnr(row)} | {row.ssim:.3f} | {row.recognition_ratio:.3f}"
        lines.append(f"| {NAMES[row.codec]} | {row.channel} | {row.snr_db:g} | {ratio} | {figures} |")
    return "\n".join(lines)


def _accuracy(row: Row) -> str:
    return f"{row.accuracy:.1f} ({row.accuracy_ci95[0]:.1f} to {row.accuracy_ci95[1]:.1f})"


def _psnr(row: Row) -> str:
    return f"{row.psnr_db:.2f} ({row.psnr_ci95[0]:.2f} to {row.psnr_ci95[1]:.2f})"
