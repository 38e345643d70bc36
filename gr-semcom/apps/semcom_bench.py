#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom bench``: measurements that print a table and write JSON."""

import sys
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from errors import told_in_a_sentence
from json_file import JsonFile, write_json
from rich.console import Console
from rich.table import Table

app = App(name="semcom bench", help="Measure what is installed here.", version_flags=[])
console = Console(width=None if sys.stdout.isatty() else 110)
Count = Annotated[int, Parameter(validator=Number(gte=1))]


@app.command(name="gap")
def gap_command(
    *,
    codec: str = "deepjscc-6",
    images: Count = 200,
    images_at_5_db: Count = 1000,
    seed: int = 1,
    json_file: JsonFile = None,
) -> None:
    """What the air interface costs: PSNR through the flowgraph beside the AWGN layer at the same true SNR.

    CIFAR-10 test images; each burst has a carrier offset uniform in +-0.01 rad/sample, a random fractional delay and
    a random phase.  A lost image counts as mid-grey.  Run ./semcom data first.

    Parameters
    ----------
    codec
        A name of the zoo, or a folder.
    images
        Images at each SNR.
    images_at_5_db
        Images at 5 dB, where none may be lost.
    seed
        What noise, offset, delay and phase are drawn from.
    json_file
        Write the figures there.
    """
    from bench_gap import measure_gap

    points = measure_gap(codec=codec, images=images, images_at_5_db=images_at_5_db, seed=seed)
    _report({"points": points}, "points", title=f"{codec}: flowgraph against AWGN layer", json_file=json_file)


@app.command(name="codec")
def codec_command(
    *,
    codec: str = "deepjscc-6",
    seconds: Annotated[float, Parameter(validator=Number(gt=0))] = 2.0,
    json_file: JsonFile = None,
) -> None:
    """How fast a codec is: PyTorch eager beside the engine in use, in one run, and one image end to end.

    peak_share is the share of the cores' matrix-multiplication speed, measured in the same run, that the engine's
    convolutions reach.

    Parameters
    ----------
    codec
        A name of the zoo, or a folder.
    seconds
        How long each figure is measured.
    json_file
        Write the figures there.
    """
    from bench_codec import measure_codec

    figures = measure_codec(codec=codec, seconds=seconds)
    end_to_end = figures["end_to_end"]
    _report(figures, "rows", title=f"{codec}: images a second and ms an image, 32x32", json_file=json_file)
    console.print(
        f"One image end to end through the flowgraph: median {end_to_end['ms_median']:.1f} ms, "
        f"90th percentile {end_to_end['ms_p90']:.1f} ms, {end_to_end['images']} images.",
        highlight=False,
    )


def _report(figures: dict, rows: str, *, title: str, json_file: JsonFile) -> None:
    table = Table(*figures[rows][0], title=title)
    for row in figures[rows]:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)
    if json_file:
        write_json(json_file, figures)


def main() -> None:
    with told_in_a_sentence():
        app()


if __name__ == "__main__":
    sys.exit(main())
