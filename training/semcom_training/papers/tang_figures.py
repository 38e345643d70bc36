# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures 4 to 15 of Tang et al. with our points, over what the paper states of its own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import skimage
from matplotlib.axes import Axes
from semcom_models import measure, zoo

from semcom_training.evaluate import Row
from semcom_training.papers.plots import AXES, CHANNELS, curve, figure, plt
from semcom_training.papers.rows import shipped
from semcom_training.papers.tang import METHODS, NAMES, OTHERS, Published, published

COLOURS = ("tab:red", "tab:orange", "tab:blue", "tab:green", "tab:pink", "black", "dimgrey", "darkgrey")
STYLES = {
    name: {"color": colour, "linestyle": "-" if name in METHODS else "--"}
    for name, colour in zip(NAMES, COLOURS, strict=True)
}
BY_RATIO = {
    4: ("accuracy", "awgn", 20.0),
    5: ("psnr_db", "awgn", 20.0),
    6: ("accuracy", "awgn", 5.0),
    7: ("psnr_db", "awgn", 5.0),
    8: ("accuracy", "rayleigh", 20.0),
    9: ("psnr_db", "rayleigh", 20.0),
    10: ("accuracy", "rayleigh", 5.0),
    11: ("psnr_db", "rayleigh", 5.0),
}
"""What figures 4 to 11 show against the bandwidth ratio, over which channel, at which SNR in dB."""


def draw_all(rows: Sequence[Row], folder: Path) -> None:
    """Write ``fig04.png`` to ``fig15.png``; those without a measured point are left out."""
    for number in BY_RATIO:
        with _figure(folder, number) as axes:
            _by_ratio(axes, number, rows)
    with _figure(folder, 12) as axes:
        _trade_off(axes, rows)
    for other in OTHERS:
        seen = [row for row in rows if row.downstream == other.downstream]
        if seen:
            with _figure(folder, other.figure) as axes:
                _by_snr(axes, seen)
    measured = [name for name in METHODS if any(row.codec == name for row in rows)]
    _draw_pictures(folder / "fig15.png", shipped(measured))


@contextmanager
def _figure(folder: Path, number: int) -> Iterator[Axes]:
    with figure(folder / f"fig{number:02d}.png") as (axes,):
        yield axes


def _by_ratio(axes: Axes, number: int, rows: Sequence[Row]) -> None:
    value, channel, snr_db = BY_RATIO[number]
    here = [row for row in _resnet(rows) if (row.channel, row.snr_db) == (channel, snr_db)]
    _curves(axes, here, lambda row: row.ratio, value)
    for point in published():
        if (point.channel, point.snr_db) == (channel, snr_db) and getattr(point, value) is not None:
            _paper(axes, float(point.ratio), getattr(point, value), point)
    axes.set(xscale="log", xlabel="bandwidth ratio k/n", ylabel=AXES[value])
    ratios = sorted({row.ratio for row in here})
    axes.set_xticks(ratios, [f"1/{1 / ratio:.3g}" for ratio in ratios])
    axes.minorticks_off()
    axes.set_title(f"as Fig. {number}: {CHANNELS[channel]}, {snr_db:g} dB", fontsize=10)


def _trade_off(axes: Axes, rows: Sequence[Row]) -> None:
    at = {"channel": "awgn", "snr_db": 5.0}
    for row in _resnet(rows):
        if abs((row.ratio or 0) - 1 / 24) < 1e-3 and all(getattr(row, key) == value for key, value in at.items()):
            curve(axes, [row], lambda row: row.psnr_db, "accuracy", label=NAMES[row.codec], **STYLES[row.codec])
    for point in published():
        here = point.ratio * 24 == 1 and all(getattr(point, key) == value for key, value in at.items())
        if here and point.psnr_db is not None:
            _paper(axes, point.psnr_db, point.accuracy, point)
    axes.set(xlabel="PSNR, dB", ylabel="accuracy, %")
    axes.set_title("as Fig. 12: k/n = 1/24, AWGN, 5 dB", fontsize=10)


def _by_snr(axes: Axes, rows: Sequence[Row]) -> None:
    _curves(axes, rows, lambda row: row.snr_db, "accuracy")
    (original,) = (row for row in rows if row.codec is None)
    axes.axhline(original.accuracy, color="grey", linestyle=":", label="originals")
    (other,) = (other for other in OTHERS if other.downstream == original.downstream)
    axes.set(xlabel="SNR, dB", ylabel="accuracy, %")
    title = f"as Fig. {other.figure}: seen by {other.downstream}, k/n = {other.ratio}, block Rayleigh fading"
    axes.set_title(title, fontsize=10)


def _curves(axes: Axes, rows: Sequence[Row], x: Callable[[Row], float], value: str) -> None:
    for codec in NAMES:
        curve(axes, [row for row in rows if row.codec == codec], x, value, label=NAMES[codec], **STYLES[codec])


def _paper(axes: Axes, x: float, y: float, point: Published) -> None:
    label = f"{NAMES[point.method]}, paper"
    shown = label not in axes.get_legend_handles_labels()[1]
    axes.plot(
        x, y, "*", color=STYLES[point.method]["color"], markersize=9, label=label if shown else "_", linestyle="none"
    )


def _resnet(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.downstream == zoo.CLASSIFIER and row.codec]


def _draw_pictures(path: Path, codecs: Sequence[str]) -> None:
    """As Fig. 15: two photographs at k/n = 1/48 and 20 dB AWGN, by codecs that were trained on CIFAR-10."""
    photographs = [skimage.data.astronaut(), skimage.data.coffee()[:, 44:444]]
    made, grid = plt.subplots(
        len(photographs),
        1 + len(codecs),
        figsize=(3 * (1 + len(codecs)), 6.4),
        layout="constrained",
        dpi=90,
        squeeze=False,
    )
    for axes_of_row, picture in zip(grid, photographs, strict=True):
        axes_of_row[0].imshow(picture)
        axes_of_row[0].set_title("sent", fontsize=10)
        for axes, name in zip(axes_of_row[1:], codecs, strict=True):
            sent = picture[np.newaxis]
            received = measure.over_channel(zoo.load_codec(name), sent, snr_db=20.0, ratio=1 / 48, seed=0)
            axes.imshow(received[0])
            axes.set_title(f"{NAMES[name]}, {measure.psnr_db(sent, received).item():.1f} dB", fontsize=10)
    for axes in grid.flat:
        axes.axis("off")
    made.suptitle("as Fig. 15: k/n = 1/48, AWGN, 20 dB (photographs of scikit-image, codecs trained on CIFAR-10)")
    made.savefig(path)
    plt.close(made)
