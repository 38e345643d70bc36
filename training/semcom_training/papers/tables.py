# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as Markdown."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from semcom_training.evaluate import Row

Name = Callable[[Row], str]


def introduction(rows: Sequence[Row], *, command: str, commit: str) -> str:
    """What the numbers are."""
    of = " and ".join(dict.fromkeys(f"{row.images} test images of {row.dataset}" for row in rows))
    return (
        f"Written by `{command}` at commit {commit}: {of}, seed {rows[0].seed}. "
        "In brackets: intervals of 95 % confidence over the images."
    )


def every_point(rows: Sequence[Row], *, name: Name) -> str:
    """A table for each downstream network, of all that it has seen; ``name`` says what a codec is called."""
    return "\n\n".join(_seen_by(each, rows, name) for each in dict.fromkeys(row.downstream for row in rows))


def _seen_by(downstream: str, rows: Sequence[Row], name: Name) -> str:
    here = [row for row in rows if row.downstream == downstream]
    (original,) = (row for row in here if row.codec is None)
    lines = [
        f"### Seen by {downstream}, {_of_originals(original)}",
        "",
        "| | channel | SNR, dB | k/n | accuracy, % | PSNR, dB | SSIM | recognition ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(
        (row for row in here if row.codec), key=lambda row: (name(row), row.channel, row.snr_db, row.ratio)
    ):
        ratio = Fraction(row.ratio).limit_denominator(100)
        figures = f"{accuracy(row)} | {psnr(row)} | {row.ssim:.3f} | {row.recognition_ratio:.3f}"
        lines.append(f"| {name(row)} | {row.channel} | {row.snr_db:g} | {ratio} | {figures} |")
    return "\n".join(lines)


def _of_originals(row: Row) -> str:
    if row.iou is not None:
        return f"by which the originals have an IoU of {row.iou:.3f}"
    return f"which names {accuracy(row)} % of the originals right"


def accuracy(row: Row) -> str:
    """In percent, with its interval; of a segmenter the IoU."""
    if row.iou is not None:
        return f"IoU {row.iou:.3f}"
    return f"{row.accuracy:.1f} ({row.accuracy_ci95[0]:.1f} to {row.accuracy_ci95[1]:.1f})"


def psnr(row: Row) -> str:
    """In dB, with its interval; a dash where a picture came back exactly."""
    return "-" if row.psnr_db is None else f"{row.psnr_db:.2f} ({row.psnr_ci95[0]:.2f} to {row.psnr_ci95[1]:.2f})"
