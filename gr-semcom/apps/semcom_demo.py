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
from cyclopts.validators import Number
from errors import AppError, told_in_a_sentence
from json_file import JsonFile, write_json
from ratio import number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from demo_rows import Row
    from link import Delivery, Link
    from semcom_models.codec import ImageCodec
    from semcom_models.digital.separate import SeparateCodec

app = App(name="semcom demo", version_flags=[])
SNRS_DB = [0.0, 10.0, 20.0]
CLIFF_SNRS_DB = [0.0, 4.0, 8.0, 12.0, 16.0, 20.0]
TRAINED = "deepjscc"
"""The codec that separate ones are shown beside."""
console = Console(width=None if sys.stdout.isatty() else 110)


@app.default
def demo(
    *,
    images: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    dataset: Literal["cifar10", "mnist"] | None = None,
    count: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    snr: Annotated[list[float] | None, Parameter(consume_multiple=True)] = None,
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
    count
        So many of the pictures, from the first on; without it all.
    snr
        Es/N0 of the channel in dB; each picture is sent once at each.  Without it 0 10 20, and 0 4 8 12 16 20 for a
        separate codec.
    channel
        awgn; rayleigh (flat, a gain drawn for each burst); multipath (8 fading taps).
    cfo_hz
        Carrier frequency offset, at 1 million samples a second; 9549 up or down at most.
    codec
        A name of the zoo (models/zoo), a folder with card.json and weights.safetensors, or a separate codec (jpeg+ldpc,
        jpeg2000+ldpc, webp+ldpc, avif+ldpc, heif+ldpc): then deepjscc is sent beside it, both for the middle SNR, as
        where the transmitter does not know better, and the picture has a cliff and a slope.  webp+ldpc@16qam-1/2 has
        the modulation and code rate named, webp+ldpc the fastest for that SNR.
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
    from semcom_models.digital.separate import is_separate
    from semcom_models.judge import judge_of
    from sharpening import draw_sharpening

    if images and dataset:
        raise AppError("Give --images or --dataset, not both.")
    if snr == []:
        raise AppError("Give at least one SNR in dB after --snr.")
    k_over_n, pictures = number(ratio), find_pictures(dataset or images or "photos")[:count]
    separate = is_separate(codec)
    snr = snr or (CLIFF_SNRS_DB if separate else SNRS_DB)
    airs = [Air(snr_db=each, channel=channel, cfo_hz=cfo_hz, seed=seed + number) for number, each in enumerate(snr)]
    middle_db = sorted(set(snr))[len(set(snr)) // 2]
    loaded = zoo.load_codec(codec)  # after all else that may be wrong, for it takes seconds
    loaded.symbols_for(1, 1, ratio=k_over_n)  # which objects to a ratio that the codec has not
    codecs = _beside(loaded, ratio=k_over_n, snr_db=middle_db) if separate else {codec: loaded}
    out.mkdir(parents=True, exist_ok=True)
    downstream = judge_of(codec)
    row_maker, picture, rows, sharpening = RowMaker(downstream), DemoPicture(snr, codecs=len(codecs)), [], None
    for name, each in codecs.items():
        expected_db = middle_db if separate else None
        sharpens = not separate and each.ratios[0] < each.ratios[1]
        links = (
            Link(
                pictures,
                codec=each,
                medium=air,
                ratio=k_over_n,
                expected_db=expected_db,
                previews=sharpens and air.snr_db == middle_db,
            )
            for air in airs
        )
        for snr_db, delivery in _deliveries(links, snr, len(pictures), name=name):
            rows.append(row_maker.row(delivery, codec=each, name=name, ratio=k_over_n, snr_db=snr_db))
            picture.add(rows[-1], delivery)
            if sharpening is None and len(delivery.arrivals) > 1:
                sharpening = delivery
    _print(rows, snr, channel, downstream=downstream)
    picture.draw(out / "demo.png")
    console.print(f"Wrote {out / 'demo.png'}.", highlight=False)
    if sharpening:
        draw_sharpening(sharpening, out / "sharpening.png", codec=loaded, snr_db=middle_db)
        console.print(f"Wrote {out / 'sharpening.png'}.", highlight=False)
    if json_file:
        write_json(json_file, {"rows": [asdict(row) for row in rows]})
        console.print(f"Wrote {json_file}.", highlight=False)


def _beside(codec: "SeparateCodec", *, ratio: float | None, snr_db: float) -> "dict[str, ImageCodec]":
    """That codec with one scheme, and a trained one, by what they are to be called."""
    from semcom_models import zoo
    from semcom_models.digital.announced import fastest
    from semcom_models.errors import CodecError

    scheme, trained = codec.scheme or fastest(snr_db), zoo.load_codec(TRAINED)
    codecs = {f"{codec.name}@{scheme.name}": codec.with_scheme(scheme)}
    try:
        trained.symbols_for(1, 1, ratio=ratio)
    except CodecError as error:
        console.print(f"Without {TRAINED} beside it: {error}", style="yellow", highlight=False)
        return codecs
    return codecs | {TRAINED: trained}


def _deliveries(
    links: "Iterator[Link]", snr: list[float], count: int, *, name: str
) -> "Iterator[tuple[float, Delivery]]":
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for link, snr_db in zip(links, snr, strict=True):
            task = progress.add_task(f"{name}, {snr_db:g} dB", total=count)
            for delivery in link.deliveries():
                progress.advance(task)
                yield snr_db, delivery
    for sentence in link.source.unreadable():
        console.print(f"Skipped: {sentence}", style="yellow", highlight=False)


def _print(rows: "list[Row]", snr: list[float], channel: str, *, downstream: str) -> None:
    title = f"Through a GNU Radio flowgraph with a simulated channel ({channel}); SNR and PSNR in dB"
    table = Table(title=title, caption=f"sees: what {downstream} makes of the picture, shrunk")
    codecs = list(dict.fromkeys(row.codec for row in rows))
    table.add_column("image")
    for heading in ("SNR", "est.", "PSNR", "SSIM"):
        table.add_column(heading, justify="right")
    table.add_column("sees, sent")
    table.add_column("received")
    for heading in ("k/n", "k_air/n", "ms"):
        table.add_column(heading, justify="right")
    for codec in codecs:
        if len(codecs) > 1:
            table.add_section()
            table.add_row(f"[bold]{codec}[/]")
        of_codec = [row for row in rows if row.codec == codec]
        if len(of_codec) <= 40:
            for row in of_codec:
                table.add_row(row.image, *_cells(row))
        for snr_db in snr:
            if len(at_snr := [row for row in of_codec if row.snr_db == snr_db]) > 1:
                table.add_row(*_summary(at_snr))
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
