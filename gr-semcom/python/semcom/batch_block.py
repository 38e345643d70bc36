# SPDX-License-Identifier: GPL-3.0-or-later
"""PDUs in, batches through a codec, PDUs out: what the encoder and the decoder share."""

from collections import deque
from collections.abc import Hashable
from typing import Any

import pmt

from .pdu_block import worker_block

MAX_BATCH_PIXELS = 512 * 512
"""A batch grows no further than this, so that large pictures go one by one and memory stays bounded."""


class batch_block(worker_block):
    """Collects PDUs and works on all that are queued at once, on a thread of its own.

    The thread sleeps until a PDU arrives.  It then takes up to ``batch`` of them, in order and with at most
    ``MAX_BATCH_PIXELS`` pixels together (one picture at least), runs those of one kind together, and publishes
    the results in the order of arrival.  What is queued when the flowgraph stops waits for its next start.

    A subclass says what a PDU means (:meth:`_parse`), which may go together (:meth:`_kind`), what to do (:meth:`_run`),
    and which of the queued ones the next makes needless (:meth:`_supersedes`).
    """

    def __init__(self, name: str, *, inport: str, outport: str, batch: int) -> None:
        worker_block.__init__(self, name)
        if batch < 1:
            raise ValueError(f"batch is {batch}; it must be 1 or more.")
        self._batch = batch
        self._outport = outport
        self._queue: deque[Any] = deque()
        self._working = 0
        self._listen(inport, self._on_pdu)
        self._offer(outport)

    def _parse(self, pdu: pmt.pmt_base) -> Any:
        """An item with ``height`` and ``width`` in pixels, and ``preview``; raises for a bad PDU."""
        raise NotImplementedError

    def _kind(self, item: Any) -> Hashable:
        raise NotImplementedError

    def _supersedes(self, item: Any, queued: Any) -> bool:
        """Whether ``queued`` need not be worked on any more, now that ``item`` has come."""
        return False

    def _run(self, items: list[Any]) -> list[pmt.pmt_base | None]:
        """One PDU an item, None for nothing to publish; all items are of one kind."""
        raise NotImplementedError

    def pending(self) -> int:
        """How many pictures are queued or being worked on."""
        with self._changed:
            return len(self._queue) + self._working

    def _on_pdu(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            item = self._parse(pdu)
            with self._changed:
                self._queue = deque(queued for queued in self._queue if not self._supersedes(item, queued))
                self._queue.append(item)
                self._changed.notify()

    def _take(self) -> list[Any]:
        """The next batch; empty once the block is stopping."""
        with self._changed:
            self._working = 0
            self._changed.wait_for(lambda: self._queue or self._stopping)
            taken: list[Any] = []
            pixels = 0
            while self._queue and not self._stopping and len(taken) < self._batch:
                pixels += self._queue[0].height * self._queue[0].width
                if taken and pixels > MAX_BATCH_PIXELS:
                    break
                taken.append(self._queue.popleft())
            self._working = len(taken)
            return taken

    def _work(self) -> None:
        while items := self._take():
            places: dict[Hashable, list[int]] = {}
            for place, item in enumerate(items):
                places.setdefault(self._kind(item), []).append(place)
            results: dict[int, pmt.pmt_base | None] = {}
            for group in places.values():
                together = [items[place] for place in group]
                with self.guard(sum(not item.preview for item in together)):
                    results.update(zip(group, self._run(together), strict=True))
            for place in sorted(results):
                if results[place] is not None:
                    self._publish(self._outport, results[place])
