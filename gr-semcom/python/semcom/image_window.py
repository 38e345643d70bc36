# SPDX-License-Identifier: GPL-3.0-or-later
"""A Qt widget that shows pictures as they arrive: the latest large, those before it in a strip below.

A preview gives way to what comes next, which is more of the same picture.
"""

import math
import threading
from collections import deque

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent, QPixmap
from PyQt5.QtWidgets import QSizePolicy, QWidget

from .pdus import ImagePdu, Reception

STRIP = 6
THUMBNAIL_SIDE = 192
MARGIN = 8.0
BACKGROUND, TEXT, DIM_TEXT = QColor("#16181d"), QColor("#f2f4f8"), QColor("#9aa3b2")


class image_window(QWidget):
    """Shows what is handed to :meth:`show_image`, from any thread; draws no faster than Qt repaints."""

    _arrived = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Pictures received")
        self.setMinimumSize(240, 240)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Expanding)
        self._lock = threading.Lock()
        self._waiting: deque[ImagePdu] = deque(maxlen=STRIP + 1)
        self._latest: QImage | None = None
        self._preview = False  # whether the latest is one
        self._caption: tuple[str, str] = ("waiting for a picture", "")
        self._scaled: QPixmap | None = None
        self._strip: deque[tuple[QPixmap, str]] = deque(maxlen=STRIP + 1)  # the last is the latest picture
        self._arrived.connect(self._take, Qt.QueuedConnection)

    def sizeHint(self) -> QSize:
        return QSize(560, 640)

    def show_image(self, image: ImagePdu) -> None:
        """Hands over a picture; of many that come between two repaints the last few are shown."""
        with self._lock:
            first = not self._waiting
            self._waiting.append(image)
        if first:
            self._arrived.emit()

    def _take(self) -> None:
        with self._lock:
            images = list(self._waiting)
            self._waiting.clear()
        for image in images:
            if self._preview:
                self._strip.pop()
            self._preview = image.preview
            self._latest = _qimage(image)
            self._strip.append((_fit(self._latest, THUMBNAIL_SIDE, THUMBNAIL_SIDE), _snr(image.reception)))
        self._caption = (
            f"{image.name} {image.image_id}   {image.width} x {image.height}",
            _describe(image),
        )
        self._scaled = None
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.Antialiasing | QPainter.SmoothPixmapTransform)
        painter.fillRect(self.rect(), BACKGROUND)
        line = painter.fontMetrics().height() * 1.25
        strip_side = min((self.width() - MARGIN) / STRIP - MARGIN, self.height() / 5)
        strip_top = self.height() - strip_side - line - MARGIN
        caption_top = strip_top - 2 * line - MARGIN
        self._paint_latest(painter, QRectF(MARGIN, MARGIN, self.width() - 2 * MARGIN, caption_top - 1.5 * MARGIN))
        self._paint_caption(painter, caption_top, line)
        self._paint_strip(painter, strip_top, strip_side, line)

    def _paint_latest(self, painter: QPainter, area: QRectF) -> None:
        if self._latest is None or area.height() < 1:
            return
        room = area.size().toSize()
        if self._scaled is None or self._scaled_for != room:
            self._scaled, self._scaled_for = _fit(self._latest, room.width(), room.height()), room
        painter.drawPixmap(_centred(area, self._scaled), self._scaled)

    def _paint_caption(self, painter: QPainter, top: float, line: float) -> None:
        bold = QFont(painter.font())
        bold.setBold(True)
        for row, (text, colour) in enumerate(zip(self._caption, (DIM_TEXT, TEXT), strict=True)):
            painter.save()
            painter.setPen(colour)
            if row:
                painter.setFont(bold)
            painter.drawText(QRectF(0, top + row * line, self.width(), line), Qt.AlignCenter, text)
            painter.restore()

    def _paint_strip(self, painter: QPainter, top: float, side: float, line: float) -> None:
        painter.setPen(DIM_TEXT)
        for place, (thumbnail, text) in enumerate(list(self._strip)[-2::-1]):
            left = MARGIN + place * (side + MARGIN)
            box = QRectF(left, top, side, side)
            shown = thumbnail.scaled(box.size().toSize(), Qt.KeepAspectRatio, Qt.SmoothTransformation)
            painter.drawPixmap(_centred(box, shown), shown)
            painter.drawText(QRectF(left, top + side, side, line), Qt.AlignCenter, text)


def _qimage(image: ImagePdu) -> QImage:
    pixels = image.pixels
    return QImage(pixels.tobytes(), image.width, image.height, 3 * image.width, QImage.Format_RGB888).copy()


def _fit(image: QImage, width: int, height: int) -> QPixmap:
    """Scaled to fit; a small picture keeps its square pixels."""
    enlarged = width >= 2 * image.width() and height >= 2 * image.height()
    how = Qt.FastTransformation if enlarged else Qt.SmoothTransformation
    return QPixmap.fromImage(image.scaled(width, height, Qt.KeepAspectRatio, how))


def _centred(area: QRectF, pixmap: QPixmap) -> QPointF:
    return QPointF(area.center().x() - pixmap.width() / 2, area.center().y() - pixmap.height() / 2)


def _snr(reception: Reception | None) -> str:
    return f"{reception.snr_db:.1f} dB" if reception and math.isfinite(reception.snr_db) else ""


def _describe(image: ImagePdu) -> str:
    reception = image.reception
    if reception is None:
        return ""
    parts = [f"SNR {reception.snr_db:.1f} dB", f"CFO {reception.cfo_hz:+.0f} Hz"]
    if image.psnr_db is not None:
        parts.append(f"PSNR {image.psnr_db:.1f} dB")
    if image.recognized is not None:
        parts.append(f"seen: {image.recognized}")
    if reception.erased:
        parts.append(f"{reception.erased:.1%} {'to come' if image.preview else 'erased'}")
    return "    ".join(parts)
