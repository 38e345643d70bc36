# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of training and evaluation; ``eval`` and ``figures`` are here."""

import json
import sys
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import track
from rich.table import Table
from semcom_models import zoo
from semcom_models.digital import separate
from semcom_models.digital.capacity import is_at_capacity
from semcom_models.errors import CodecError

from semcom_training.data import DATA_SETS, REPOSITORY
from semcom_training.distance import PIXELS, distance
from semcom_training.errors import ConfigError, DataError
from semcom_training.evaluate import Evaluation, Grid, Interval, Row, require, write_results
from semcom_training.observed import ADAPTATIONS, Observed, ObservedRow
from semcom_training.pictures import load_pictures
from semcom_training.records import commit
from semcom_training.split.commands import app as split_app
from semcom_training.split.wire import WireError
from semcom_training.train_commands import data_command, sweep_command, train_command


class UsageError(Exception):
    """What is wrong with the options, in one sentence."""


Seed = Annotated[int, Parameter(validator=Number(gte=0, lt=2**63))]

app = App(name="semcom", help="Train and measure codecs.", version_flags=[])
app.command(train_command, name="train")
app.command(sweep_command, name="sweep")
app.command(data_command, name="data")
app.command(split_app, name="split")


@app.command(name="eval")
def eval_command(
    *,
    codec: str,
    ratio: str = "",
    snr: str = "0,5,10,15,20",
    channel: str = "awgn",
    downstream: str = zoo.CLASSIFIER,
    dataset: str = "cifar10",
    images: int | None = None,
    free_headers: bool = False,
    seed: Seed = 0,
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
    card: bool = False,
    observed: str | None = None,
    adaptation: str = ",".join(ADAPTATIONS),
) -> None:
    """Measure codecs on test images: one row for each point of the product of the lists.

    Examples:

    ./semcom eval --codec semcc,deepjscc --ratio 1/24,1/12 --snr 0,5 --channel awgn,rayleigh --json rows.json

    ./semcom eval --codec deepjscc --ratio 1/6 --dataset ~/Pictures

    ./semcom eval --codec deepsc-tu-mnist --observed usps --adaptation none,da,retrained --ratio 0.1 --snr 3

    Parameters
    ----------
    codec
        Names of the zoo (models/zoo) or folders with card.json and weights.safetensors, with commas between; "none" for
        the original pictures.  Of separate codecs: webp+ldpc (jpeg, jpeg2000, webp, avif, heif, direct: the pixels as
        they are), at each point with the modulation and code rate by which 100 of the pictures come out best, or
        webp+ldpc@16qam-1/2 with one; webp+capacity, a bound: without errors at log2(1 + SNR) bits a symbol.
    ratio
        Bandwidth ratios k/n, such as 1/24 or 0.1; without it, the usual one of each codec.
    snr
        Es/N0 in dB, such as 0,5,10; -5,0 is written --snr=-5,0.
    channel
        awgn, rayleigh (one gain an image), rayleigh_fast (one a symbol), multipath (TDL-B, 1 us at 1 MS/s).
    downstream
        The network that judges: a name of the zoo, a folder, or package.module:name of a callable that makes a
        torch.nn.Module from pictures [B, 3, H, W] in [0, 1] to class logits; "none" for PSNR and SSIM alone.
    dataset
        cifar10, mnist, fashion-mnist, stl10, or a folder of pictures, which are taken whole; its subfolders are
        classes, without which nothing judges.  photos are the four that the demo sends; cifar10-mosaics are pictures of
        8 by 8 of CIFAR-10's; mnist+cifar10 are those of both, to be told apart.  A network of the zoo, segmenter-voc
        say, stands for what it was trained on.
    images
        So many of the test images, from the first on; without it 1,000, or all there are.
    free_headers
        Separate codecs do not pay for the headers of their files, as in some papers; no such system can be built.
    seed
        What the channel is drawn from.
    json_file
        Write the rows there.
    card
        Write the rows into the card of the codec, for originals of the downstream network, with --observed of the
        adapter and of the coder trained anew.
    observed
        A data set of another kind than the codec, one of DeepSC-TU, was trained on.  With it --ratio is the paper's CR,
        real channel uses a value of the picture, and the codec's own network judges.
    adaptation
        What is done about it: none; da, the adapter of this kind, usps-to-mnist say; retrained, deepsc-tu-usps in place
        of deepsc-tu-mnist.
    """
    _check_target(json_file)
    if observed and (free_headers or dataset != "cifar10" or downstream != zoo.CLASSIFIER):
        raise UsageError("--observed has pictures and a judge of its own: give it without --dataset, --downstream.")
    if observed and card and not {"da", "retrained"} & {*_items(adaptation)}:
        raise UsageError("With --observed, --card is of what adapts: have da or retrained among --adaptation.")
    if observed:
        at = {"snrs_db": _items(snr, float), "channels": _items(channel)}
        if not (all(at.values()) and _items(adaptation)):
            raise UsageError("There is nothing to measure: give at least one adaptation, one SNR and one channel.")
        of = Observed(codec, observed.lower(), images=images, seed=seed)
        compared = of.rows(_items(adaptation), rates=_items(ratio, Fraction), **at)
        rows = list(track(compared, "measuring", transient=True))
        _write_observed(rows, json_file)
        if card:
            options = {"codec": codec, "observed": observed, "adaptation": adaptation, "ratio": ratio, "snr": snr}
            options |= {"channel": channel, "images": rows[0].images, "seed": seed}
            for name in {row.adapter or row.codec for row in rows if row.method != "none"}:
                write_results(zoo.find(name), rows, command=_command(options))
        return
    grid = Grid(
        codecs=_items(codec),
        ratios=_items(ratio, Fraction),
        snrs_db=_items(snr, float),
        channels=_items(channel),
        free_headers=free_headers,
    )
    if not len(grid):
        raise UsageError("There is nothing to measure: give at least one codec, one SNR and one channel.")
    if card and len(grid.codecs) != 1:
        raise UsageError("--card writes into one card: give one codec.")
    if card and (separate.is_separate(codec) or is_at_capacity(codec)):
        raise UsageError(f"--card writes into the card of a trained codec, and {codec} has none; --json writes a file.")
    of_originals = grid.codecs == ["none"]
    if not of_originals:
        require(grid.codecs)
    pictures = load_pictures(dataset, count=images)
    evaluation = Evaluation(pictures, downstream=None if downstream == "none" else downstream, seed=seed)
    if of_originals:
        rows = [evaluation.originals()]
    else:
        rows = list(track(evaluation.rows(grid), "measuring", total=len(grid), transient=True))
    _print(rows, note=", headers of files not counted" if free_headers else "")
    if json_file:
        json_file.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1) + "\n")
        print(f"Wrote {json_file}.")
    if card:
        each = len(pictures) // (1 + pictures.kind.count("+"))  # of several data sets
        options = {"codec": codec, "ratio": ratio, "snr": snr, "channel": channel, "downstream": downstream}
        options |= {"dataset": "" if pictures.kind == "cifar10" else dataset, "images": each, "seed": seed}
        folder = zoo.find(downstream if of_originals else codec)
        write_results(folder, rows, command=_command(options))


