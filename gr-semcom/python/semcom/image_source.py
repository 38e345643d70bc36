# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that sends pictures: files, folders, data sets, arrays."""

import dataclasses
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pmt

from .image_files import ImageError, Picture, find_pictures
from .pdu_block import worker_block
from .pdus import MAX_ID, ImagePdu, acknowledged_id


class image_source(worker_block):
    """Publishes image PDUs at ``images``, one a picture, in order, from the start of the flowgraph on.

    PDUs have no back-pressure.  Connect ``sent`` of the burst transmitter to ``ack``, and at most ``window``
    pictures are between this block and the air.  An acknowledgement stands for all pictures before it too, so a
    picture that another block drops costs no credit for long.

    Files are read when their turn comes.  One that cannot be read is named in a warning and skipped.  Stopped and
    started again, the block goes on with the next picture.

    Args:
        images: what to send, see :func:`image_files.find_pictures`; a str is "photos", "cifar10" or a path.
        window: pictures that may be on their way; 0 sends everything at once and needs no ``ack``.
        repeat: begin again after the last picture, for ever.
        period_s: seconds between two pictures at least, for those who watch them arrive.

    Raises:
        ImageError: something that ``images`` names is missing, or none of the pictures can be read.
    """

    def __init__(
        self,
        images: str | Path | np.ndarray | Iterable,
        *,
        window: int = 8,
        repeat: bool = False,
        period_s: float = 0.0,
    ) -> None:
        worker_block.__init__(self, "image_source")
        if not 0 <= window <= MAX_ID // 2:
            raise ValueError(f"window is {window}; it must be 0 to {MAX_ID // 2}.")
        if not 0 <= period_s <= threading.TIMEOUT_MAX:
            raise ValueError(f"period_s is {period_s}; it must be 0 or more.")
        self._window = window
        self._repeat = repeat
        self._period_s = period_s
        self._unreadable: list[str] = []
        self._pictures = find_pictures(images)  # less those that turn out to be unreadable
        self._next = 0  # of self._pictures
        self._sent = 0
        self._acknowledged = 0  # this many of the sent ones
        while self._read_next() is None:
            if not self._pictures:
                raise ImageError("No picture can be sent. " + " ".join(self._unreadable))
        self._offer("images")
        self._listen("ack", self._on_ack)

    def sent(self) -> int:
        """How many pictures were published."""
        return self._sent

    def unreadable(self) -> list[str]:
        """One sentence for each picture that was skipped so far."""
        return list(self._unreadable)

    def done(self) -> bool:
        """Whether every picture was published and, where there is a window, is on air."""
        with self._changed:
            published = self._next == len(self._pictures) and not self._repeat
            return published and (self._window == 0 or self._on_the_way() == 0)

    def _read_next(self) -> Picture | None:
        """The next picture with its pixels; None, and it is forgotten, where they cannot be read."""
        picture = self._pictures[self._next]
        try:
            return dataclasses.replace(picture, source=picture.pixels())
        except ImageError as error:
            self._unreadable.append(str(error))
            self.logger.warn(f"skipped {error}")
            del self._pictures[self._next]
            return None

    def _work(self) -> None:
        while self._wait_for_credit():
            picture = self._read_next()
            if picture is None:
                continue
            with self._changed:
                image_id = self._sent % (MAX_ID + 1)
                self._sent += 1
                self._next += 1
            self._publish("images", ImagePdu(image_id, picture.name, picture.source).to_pmt())
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, self._period_s)

    def _wait_for_credit(self) -> bool:
        """False where there is nothing more to send, or the block is stopping."""
        with self._changed:
            if self._window:
                self._changed.wait_for(lambda: self._stopping or self._on_the_way() < self._window)
            if self._repeat and self._pictures:
                self._next %= len(self._pictures)
            return not self._stopping and self._next < len(self._pictures)

    def _on_ack(self, message: pmt.pmt_base) -> None:
        with self.guard():
            image_id = acknowledged_id(message)
            with self._changed:
                newly = (image_id + 1 - self._acknowledged) % (MAX_ID + 1)
                if newly <= self._on_the_way():
                    self._acknowledged += newly
                    self._changed.notify()

    def _on_the_way(self) -> int:
        return self._sent - self._acknowledged
