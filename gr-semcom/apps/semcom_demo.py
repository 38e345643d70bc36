#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom demo``: photographs through a GNU Radio flowgraph, a table and a picture of what arrived."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from cyclopts import App, Parameter
from errors import AppError, told_in_a_sentence
from json_file import JsonFile, write_json
from ratio import number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from demo_rows import Row
    from link import Delivery, Link

app = App(name="semcom demo", version_flags=[])
console = Console(width=None if sys.stdout.isatty() else 110)


@app.default
def demo(
    *,
    images: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    dataset: Literal["cifar10"] | None = None,
    snr: Annotated[list[float], Parameter(consume_multiple=True)] = [0.0, 10.0, 20.0],  # noqa: B006
    channel: Literal["awgn", "rayleigh", "multipath"] = "awgn",
    cfo_hz: float = 500.0,
    codec: str = "deepjscc",
    ratio: str | None = None,
    seed: int = 1,
    out: Path = Path("."),
    json_file: JsonFile = None,
) -> None:
    """Send pictures through a GNU Radio flowgraph with a simulated channel; show what arrives.

    Example: ./semcom demo --images ~/Pictures --snr 3 9 15 --channel multipath

    Parameters
    ----------
    images
        Files, or folders of them, of any sizes.  Without it: four photographs that come with scikit-image.
    dataset
        Send the test images of this data set.
    snr
        Es/N0 of the channel in dB; each picture is sent once at each.
    channel
        awgn; rayleigh (flat, a gain drawn for each burst); multipath (8 fading taps).
    cfo_hz
        Carrier frequency offset, at 1 million samples a second; 9549 up or down at most.
    codec
        A name of the zoo (models/zoo), a folder with card.json and weights.safetensors, or a separate codec: webp+ldpc,
        whose code follows the SNR, or webp+ldpc@16qam-1/2, whose does not.
    ratio
        Bandwidth ratio k/n to send at, as 1/24 or 0.04; without it the codec's usual one, 1/6 or the nearest it has.
    seed
        What noise, delay, phase and fading are drawn from.
    out
        The folder that gets demo.png; and, with a codec of many ratios and a picture that needs several frames,
        sharpening.png: that picture after 1, 2, 4, 8 ... of its frames, at the middle SNR.
    json_file
        Write the rows of the table there.
    """
    from air import Air
    from demo_picture import DemoPicture
    from demo_rows import RowMaker
    from gnuradio.semcom.image_files import find_pictures
    from link import Link
    from semcom_models import zoo
    from sharpening import draw_sharpening

    if images and dataset:
        raise AppError("Give --images or --dataset, not both.")
    if not snr:
        raise AppError("Give at least one SNR in dB after --snr.")
    airs = [Air(snr_db=each, channel=channel, cfo_hz=cfo_hz, seed=seed + number) for number, each in enumerate(snr)]
    chosen = dataset or images or "photos"
    count = len(find_pictures(chosen))
    loaded = zoo.load_codec(codec)
    k_over_n = number(ratio)
    loaded.symbols_for(1, 1, ratio=k_over_n)  # which objects to a ratio that the codec has not
    out.mkdir(parents=True, exist_ok=True)
    middle_db = sorted(set(snr))[len(set(snr)) // 2] if loaded.ratios[0] < loaded.ratios[1] else None
    links = (Link(chosen, codec=loaded, medium=air, ratio=k_over_n, previews=air.snr_db == middle_db) for air in airs)
    row_maker, picture, rows, sharpening = RowMaker(), DemoPicture(snr), [], None
    for snr_db, delivery in _deliveries(links, snr, count):
        rows.append(row_maker.row(delivery, codec=loaded, ratio=k_over_n, snr_db=snr_db))
        picture.add(rows[-1], delivery)
        if sharpening is None and len(delivery.arrivals) > 1:
            sharpening = delivery
    _print(rows, snr, channel)
    picture.draw(out / "demo.png")
    console.print(f"Wrote {out / 'demo.png'}.", highlight=False)
    if sharpening:
        draw_sharpening(sharpening, out / "sharpening.png", codec=loaded, snr_db=middle_db)
        console.print(f"Wrote {out / 'sharpening.png'}.", highlight=False)
    if json_file:
        write_json(json_file, {"rows": [asdict(row) for row in rows]})
        console.print(f"Wrote {json_file}.", highlight=False)


def _deliveries(links: "Iterator[Link]", snr: list[float], count: int) -> "Iterator[tuple[float, Delivery]]":
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for link, snr_db in zip(links, snr, strict=True):
            task = progress.add_task(f"{snr_db:g} dB", total=count)
            for delivery in link.deliveries():
                progress.advance(task)
                yield snr_db, delivery
    for sentence in link.source.unreadable():
        console.print(f"Skipped: {sentence}", style="yellow", highlight=False)


def _print(rows: "list[Row]", snr: list[float], channel: str) -> None:
    title = f"Through a GNU Radio flowgraph with a simulated channel ({channel}); SNR and PSNR in dB"
    table = Table(title=title, caption="sees: what ResNet-20 for CIFAR-10 makes of the picture shrunk to 32x32")
    table.add_column("image")
    for heading in ("SNR", "est.", "PSNR", "SSIM"):
        table.add_column(heading, justify="right")
    table.add_column("sees, sent")
    table.add_column("received")
    for heading in ("k/n", "k_air/n", "ms"):
        table.add_column(heading, justify="right")
    if len(rows) <= 40:
        for row in rows:
            table.add_row(row.image, *_cells(row))
    else:
        for snr_db in snr:
            table.add_row(*_summary([row for row in rows if row.snr_db == snr_db]))
    console.print(table)


def _cells(row: "Row") -> tuple[str, ...]:
    return (
        f"{row.snr_db:g}",
        _or_dash(row.snr_est_db, ".1f") if row.ms is not None else "lost",
        f"{row.psnr_db:.2f}",
        _or_dash(row.ssim, ".3f"),
        row.class_sent,
        row.class_received or "-",
        f"{row.ratio:.3f}",
        _or_dash(row.ratio_air, ".3f"),
        _or_dash(row.ms, ".0f"),
    )


def _summary(rows: "list[Row]") -> tuple[str, ...]:
    """Means over the pictures at one SNR; of ms the median.  What is unknown of a picture does not count."""
    same = sum(row.class_sent == row.class_received for row in rows)

    def over(name: str, form: str, summary: Callable = np.mean) -> str:
        known = [value for row in rows if (value := getattr(row, name)) is not None]
        return _or_dash(summary(known) if known else None, form)

    return (
        f"mean of {len(rows)}, {sum(row.ms is None for row in rows)} lost",
        f"{rows[0].snr_db:g}",
        over("snr_est_db", ".1f"),
        over("psnr_db", ".2f"),
        over("ssim", ".3f"),
        "",
        f"{same / len(rows):.1%} the same",
        over("ratio", ".3f"),
        over("ratio_air", ".3f"),
        over("ms", ".0f", np.median),
    )


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def main() -> None:
    with told_in_a_sentence():
        app()


if __name__ == "__main__":
    sys.exit(main())
