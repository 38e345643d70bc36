# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures 4 to 15 of Tang et al. with our points, over what the paper states of its own."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import skimage
from semcom_models import measure, zoo

from semcom_training.evaluate import Row
from semcom_training.results import METHODS, OTHERS, Published, published

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

NAMES = dict(zip(METHODS, ("SemCC", "SemRE", "DeepJSCC", "DeepSC", "SemCC without fine-tuning"), strict=True))
COLOURS = dict(zip(METHODS, ("tab:red", "tab:orange", "tab:blue", "tab:green", "tab:pink"), strict=True))
AXES = {"accuracy": "accuracy, %", "psnr_db": "PSNR, dB"}
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
CHANNELS = {"awgn": "AWGN", "rayleigh": "block Rayleigh fading"}


def draw_all(rows: Sequence[Row], folder: Path) -> None:
    """Write ``fig04.png`` to ``fig15.png``; those without a measured point are left out."""
    for number in BY_RATIO:
        _write(folder, number, lambda axes, number=number: _by_ratio(axes, number, rows))
    _write(folder, 12, lambda axes: _trade_off(axes, rows))
    for other in OTHERS:
        seen = [row for row in rows if row.downstream == other.downstream]
        if seen:
            _write(folder, other.figure, lambda axes, seen=seen: _by_snr(axes, seen))
    _draw_pictures(folder / "fig15.png", sorted({row.codec for row in rows if row.codec}, key=METHODS.index))


def _write(folder: Path, number: int, draw: Callable[[Axes], None]) -> None:
    figure, axes = plt.subplots(figsize=(6, 4.2), layout="constrained", dpi=110)
    draw(axes)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(folder / f"fig{number:02d}.png")
    plt.close(figure)


def _by_ratio(axes: Axes, number: int, rows: Sequence[Row]) -> None:
    value, channel, snr_db = BY_RATIO[number]
    here = [row for row in _resnet(rows) if (row.channel, row.snr_db) == (channel, snr_db)]
    for method in METHODS:
        _curve(axes, [row for row in here if row.codec == method], lambda row: row.ratio, value, method)
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
            _curve(axes, [row], lambda row: row.psnr_db, "accuracy", row.codec)
    for point in published():
        here = point.ratio * 24 == 1 and all(getattr(point, key) == value for key, value in at.items())
        if here and point.psnr_db is not None:
            _paper(axes, point.psnr_db, point.accuracy, point)
    axes.set(xlabel="PSNR, dB", ylabel="accuracy, %")
    axes.set_title("as Fig. 12: k/n = 1/24, AWGN, 5 dB", fontsize=10)


def _by_snr(axes: Axes, rows: Sequence[Row]) -> None:
    for method in METHODS:
        _curve(axes, [row for row in rows if row.codec == method], lambda row: row.snr_db, "accuracy", method)
    (original,) = (row for row in rows if row.codec is None)
    axes.axhline(original.accuracy, color="grey", linestyle=":", label="originals")
    (other,) = (other for other in OTHERS if other.downstream == original.downstream)
    axes.set(xlabel="SNR, dB", ylabel="accuracy, %")
    title = f"as Fig. {other.figure}: seen by {other.downstream}, k/n = {other.ratio}, block Rayleigh fading"
    axes.set_title(title, fontsize=10)


def _curve(axes: Axes, rows: Sequence[Row], x: Callable[[Row], float], value: str, method: str) -> None:
    if not rows:
        return
    y = np.array([getattr(row, value) for row in rows])
    low, high = np.array([row.accuracy_ci95 if value == "accuracy" else row.psnr_ci95 for row in rows]).T
    spread = np.abs([y - low, high - y])
    axes.errorbar(
        [x(row) for row in rows],
        y,
        spread,
        color=COLOURS[method],
        marker="o",
        markersize=4,
        label=NAMES[method],
        capsize=2,
    )


def _paper(axes: Axes, x: float, y: float, point: Published) -> None:
    label = f"{NAMES[point.method]}, paper"
    shown = label not in axes.get_legend_handles_labels()[1]
    axes.plot(x, y, "*", color=COLOURS[point.method], markersize=9, label=label if shown else "_", linestyle="none")


def _resnet(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.downstream == zoo.CLASSIFIER and row.codec]


def _draw_pictures(path: Path, codecs: Sequence[str]) -> None:
    """As Fig. 15: two photographs at k/n = 1/48 and 20 dB AWGN, by codecs that were trained on CIFAR-10."""
    photographs = [skimage.data.astronaut(), skimage.data.coffee()[:, 44:444]]
    figure, grid = plt.subplots(
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
    figure.suptitle("as Fig. 15: k/n = 1/48, AWGN, 20 dB (photographs of scikit-image, codecs trained on CIFAR-10)")
    figure.savefig(path)
    plt.close(figure)
