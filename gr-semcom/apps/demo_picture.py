# SPDX-License-Identifier: GPL-3.0-or-later
"""demo.png: sent and received side by side, the received constellation, PSNR against SNR."""

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

if TYPE_CHECKING:
    from demo_rows import Row
    from loopback import Delivery

Kept = dict[str, dict[float, tuple["Delivery", "Row"]]]
POINTS = 3_000


def draw(kept: Kept, rows: list["Row"], path: Path) -> None:
    """``kept`` has for each picture to show, by name, its delivery and row at each SNR; ``rows`` are all rows."""
    snrs = sorted({row.snr_db for row in rows})
    shown = sorted({snrs[0], snrs[len(snrs) // 2], snrs[-1]})
    count, columns = len(kept), 1 + len(shown)
    figure = plt.figure(figsize=(2.6 * columns + 4.2, max(2.35 * count, 5.6)), layout="constrained", dpi=110)
    pictures, plots = figure.subfigures(1, 2, width_ratios=[2.6 * columns, 4.2])
    for row_of_axes, (name, at_snr) in zip(pictures.subplots(count, columns, squeeze=False), kept.items(), strict=True):
        _show(row_of_axes[0], next(iter(at_snr.values()))[0].sent, f"{name}, sent")
        for axes, snr_db in zip(row_of_axes[1:], shown, strict=True):
            if snr_db in at_snr:
                delivery, row = at_snr[snr_db]
                caption = "lost" if row.ms is None else f"PSNR {row.psnr_db:.1f} dB"
                _show(axes, delivery.seen, f"at {snr_db:g} dB: {caption}")
            else:
                axes.axis("off")
    constellation, curve = plots.subplots(2, 1)
    _draw_constellation(constellation, kept, shown[-1])
    _draw_curve(curve, rows, snrs)
    part = path.with_name(f".{path.name}.part")
    figure.savefig(part, format="png")
    plt.close(figure)
    part.replace(path)


def _show(axes: Axes, picture: np.ndarray, title: str) -> None:
    axes.imshow(picture, interpolation="nearest" if max(picture.shape) < 100 else "antialiased")
    axes.set_title(title, fontsize=9)
    axes.axis("off")


def _draw_constellation(axes: Axes, kept: Kept, snr_db: float) -> None:
    arrived = [
        at_snr[snr_db][0].symbols for at_snr in kept.values() if snr_db in at_snr and at_snr[snr_db][1].ms is not None
    ]
    axes.set_title(f"received symbols at {snr_db:g} dB (analog: no fixed points)", fontsize=10)
    axes.set(xlabel="in phase", ylabel="quadrature", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
    axes.grid(alpha=0.3)
    if arrived:
        symbols = np.concatenate(arrived)
        some = symbols[:: max(1, len(symbols) // POINTS)]
        axes.plot(some.real, some.imag, ".", markersize=2, alpha=0.5)


def _draw_curve(axes: Axes, rows: list["Row"], snrs: list[float]) -> None:
    by_image: dict[str, list[Row]] = {}
    for row in rows:
        by_image.setdefault(row.image, []).append(row)
    few = len(by_image) <= 8
    for name, of_image in by_image.items() if few else ():
        axes.plot([row.snr_db for row in of_image], [row.psnr_db for row in of_image], ".-", label=name, alpha=0.7)
    mean = [np.mean([row.psnr_db for row in rows if row.snr_db == snr_db]) for snr_db in snrs]
    axes.plot(snrs, mean, "ko--" if few else "ko-", label=f"mean of {len(by_image)}")
    axes.set_title("through the flowgraph", fontsize=10)
    axes.set(xlabel="SNR (Es/N0), dB", ylabel="PSNR, dB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
