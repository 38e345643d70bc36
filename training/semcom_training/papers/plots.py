# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figures of all papers share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from semcom_training.evaluate import Row

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402

Value = Literal["accuracy", "psnr_db", "ssim", "recognition_ratio", "lpips", "iou"]
AXES = {
    "accuracy": "accuracy, %",
    "psnr_db": "PSNR, dB",
    "ssim": "SSIM",
    "recognition_ratio": "recognition ratio",
    "lpips": "LPIPS",
    "iou": "IoU",
}
CHANNELS = {"awgn": "AWGN", "rayleigh": "block Rayleigh fading", "multipath": "multipath"}


@contextmanager
def figure(path: Path, *, panels: int = 1) -> Iterator[Sequence[Axes]]:
    """Axes side by side, which become the file at ``path``; one legend beside them, where it hides no points."""
    made, grid = plt.subplots(1, panels, figsize=(4 + 4 * panels, 4.2), layout="constrained", dpi=110, squeeze=False)
    yield grid[0]
    named = {}
    for axes in grid[0]:
        axes.grid(alpha=0.3)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    made.legend(named.values(), named.keys(), loc="outside right center", fontsize=8)
    made.savefig(path)
    plt.close(made)


def curve(
    axes: Axes, rows: Sequence[Row], x: Callable[[Row], float], value: Value, *, label: str, **style: str
) -> None:
    """A value of rows against another, with its interval of 95 % confidence where it has one."""
    shown = [row for row in rows if getattr(row, value) is not None]
    if not shown:
        return
    y = np.array([getattr(row, value) for row in shown])
    bounds = [_interval(row, value) for row in shown]
    spread = None if None in bounds else np.abs([y - np.array(bounds)[:, 0], np.array(bounds)[:, 1] - y])
    axes.errorbar([x(row) for row in shown], y, spread, marker="o", markersize=4, label=label, capsize=2, **style)


def printed_digit(text: str, *, side: int) -> NDArray[np.uint8]:
    """White on black in a printed face, uint8 [side, side, 3]: of no data set."""
    face = ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), 24 * side // 28)
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).text((side / 2, side / 2), text, fill=255, font=face, anchor="mm")
    return np.repeat(np.asarray(image)[..., np.newaxis], 3, axis=2)


def _interval(row: Row, value: Value) -> tuple[float, float] | None:
    match value:
        case "accuracy":
            return row.accuracy_ci95
        case "psnr_db":
            return row.psnr_ci95
        case "recognition_ratio" if row.accuracy:
            low, high = (row.recognition_ratio * bound / row.accuracy for bound in row.accuracy_ci95)
            return low, high
    return None