def _check_target(json_file: Path | None) -> None:
    """Raises UsageError where --json names what cannot become a file."""
    if json_file and not json_file.parent.is_dir():
        raise UsageError(f"There is no folder {json_file.parent} to write {json_file.name} into.")
    if json_file and json_file.is_dir():
        raise UsageError(f"{json_file} is a folder: give --json the name of a file.")


def _command(options: dict[str, str | int]) -> str:
    """That measures the same again; options without a value are left out."""
    given = (
        f"--{name}{'=' if str(value).startswith('-') else ' '}{value}" for name, value in options.items() if value != ""
    )
    return f"./semcom eval {' '.join(given)}"


def _write_observed(compared: list[ObservedRow], json_file: Path | None) -> None:
    for row in compared:
        print(
            f"{row.method:9} {row.codec}, CR {row.compression_rate:g}, {row.channel}, {row.snr_db:g} dB: "
            f"accuracy {_with_interval(row.accuracy, row.accuracy_ci95, '.1f')} %, "
            f"PSNR {_with_interval(row.psnr_db, row.psnr_ci95, '.2f')} dB, {row.images} images, seed {row.seed}"
        )
    if json_file:
        json_file.write_text(json.dumps({"rows": [asdict(row) for row in compared]}, indent=1) + "\n")
        print(f"Wrote {json_file}.")


def _items(text: str, convert: type = str) -> list:
    """The items of a list with commas."""
    try:
        return [convert(item.strip()) for item in text.split(",") if item.strip()]
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError(f"{text!r} is no list of numbers with commas between ({error}).") from error


