# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures 4, 5, 7, 9, 10, 12 and 13 of Zhang et al. with our points, and their tables."""

from collections.abc import Sequence
from functools import partial
from itertools import cycle
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
from semcom_training.papers.zhang import BOUND, COUNTED, OBSERVED, OBSERVED_DB, VALUE_BITS, name_of

FILES = {"mnist": "fig04", "cifar10": "fig05", "masks": "fig07", "svhn": "fig09", "usps": "fig10", "stl10": "fig13"}
"""By the kind of data; what the paper has not is called by its kind."""
PICTURES = ("usps", "fig12")
PLANES = {"mnist": 1, "cifar10": 3, "masks": 3}
"""Of which CR counts the values."""
COLOURS = {"DeepSC-TU": "tab:red", "VAE": "tab:blue", BOUND: "black", COUNTED: "tab:grey"}
STYLES = ("--", "-", ":", "-.")  # from the lowest SNR on
ADAPTATIONS = {
    "none": ("no adaptation", "black"),
    "da": ("data adaptation", "tab:red"),
    "retrained": ("trained anew", "tab:blue"),
}
REPORTED = {"none": "as_observed", "da": "accuracy"}
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
    judges = ", ".join(dict.fromkeys(row.downstream for row in rows))
    lines = [
        f"### {rows[0].dataset}, sent by coders of {DATA_SETS[OBSERVED[kind]].name} over AWGN at "
        f"{rows[0].snr_db:g} dB, seen by {judges}",
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
        of_kind = [row for row in known if row.codec and _kind(row) == kind]
        for number, judge in enumerate(dict.fromkeys(row.downstream for row in of_kind)):
            shown = [row for row in of_kind if row.downstream == judge]
            _by_rate(shown, kind, folder / f"{FILES[kind]}{f'-{judge}' if number else ''}.png")
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
    learned = [_rate(row, kind) for row in rows if name_of(row) != BOUND]
    with figure(path, panels=2) as panels:
        for axes, value in zip(panels, (seen, "psnr_db"), strict=True):
            for name, colour in COLOURS.items():
                bits = VALUE_BITS if name == COUNTED else 1
                rate = partial(_rate, kind=kind, bits=bits)
                for snr_db, style in zip(sorted({row.snr_db for row in rows}), cycle(STYLES), strict=False):
                    of_it = [row for row in rows if row.snr_db == snr_db and name in (name_of(row), _counted(row))]
                    shown = [row for row in of_it if 0.99 * min(learned) < rate(row) < 1.01 * max(learned)]
                    shown.sort(key=rate)
                    curve(axes, shown, rate, value, label=f"{name}, {snr_db:g} dB", color=colour, linestyle=style)
            axes.set(xlabel="CR, real channel uses a value", ylabel=AXES[value], xlim=(0, 1))
        panels[0].set_title(_title(kind, f"{rows[0].dataset}, AWGN, seen by {rows[0].downstream}"), fontsize=10)


def _counted(row: Row) -> str | None:
    """What else a row is a point of."""
    return COUNTED if name_of(row) == BOUND else None


def _rate(row: Row, kind: str, *, bits: int = 1) -> float:
    """CR, or that at which there are so many times ``bits``."""
    return 2 * row.ratio * CHANNELS / PLANES[kind] / bits


def _adaptations(rows: Sequence[ObservedRow], kind: str, path: Path) -> None:
    """How an adapter learns, by its card; and accuracy against CR."""
    with figure(path, panels=2) as (by_epoch, by_rate):
        for method, (name, colour) in ADAPTATIONS.items():
            of_it = sorted((row for row in rows if row.method == method), key=lambda row: row.compression_rate)
            curve(by_rate, of_it, lambda row: row.compression_rate, "accuracy", label=name, color=colour)
        for adapter in dict.fromkeys(row.adapter for row in rows if row.adapter):
            if shipped([adapter]):
                _by_epoch(by_epoch, zoo.read_card(zoo.find(adapter)).training)
        by_epoch.set(xlabel="epochs of the adapter", ylabel="accuracy, %, held-out pictures")
        by_epoch.xaxis.get_major_locator().set_params(integer=True)
        by_rate.set(xlabel="CR, real channel uses a value", ylabel=AXES["accuracy"], xlim=(0, 1))
        by_rate.set_title(_title(kind, f"{rows[0].dataset}, AWGN, {OBSERVED_DB:g} dB"), fontsize=10)


def _by_epoch(axes: Axes, training: dict) -> None:
    """Of pictures that were sent by a coder, if the training had one for its reports."""
    coder = training["config"].get("coder")
    for method, reported in REPORTED.items():
        name, colour = ADAPTATIONS[method]
        seen = [100 * each[reported] for each in training.get("reports", [])]
        label = f"{name}, by {coder}" if coder else f"{name}, not sent"
        axes.plot(range(1, len(seen) + 1), seen, "--", label=label, color=colour)


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
