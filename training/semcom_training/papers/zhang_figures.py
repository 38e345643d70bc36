# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures 4, 5, 7, 9, 10, 12 and 13 of Zhang et al. with our points, and their tables."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from semcom_models import measure, zoo
from semcom_models.adaptation import Adapter
from semcom_models.codec import CHANNELS

from semcom_training.data import DATA_SETS
from semcom_training.evaluate import Row
from semcom_training.observed import ObservedRow, adapter_of
from semcom_training.papers.plots import AXES, curve, figure, plt, printed_digit
from semcom_training.papers.rows import shipped
from semcom_training.papers.tables import accuracy, every_point, introduction, psnr
from semcom_training.papers.zhang import BOUND, OBSERVED, OBSERVED_DB, name_of

FILES = {"mnist": "fig04", "cifar10": "fig05", "masks": "fig07", "svhn": "fig09", "usps": "fig10", "stl10": "fig13"}
"""By the kind of data; what the paper has not is called by its kind."""
PICTURES = ("usps", "fig12")
PLANES = {"mnist": 1, "cifar10": 3, "masks": 3}
"""Of which CR counts the values."""
COLOURS = {"DeepSC-TU": "tab:red", "VAE": "tab:blue", BOUND: "black"}
STYLES = ("--", "-")  # from the lower SNR on
ADAPTATIONS = {
    "none": ("no adaptation", "black"),
    "da": ("data adaptation", "tab:red"),
    "retrained": ("trained anew", "tab:blue"),
}
SEED = 0  # of the channel that pictures are shown after


def tables(rows: Sequence[Row], *, commit: str) -> str:
    """All points, in Markdown."""
    known, observed = _split(rows)
    parts = [
        "# Tables",
        introduction(rows, command="./semcom figures zhang", commit=commit),
        every_point(known, name=name_of),
    ]
    for kind in OBSERVED:
        of_kind = [row for row in observed if row.dataset == DATA_SETS[kind].name]
        if of_kind:
            parts.append(_table_of_observed(of_kind, kind))
    return "\n\n".join(parts) + "\n"


