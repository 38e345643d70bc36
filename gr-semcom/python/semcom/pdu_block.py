# SPDX-License-Identifier: GPL-3.0-or-later
"""What the message blocks of this module share: a bad PDU costs that PDU, never the flowgraph."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pmt
from gnuradio import gr


class RateLimit:
    """Says yes at most once in ``period_s`` seconds, and the first time at once."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._next = -float("inf")

    def ready(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._period_s
        return True


class pdu_block(gr.basic_block):
    """A block with message ports only.

    An exception that leaves a message handler ends the block's thread, so every handler (and every other
    thread of a block) works inside :meth:`guard`.
    """

    WARN_PERIOD_S = 1.0

    def __init__(self, name: str) -> None:
        gr.basic_block.__init__(self, name=name, in_sig=None, out_sig=None)
        self._dropped = 0
        self._drop_lock = threading.Lock()
        self._may_warn = RateLimit(self.WARN_PERIOD_S)

    def dropped(self) -> int:
        """How many PDUs were dropped so far because something was wrong with them; previews that fail do not count."""
        return self._dropped

    @contextmanager
    def guard(self, pdus: int = 1) -> Iterator[None]:
        """Whatever goes wrong inside costs ``pdus`` PDUs, which are counted, and a warning.

        At most one warning a second is printed; it carries the count.  With none to count there is none.
        """
        try:
            yield
        except Exception as error:
            if not pdus:
                return
            self._drop(pdus)
            with self._drop_lock:
                total, warn = self._dropped, self._may_warn.ready()
            if warn:
                self.logger.warn(f"dropped a PDU ({total} so far): {sentence(error)}")

    def _drop(self, pdus: int = 1) -> None:
        with self._drop_lock:
            self._dropped += pdus

    def _listen(self, port: str, handler: Callable[[pmt.pmt_base], None]) -> None:
        self.message_port_register_in(pmt.intern(port))
        self.set_msg_handler(pmt.intern(port), handler)

    def _offer(self, port: str) -> None:
        self.message_port_register_out(pmt.intern(port))

    def _publish(self, port: str, message: pmt.pmt_base) -> None:
        self.message_port_pub(pmt.intern(port), message)


class worker_block(pdu_block):
    """A block of message ports with a thread of its own, which runs :meth:`_work` while the flowgraph does.

    ``_changed`` guards what the thread and the handlers share; whoever changes it notifies.
    """

    def __init__(self, name: str) -> None:
        pdu_block.__init__(self, name)
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def _work(self) -> None:
        """Returns soon after ``_stopping`` was set and notified."""
        raise NotImplementedError

    def start(self) -> bool:
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name=self.alias(), daemon=True)
        self._thread.start()
        return True

    def stop(self) -> bool:
        """Lets the thread finish what it has at hand."""
        if self._thread is not None:
            with self._changed:
                self._stopping = True
                self._changed.notify()
            self._thread.join()
            self._thread = None
        return True


def sentence(error: Exception) -> str:
    """The text of an error that is meant to be read; of an unexpected one the type and the first line."""
    if isinstance(error, (ValueError, OSError)) or type(error).__name__ == "CodecError":
        return str(error)
    return f"{type(error).__name__}: {error}".splitlines()[0]
