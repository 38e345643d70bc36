# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that shows a link as it goes."""

from typing import TYPE_CHECKING

import pmt

from .image_sink import qt_widget
from .pdu_block import pdu_block
from .pdus import ImagePdu

if TYPE_CHECKING:
    from PyQt5.QtWidgets import QWidget


class link_display(pdu_block):
    """A Qt widget, :meth:`qwidget`, with the last minute of a link.

    Takes the ``stats`` of a Link Probe at ``stats``, the ``counts`` of a Radio Monitor at ``counts``, and at ``images``
    pictures with ``psnr_db`` from a Reference Probe.  It needs a QApplication.

    Raises:
        RuntimeError: there is no QApplication, or no PyQt5.
    """

    def __init__(self) -> None:
        pdu_block.__init__(self, "link_display")
        self._window = qt_widget("link_window")
        self._listen("stats", self._on_stats)
        self._listen("counts", self._on_counts)
        self._listen("images", self._on_image)

    def qwidget(self) -> "QWidget":
        """The widget."""
        return self._window

    def _on_stats(self, stats: pmt.pmt_base) -> None:
        with self.guard():
            link = pmt.to_python(stats)
            line = (
                f"{link['frames']} frames, {link['headers_failed']} with a bad header; {link['images']} images, "
                f"{link['fragments_lost']} of {link['fragments']} fragments lost; "
                f"CFO {link['cfo_hz']:+.0f} Hz, EVM {link['evm_percent']:.0f} %"
            )
            self._window.add("SNR", link["snr_db"])
            self._window.tell("link", line)

    def _on_counts(self, counts: pmt.pmt_base) -> None:
        with self.guard():
            radio = pmt.to_python(counts)
            self._window.tell(
                "radio",
                f"radio: {radio['bursts']} bursts sent, {radio['underflows']} underflows, {radio['late']} late, "
                f"{radio['sequence_errors']} sequence errors",
            )

    def _on_image(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            image = ImagePdu.from_pmt(pdu)
            if image.psnr_db is not None and not image.preview:
                self._window.add("PSNR", image.psnr_db)
