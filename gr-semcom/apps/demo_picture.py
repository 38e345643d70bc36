# SPDX-License-Identifier: GPL-3.0-or-later
"""demo.png: sent and received side by side, the received constellation, PSNR against SNR."""

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from gnuradio.semcom.image_files import whole_file
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from demo_rows import Row
    from link import Delivery

PICTURES = 4
SIDE = 640  # pixels; about twice what is drawn
POINTS = 1_500  # a picture


class DemoPicture:
    """Keeps of the deliveries what it draws: of each codec's first pictures, at three SNRs at most, small ones."""

    def __init__(self, snrs_db: list[float], *, codecs: int = 1) -> None:
        snrs = sorted(set(snrs_db))
        self._of_each = PICTURES // codecs
        self._shown_db = sorted({snrs[0], snrs[len(snrs) // 2], snrs[-1]})
        self._rows: list[Row] = []
        self._sent: dict[tuple[str, str], NDArray[np.uint8]] = {}  # by codec and name
        self._seen: dict[tuple[str, str, float], tuple[NDArray[np.uint8], str]] = {}
        self._symbols: dict[tuple[str, str], NDArray[np.complex64]] = {}  # at the highest SNR, of the first codec

    def add(self, row: "Row", delivery: "Delivery") -> None:
        """One row of the table and the delivery that it is about."""
        self._rows.append(row)
        drawn = row.codec, row.image
        if drawn not in self._sent and sum(codec == row.codec for codec, _ in self._sent) == self._of_each:
            return
        if drawn not in self._sent:
            self._sent[drawn] = thumbnail(delivery.sent)
        if row.snr_db in self._shown_db:
            caption = "lost" if row.ms is None else f"PSNR {row.psnr_db:.1f} dB"
            self._seen[*drawn, row.snr_db] = thumbnail(delivery.seen), caption
        if row.snr_db == self._shown_db[-1] and row.ms is not None and row.codec == self._rows[0].codec:
            count = delivery.symbols.size
            self._symbols[drawn] = delivery.symbols[np.linspace(0, count - 1, min(count, POINTS)).astype(int)]

    def draw(self, path: Path) -> None:
        """Write it as PNG, whole or not at all."""
        count, columns = len(self._sent), 1 + len(self._shown_db)
        figure = plt.figure(figsize=(2.6 * columns + 4.2, max(2.35 * count, 5.6)), layout="constrained", dpi=110)
        pictures, plots = figure.subfigures(1, 2, width_ratios=[2.6 * columns, 4.2])
        all_axes = pictures.subplots(count, columns, squeeze=False)
        several = len({codec for codec, _ in self._sent}) > 1
        for row_of_axes, drawn in zip(all_axes, sorted(self._sent, key=self._order), strict=True):
            codec, name = drawn
            show(row_of_axes[0], self._sent[drawn], f"{name}, sent by\n{codec}" if several else f"{name}, sent")
            for axes, snr_db in zip(row_of_axes[1:], self._shown_db, strict=True):
                if (*drawn, snr_db) in self._seen:
                    seen, caption = self._seen[*drawn, snr_db]
                    show(axes, seen, f"at {snr_db:g} dB: {caption}")
                else:
                    axes.axis("off")
        constellation, curve = plots.subplots(2, 1)
        _draw_constellation(constellation, list(self._symbols.values()), self._shown_db[-1])
        _draw_curve(curve, self._rows)
        with whole_file(path) as part:
            figure.savefig(part, format="png")
        plt.close(figure)

    def _order(self, drawn: tuple[str, str]) -> tuple[int, int]:
        """One picture by all codecs after another."""
        codec, name = drawn
        names, codecs = ([key[part] for key in self._sent] for part in (1, 0))
        return names.index(name), codecs.index(codec)


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrunk to ``SIDE`` if larger."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


def show(axes: Axes, picture: NDArray[np.uint8], title: str) -> None:
    """The picture, under its title."""
    axes.imshow(picture, interpolation="nearest" if max(picture.shape) < 100 else "antialiased")
    axes.set_title(title, fontsize=9)
    axes.axis("off")


def _draw_constellation(axes: Axes, arrived: list[NDArray[np.complex64]], snr_db: float) -> None:
    axes.set_title(f"received symbols at {snr_db:g} dB", fontsize=10)
    axes.set(xlabel="in phase", ylabel="quadrature", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
    axes.grid(alpha=0.3)
    if arrived:
        symbols = np.concatenate(arrived)
        axes.plot(symbols.real, symbols.imag, ".", markersize=2, alpha=0.5)


def _draw_curve(axes: Axes, rows: list["Row"]) -> None:
    codecs = list(dict.fromkeys(row.codec for row in rows))
    few = len({row.image for row in rows}) <= 8
    for codec, marker in zip(codecs, ("ko", "s"), strict=False):
        of_codec = [row for row in rows if row.codec == codec]
        snrs = sorted({row.snr_db for row in of_codec})
        mean = [np.mean([row.psnr_db for row in of_codec if row.snr_db == snr_db]) for snr_db in snrs]
        names = sorted({row.image for row in of_codec})
        for name in names if few and len(codecs) == 1 else ():
            of_image = sorted((row.snr_db, row.psnr_db) for row in of_codec if row.image == name)
            axes.plot(*zip(*of_image, strict=True), ".-", label=name, alpha=0.7)
        of = f"{codec}, mean of {len(names)}" if len(codecs) > 1 else f"mean of {len(names)}"
        axes.plot(snrs, mean, marker + ("--" if few and len(codecs) == 1 else "-"), label=of)
    axes.set_title("through the flowgraph", fontsize=10)
    axes.set(xlabel="SNR (Es/N0), dB", ylabel="PSNR, dB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
