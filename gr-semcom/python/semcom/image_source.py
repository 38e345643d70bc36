# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that sends pictures: files, folders, data sets, arrays."""

import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pmt

from .image_files import ImageError, find_pictures
from .pdu_block import sentence, worker_block
from .pdus import MAX_ID, ImagePdu, acknowledged_id


class image_source(worker_block):
    """Publishes image PDUs at ``images``, one a picture, in order, from the start of the flowgraph on.

    PDUs have no back-pressure.  Connect ``sent`` of the burst transmitter to ``ack``, and at most ``window``
    pictures are between this block and the air.  An acknowledgement stands for all pictures before it too.  Where
    other blocks drop all that are on their way, none will come: after ``PATIENCE_S`` without one the block warns
    and goes on.  If one of those pictures turns out to have been slow, it has twice the patience from then on.

    Files are read when their turn comes.  One that cannot be read is named in a warning and skipped.  Stopped and
    started again, the block goes on with the next picture.

    Args:
        images: what to send, see :func:`image_files.find_pictures`; a str is "photos", "cifar10", "mnist" or a
            path.
        window: pictures that may be on their way; 0 sends everything at once and needs no ``ack``.
        repeat: begin again after the last picture, for ever.
        period_s: seconds between two pictures at least, for those who watch them arrive.

    Raises:
        ImageError: something that ``images`` names is missing, or none of the pictures can be read.
    """

    PATIENCE_S = 30.0

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
        self._patience_s = self.PATIENCE_S
        self._gave_up = False  # since the last acknowledgement
        while self._read_next() is None:
            if not self._pictures:
                raise ImageError("No picture can be sent. " + " ".join(self._unreadable))
        self._offer("images")
        self._listen("ack", self._on_ack)

    def sent(self) -> int:
        """How many pictures were published."""
        return self._sent

    def pictures(self) -> int:
        """How many there are to send in one round, as far as is known."""
        return len(self._pictures)

    def finish(self) -> None:
        """Where it repeats: the round under way is the last one."""
        with self._changed:
            self._repeat = False

    def unreadable(self) -> list[str]:
        """One sentence for each picture that was skipped so far."""
        return list(self._unreadable)

    def done(self) -> bool:
        """Whether every picture was published and, where there is a window, is on air or given up."""
        with self._changed:
            published = self._next == len(self._pictures) and not self._repeat
            return published and (self._window == 0 or self._on_the_way() == 0)

    def _read_next(self) -> pmt.pmt_base | None:
        """The next picture as a PDU; None, and it is forgotten, where it cannot be read."""
        picture = self._pictures[self._next]
        try:
            return ImagePdu(self._sent % (MAX_ID + 1), picture.name, picture.pixels()).to_pmt()
        except Exception as error:
            why = str(error) if isinstance(error, ImageError) else f"{picture.name}: {sentence(error)}"
            self._unreadable.append(why)
            self.logger.warn(f"skipped {why}")
            del self._pictures[self._next]
            return None

    def _work(self) -> None:
        while self._wait_for_credit():
            pdu = self._read_next()
            if pdu is None:
                continue
            with self._changed:
                self._sent += 1
                self._next += 1
            self._publish("images", pdu)
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, self._period_s)

    def _wait_for_credit(self) -> bool:
        """False where there is nothing more to send, all of it being on air or given up, or the block is stopping."""
        with self._changed:
            if self._repeat and self._pictures:
                self._next %= len(self._pictures)
            more = self._next < len(self._pictures)
            most = self._window - 1 if more else 0
            while self._window and self._on_the_way() > most and not self._stopping:
                if not self._changed.wait(self._patience_s):
                    self._give_up()
            return more and not self._stopping

    def _give_up(self) -> None:
        self.logger.warn(
            f"goes on after {self._patience_s:g} s without an acknowledgement; pictures given up: {self._on_the_way()} "
            "(did another block drop them? is ack connected?)"
        )
        self._acknowledged = self._sent
        self._gave_up = True

    def _on_ack(self, message: pmt.pmt_base) -> None:
        with self.guard():
            image_id = acknowledged_id(message)
            with self._changed:
                newly = (image_id + 1 - self._acknowledged) % (MAX_ID + 1)
                if 0 < newly <= self._on_the_way():
                    self._acknowledged += newly
                elif self._gave_up:  # too early: the link is slow
                    self._patience_s *= 2
                self._gave_up = False
                self._changed.notify()

    def _on_the_way(self) -> int:
        return self._sent - self._acknowledged
