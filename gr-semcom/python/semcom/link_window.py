# SPDX-License-Identifier: GPL-3.0-or-later
"""A Qt widget with the last minute of a link: SNR and PSNR over time, and what was counted."""

import math
import threading
import time
from collections import deque
from collections.abc import Iterable

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PyQt5.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt5.QtWidgets import QSizePolicy, QWidget

from .image_window import BACKGROUND, DIM_TEXT, TEXT

SPAN_S = 60.0
POINTS = 4096  # of a curve, of which the last are kept
REPAINT_MS = 200
GRID_DB = 10
LEFT, RIGHT, TOP = 44.0, 12.0, 24.0
CURVES = {"SNR": QColor("#5aa9ff"), "PSNR": QColor("#ffb454")}
GRID = QColor("#2b303b")


class link_window(QWidget):
    """Shows what is handed to :meth:`add` and :meth:`tell`, from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Link")
        self.setMinimumSize(240, 160)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Expanding)
        self._lock = threading.Lock()
        self._curves = {name: deque[tuple[float, float]](maxlen=POINTS) for name in CURVES}
        self._lines: dict[str, str] = {}
        self._repaint = QTimer(self)
        self._repaint.timeout.connect(self.update)
        self._repaint.start(REPAINT_MS)

    def sizeHint(self) -> QSize:
        return QSize(560, 240)

    def add(self, curve: str, value_db: float) -> None:
        """A point of one of ``CURVES``, now."""
        if math.isfinite(value_db):
            with self._lock:
                self._curves[curve].append((time.monotonic(), value_db))

    def tell(self, topic: str, line: str) -> None:
        """A line below the curves, in the place of the last one on this topic."""
        with self._lock:
            self._lines[topic] = line

    def paintEvent(self, _event: QPaintEvent) -> None:
        now = time.monotonic()
        with self._lock:
            curves = {
                name: [(t - now, y) for t, y in points if t > now - SPAN_S] for name, points in self._curves.items()
            }
            lines = list(self._lines.values())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing)
        painter.fillRect(self.rect(), BACKGROUND)
        line = painter.fontMetrics().height() * 1.3
        area = QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - (len(lines) + 1.5) * line)
        self._paint_legend(painter, line)
        if area.height() > line and area.width() > 0:
            self._paint_chart(painter, area, curves, line)
        painter.setPen(TEXT)
        for place, text in enumerate(reversed(lines), start=1):
            below = QRectF(LEFT, self.height() - place * line, self.width() - LEFT, line)
            painter.drawText(below, Qt.AlignLeft | Qt.AlignVCenter, text)

    def _paint_legend(self, painter: QPainter, line: float) -> None:
        left = LEFT
        for name, colour in CURVES.items():
            painter.setPen(colour)
            text = f"{name}, dB"
            painter.drawText(QRectF(left, 2, 200, line), Qt.AlignLeft, text)
            left += painter.fontMetrics().horizontalAdvance(text) + 20

    def _paint_chart(
        self, painter: QPainter, area: QRectF, curves: dict[str, list[tuple[float, float]]], line: float
    ) -> None:
        low, high = _bounds(y for points in curves.values() for _, y in points)

        def place(t: float, y: float) -> QPointF:
            return QPointF(
                area.right() + t / SPAN_S * area.width(), area.bottom() - (y - low) / (high - low) * area.height()
            )

        for y in range(low, high + 1, GRID_DB):
            painter.setPen(GRID)
            painter.drawLine(place(-SPAN_S, y), place(0, y))
            painter.setPen(DIM_TEXT)
            label = QRectF(0, place(0, y).y() - line / 2, LEFT - 6, line)
            painter.drawText(label, Qt.AlignRight | Qt.AlignVCenter, f"{y}")
        for t in range(-int(SPAN_S), 1, 20):
            label = QRectF(place(t, low).x() - 40, area.bottom() + 2, 80, line)
            painter.drawText(label, Qt.AlignHCenter, "now" if t == 0 else f"{t} s")
        for name, points in curves.items():
            painter.setPen(QPen(CURVES[name], 1.5))
            painter.drawPolyline(QPolygonF([place(*point) for point in points]))


def _bounds(values: Iterable[float]) -> tuple[int, int]:
    """Round numbers around all of them, in dB."""
    known = list(values) or [0.0, 30.0]
    low = math.floor(min(known) / GRID_DB) * GRID_DB
    return low, max(low + GRID_DB, math.ceil(max(known) / GRID_DB) * GRID_DB)
