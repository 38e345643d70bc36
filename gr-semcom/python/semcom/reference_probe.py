# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that knows what was sent, and says how like it the received pictures are."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pmt

from .image_files import find_pictures
from .pdu_block import pdu_block
from .pdus import MAX_ID, ImagePdu


@dataclass(frozen=True)
class ReferenceCounts:
    """Of pictures so far: ``compared``, and ``mixed`` up, whose size is not that of the one sent under their id."""

    compared: int = 0
    mixed: int = 0


class reference_probe(pdu_block):
    """Image PDUs in at ``images``; the same out at ``images`` with ``psnr_db`` against the picture that was sent.

    It reads the pictures that the Image Source at the other end sends, in the same order: picture number i of N is
    the one with image id i, N + i, and so on, ids beginning again after 65535.  It has to be there in the first round
    of ids.  Previews are compared too.

    Args:
        images: what the source was told to send, see :func:`image_files.find_pictures`; all of it is kept in memory.
            Empty: pictures pass as they are.

    Raises:
        ImageError: something that ``images`` names is missing or unreadable.
    """

    def __init__(self, images: str | Path | np.ndarray | Iterable) -> None:
        pdu_block.__init__(self, "reference_probe")
        unknown = isinstance(images, str) and not images
        self._sent = [] if unknown else [picture.pixels() for picture in find_pictures(images)]
        self._counts = ReferenceCounts()
        self._latest: int | None = None  # its number over all rounds of ids
        self._listen("images", self._on_image)
        self._offer("images")

    def counts(self) -> ReferenceCounts:
        """So far."""
        return self._counts

    def _on_image(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            image = ImagePdu.from_pmt(pdu)
            if self._sent:
                image = self._compared(image)
            self._publish("images", image.to_pmt())

    def _compared(self, image: ImagePdu) -> ImagePdu:
        sent = self._sent[self._number_of(image.image_id) % len(self._sent)]
        fits = sent.shape == image.pixels.shape
        if not image.preview:
            self._counts = replace(
                self._counts, compared=self._counts.compared + 1, mixed=self._counts.mixed + (not fits)
            )
        return replace(image, psnr_db=_psnr_db(sent, image.pixels)) if fits else image

    def _number_of(self, image_id: int) -> int:
        """How many pictures were sent before: of all the numbers with this id that which is nearest to the latest."""
        ids, latest = MAX_ID + 1, image_id if self._latest is None else self._latest
        self._latest = latest + (image_id - latest + ids // 2) % ids - ids // 2
        return self._latest


def _psnr_db(sent: np.ndarray, received: np.ndarray) -> float:
    error = np.mean((sent.astype(np.float32) - received) ** 2)
    return 10 * math.log10(255**2 / error) if error else math.inf