def _print(rows: list[Row], *, note: str) -> None:
    judged = f", judged by {rows[0].downstream}" if rows[0].downstream else ""
    table = Table(title=f"{rows[0].images} test images of {rows[0].dataset}{judged}, seed {rows[0].seed}{note}")
    table.caption = "in brackets: intervals of 95 % confidence; recognised: accuracy over that on the originals"
    with_lpips, seen = any(row.lpips is not None for row in rows), "accuracy, %" if rows[0].iou is None else "IoU"
    for heading in ("codec", "k/n", "channel", "SNR, dB", seen, "PSNR, dB", "SSIM"):
        table.add_column(heading, justify="left" if heading in ("codec", "channel") else "right")
    for heading in ("LPIPS", "recognised") if with_lpips else ("recognised",):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            _name(row),
            _number(row.ratio, ".4f"),
            row.channel or "-",
            _number(row.snr_db, "g"),
            _with_interval(row.accuracy, row.accuracy_ci95, ".1f") if row.iou is None else f"{row.iou:.3f}",
            _with_interval(row.psnr_db, row.psnr_ci95, ".2f"),
            _number(row.ssim, ".3f"),
            *([_number(row.lpips, ".3f")] if with_lpips else []),
            _number(row.recognition_ratio, ".3f"),
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _name(row: Row) -> str:
    """Of a separate codec the one that keeps to the scheme that was chosen."""
    if row.codec is None:
        return "originals"
    return f"{row.codec}@{row.scheme}" if row.scheme and "@" not in row.codec else row.codec


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _with_interval(value: float | None, interval: Interval | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}} ({interval[0]:{form}}-{interval[1]:{form}})"


@app.command(name="distance")
def distance_command(
    observed: str,
    library: str,
    /,
    *,
    features: str = PIXELS,
    images: Annotated[int, Parameter(validator=Number(gte=20))] = 5000,
    seed: Seed = 0,
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """How far observed pictures are from those that a coder was trained on.

    The proxy A-distance is about 0 where no linear classifier tells the two apart, and 2 where one always does.  The
    lower bound of the H-delta-H divergence, from 0 to 2, is by how much more often two networks that were trained on
    the library disagree about what is observed.  Example:

    ./semcom distance usps mnist

    Parameters
    ----------
    observed
        A data set, such as usps; a wrong name is told what there is.
    library
        The one that the coder was trained on.
    features
        What the classifier sees: pixels, or a downstream network of the zoo whose features it sees.
    images
        So many training images of each at most.
    seed
        What the halves that the classifier learns from and is asked about are drawn from.
    json_file
        Write the figures there.
    """
    _check_target(json_file)
    found = distance(observed.lower(), library.lower(), features=features, images=images, seed=seed)
    low, high = found.proxy_a_distance_ci95
    print(f"{DATA_SETS[found.observed].name} and {DATA_SETS[found.library].name}, seed {seed}")
    apart = f"{found.proxy_a_distance:.2f} ({low:.2f} to {high:.2f}), of {found.images} images of each"
    print(f"proxy A-distance, by {features}: {apart}")
    bound = "unknown: it takes two networks" if found.hdh_lower_bound is None else f"{found.hdh_lower_bound:.2f}"
    by = f"of {found.hdh_images} test images of each, by {', '.join(found.hypotheses) or 'none'}"
    print(f"H-delta-H divergence, lower bound: {bound}, {by}")
    print(found.advice)
    if json_file:
        json_file.write_text(json.dumps(asdict(found), indent=1) + "\n")
        print(f"Wrote {json_file}.")


@app.command(name="figures")
def figures_command(
    paper: Literal["tang", "dong", "zhang"],
    /,
    *,
    out: Path = REPOSITORY / "docs/results",
    draw_only: bool = False,
    images: int | None = None,
    seed: Seed = 0,
) -> None:
    """Redraw the figures and tables of a paper with the codecs of the zoo.

    Examples:

    ./semcom figures tang

    ./semcom figures dong --draw-only

    Parameters
    ----------
    paper
        tang: SemCC, SemRE and their baselines, figures 4 to 15 and tables I and II.  dong: AESC-I, figures 4 to 8 and
        10 to 14.  zhang: DeepSC-TU, its baselines and data adaptation, figures 4, 5, 7, 9, 10, 12 and 13.
    out
        A folder in it with the name of the paper gets rows.json, tables.md and fig04.png and so on.
    draw_only
        Draw what rows.json has, without measuring anew.
    images
        So many of the test images, from the first on; without it 1,000, or all there are.
    seed
        What the channel is drawn from.
    """
    from semcom_training.papers import dong, rows, tang, zhang

    module, folder = {"tang": tang, "dong": dong, "zhang": zhang}[paper], out / paper
    if draw_only:
        points, at = rows.read_rows(folder)
    else:
        plan, at = module.plan(), commit()
        folder.mkdir(parents=True, exist_ok=True)
        measured = rows.measured(plan, images=images, seed=seed)
        points = list(track(measured, "measuring", total=rows.number_of_rows(plan), transient=True))
        rows.write_rows(folder, points, commit=at)
    module.write(points, folder, commit=at)
    print(f"Wrote {folder}.")


def main() -> None:
    try:
        app()
    except (CodecError, ConfigError, DataError, FloatingPointError, UsageError, WireError) as error:
        sys.exit(f"semcom: {error}")
    except OSError as error:
        sys.exit(f"semcom: {error}.")


if __name__ == "__main__":
    main()
