# SPDX-License-Identifier: GPL-3.0-or-later
"""The block where pictures end: a window, PNG files, a Python function, or any of these together."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pmt

from .image_files import safe_name, write_png
from .pdu_block import pdu_block
from .pdus import ImagePdu

if TYPE_CHECKING:
    from PyQt5.QtWidgets import QWidget


class image_sink(pdu_block):
    """Takes image PDUs at ``images``.  Previews are for the window alone: no file, no callback, not counted.

    Args:
        folder: write each picture there as ``<image id>_<name>.png``; the folder is made where it is missing.
            A file appears once it is complete.  Ids begin again after 65535, and with them the files.
        window: have a Qt widget, :meth:`qwidget`, that shows the pictures as they arrive; it needs a QApplication.
        callback: called with each picture (:class:`pdus.ImagePdu`), on the block's thread.

    Raises:
        OSError: the folder cannot be made.
        RuntimeError: a window without a QApplication, or without PyQt5.
    """

    def __init__(
        self,
        *,
        folder: str | Path | None = None,
        window: bool = False,
        callback: Callable[[ImagePdu], None] | None = None,
    ) -> None:
        pdu_block.__init__(self, "image_sink")
        self._folder = Path(folder).expanduser() if folder else None
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        self._window = qt_widget("image_window") if window else None
        self._callback = callback
        self._received = 0
        self._listen("images", self._on_image)

    def received(self) -> int:
        """How many pictures arrived and were dealt with."""
        return self._received

    def qwidget(self) -> "QWidget":
        """The widget that shows the pictures; RuntimeError where the block was made without a window."""
        if self._window is None:
            raise RuntimeError("This image sink has no window; make it with window=True.")
        return self._window

    def _on_image(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            image = ImagePdu.from_pmt(pdu)
            if self._window is not None:
                self._window.show_image(image)
            if image.preview:
                return
            if self._folder is not None:
                write_png(self._folder / f"{image.image_id:05d}_{safe_name(image.name)}.png", image.pixels)
            if self._callback is not None:
                self._callback(image)
            self._received += 1


def qt_widget(name: str) -> "QWidget":
    """The widget of this name, from the module of this name.

    Raises:
        RuntimeError: there is no QApplication, or no PyQt5.
    """
    try:
        from PyQt5.QtWidgets import QApplication
    except ImportError as error:
        raise RuntimeError("The window needs PyQt5: install it with 'apt install python3-pyqt5'.") from error
    if QApplication.instance() is None:  # Qt would end the whole process
        raise RuntimeError("The window needs a QApplication; make one before the flowgraph, or do without a window.")
    return getattr(importlib.import_module(f".{name}", __package__), name)()