def _table_of_observed(rows: Sequence[ObservedRow], kind: str) -> str:
    lines = [
        f"### {rows[0].dataset}, sent by coders of {DATA_SETS[OBSERVED[kind]].name} over AWGN at "
        f"{rows[0].snr_db:g} dB, seen by {rows[0].downstream}",
        "",
        "The PSNR is to what the encoder got, adapted or not.",
        "",
        "| CR | | coder | accuracy, % | PSNR, dB |",
        "|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: (row.compression_rate, list(ADAPTATIONS).index(row.method))):
        what = ADAPTATIONS[row.method][0]
        lines.append(f"| {row.compression_rate:.2f} | {what} | {row.codec} | {accuracy(row)} | {psnr(row)} |")
    return "\n".join(lines)


def draw_all(rows: Sequence[Row], folder: Path) -> None:
    """Those that there are rows of; pictures where the zoo has their adapter as well."""
    known, observed = _split(rows)
    for kind in PLANES:
        shown = [row for row in known if row.codec and _kind(row) == kind]
        if shown:
            _by_rate(shown, kind, folder / f"{FILES[kind]}.png")
    for kind, library in OBSERVED.items():
        shown = [row for row in observed if row.dataset == DATA_SETS[kind].name]
        if shown:
            _adaptations(shown, kind, folder / f"{FILES.get(kind, kind)}.png")
        if shown and kind == PICTURES[0] and shipped([adapter_of(kind, library), shown[0].codec]):
            _pictures(kind, shown[0].codec, folder / f"{PICTURES[1]}.png")


def _split(rows: Sequence[Row]) -> tuple[list[Row], list[ObservedRow]]:
    observed = [row for row in rows if isinstance(row, ObservedRow)]
    return [row for row in rows if not isinstance(row, ObservedRow)], observed


def _kind(row: Row) -> str:
    return "masks" if row.iou is not None else next(kind for kind in PLANES if DATA_SETS[kind].name == row.dataset)


def _title(kind: str, what: str) -> str:
    name = FILES.get(kind, "")
    return f"as Fig. {int(name.removeprefix('fig'))}: {what}" if name else what


def _by_rate(rows: Sequence[Row], kind: str, path: Path) -> None:
    """Accuracy, or IoU, and PSNR against CR."""
    seen = "iou" if kind == "masks" else "accuracy"
    snrs_db = sorted({row.snr_db for row in rows})
    with figure(path, panels=2) as panels:
        for axes, value in zip(panels, (seen, "psnr_db"), strict=True):
            for name, colour in COLOURS.items():
                for snr_db, style in zip(snrs_db, STYLES, strict=False):
                    of_it = sorted(
                        (row for row in rows if row.snr_db == snr_db and name_of(row) == name),
                        key=lambda row: row.ratio,
                    )
                    curve(
                        axes,
                        of_it,
                        lambda row: 2 * row.ratio * CHANNELS / PLANES[kind],
                        value,
                        label=f"{name}, {snr_db:g} dB",
                        color=colour,
                        linestyle=style,
                    )
            axes.set(xlabel="CR, real channel uses a value", ylabel=AXES[value])
        panels[0].set_title(_title(kind, f"{rows[0].dataset}, AWGN"), fontsize=10)


def _adaptations(rows: Sequence[ObservedRow], kind: str, path: Path) -> None:
    """Accuracy against epochs of training, as cards have it, and against CR."""
    with figure(path, panels=2) as (by_epoch, by_rate):
        for method, (name, colour) in ADAPTATIONS.items():
            of_it = sorted((row for row in rows if row.method == method), key=lambda row: row.compression_rate)
            curve(by_rate, of_it, lambda row: row.compression_rate, "accuracy", label=name, color=colour)
            if of_it and method != "none":
                _by_epoch(by_epoch, of_it[0].adapter or of_it[0].codec, label=name, color=colour)
        if not by_epoch.lines:
            by_epoch.text(0.5, 0.5, "the cards have no epochs", ha="center", transform=by_epoch.transAxes)
        by_epoch.set(xlabel="epochs", ylabel="accuracy, %, held-out images")
        by_epoch.xaxis.get_major_locator().set_params(integer=True)
        by_rate.set(xlabel="CR, real channel uses a value", ylabel=AXES["accuracy"])
        by_epoch.set_title("pictures adapted, not sent; of the new coder sent", fontsize=9)
        by_rate.set_title(_title(kind, f"{rows[0].dataset}, AWGN, {OBSERVED_DB:g} dB"), fontsize=10)


def _by_epoch(axes: Axes, name: str, *, label: str, color: str) -> None:
    """What was reported of a network of the zoo while it was trained."""
    if shipped([name]):
        reports = zoo.read_card(zoo.find(name)).training.get("reports", [])
        if reports:
            axes.plot(range(1, len(reports) + 1), [100 * at["accuracy"] for at in reports], label=label, color=color)


def _pictures(kind: str, codec: str, path: Path) -> None:
    """Printed digits, as small as those of ``kind``: as they come, adapted, and after the channel."""
    adapter, side = Adapter(adapter_of(kind, OBSERVED[kind])), 16
    sent = np.stack([printed_digit(text, side=side) for text in "0123456789"])
    adapted = adapter.adapted(sent)
    received = measure.over_channel(
        zoo.load_codec(codec), adapted, channel="awgn", snr_db=OBSERVED_DB, ratio=None, seed=SEED
    )
    made, grid = plt.subplots(3, len(sent), figsize=(10, 3.4), layout="constrained", dpi=90)
    for name, row, pictures in zip(("sent", "adapted", "received"), grid, (sent, adapted, received), strict=True):
        row[0].set_title(name, fontsize=9, loc="left")
        for axes, picture in zip(row, pictures, strict=True):
            axes.imshow(picture)
            axes.axis("off")
    made.suptitle(f"as Fig. 12, of printed digits, {side}x{side}: {codec}, AWGN, {OBSERVED_DB:g} dB", fontsize=10)
    made.savefig(path)
    plt.close(made)
