# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that counts what a radio complains of."""

from dataclasses import dataclass, replace

import pmt

from .pdu_block import RateLimit, pdu_block
from .pdus import make_dict, radio_events


@dataclass(frozen=True)
class RadioCounts:
    """What a transmitting radio has reported so far.

    ``bursts`` were sent whole; ``underflows``: samples came too late to go on; ``late``: a burst's time had passed;
    ``sequence_errors``: packets were lost on the way to it.
    """

    bursts: int = 0
    underflows: int = 0
    late: int = 0
    sequence_errors: int = 0

    @property
    def drops(self) -> int:
        """How often something of the signal was lost."""
        return self.underflows + self.late + self.sequence_errors

    def __str__(self) -> str:
        return (
            f"{self.bursts} bursts sent; {self.underflows} underflows (U), {self.late} late bursts (L), "
            f"{self.sequence_errors} sequence errors (S)"
        )


_COUNTED_AS = {
    "burst_ack": "bursts",
    "underflow": "underflows",
    "underflow_in_packet": "underflows",
    "time_error": "late",
    "seq_error": "sequence_errors",
    "seq_error_in_burst": "sequence_errors",
}


class radio_monitor(pdu_block):
    """Takes the asynchronous messages of a USRP Sink (``async_msgs``) at ``async``, and counts them.

    Publishes :class:`RadioCounts` as a pmt dictionary at ``counts``, and warns in the log whenever something was lost,
    both at most once in ``period_s`` seconds.

    Args:
        period_s: seconds between two reports at least; 0 reports each message.
    """

    def __init__(self, *, period_s: float = 1.0) -> None:
        pdu_block.__init__(self, "radio_monitor")
        if not period_s >= 0:
            raise ValueError(f"period_s is {period_s}; it must be 0 or more.")
        self._counts = self._warned_of = RadioCounts()
        self._may_publish, self._may_warn_of_drops = RateLimit(period_s), RateLimit(period_s)
        self._listen("async", self._on_event)
        self._offer("counts")

    def counts(self) -> RadioCounts:
        """So far."""
        return self._counts

    def stop(self) -> bool:
        self._publish("counts", make_dict(**vars(self._counts)))
        self._warn()
        return True

    def _on_event(self, message: pmt.pmt_base) -> None:
        with self.guard():
            for event in radio_events(message):
                name = _COUNTED_AS.get(event)
                if name:
                    self._counts = replace(self._counts, **{name: getattr(self._counts, name) + 1})
            if self._may_publish.ready():
                self._publish("counts", make_dict(**vars(self._counts)))
            if self._counts.drops > self._warned_of.drops and self._may_warn_of_drops.ready():
                self._warn()

    def _warn(self) -> None:
        if self._counts.drops > self._warned_of.drops:
            self.logger.warn(f"{self._counts}: lower the sample rate, or the load of this machine")
            self._warned_of = self._counts
