# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that says how good the link is."""

import math
from collections import deque
from dataclasses import dataclass

import pmt

from .pdu_block import RateLimit, pdu_block
from .pdus import Fragments, FrameReport, make_dict


@dataclass(frozen=True)
class LinkStats:
    """A link so far.

    ``snr_db`` (Es/N0 as the receiver estimates it), ``cfo_hz`` and ``evm_percent`` (over pilots, rms) are of the
    latest ``link_probe.AVERAGE`` frames whose header was read, NaN before the first; SNR is averaged in dB.
    """

    frames: int
    headers_failed: int
    images: int
    fragments: int
    fragments_lost: int
    snr_db: float
    cfo_hz: float
    evm_percent: float

    def __str__(self) -> str:
        return (
            f"SNR {self.snr_db:.1f} dB, CFO {self.cfo_hz:+.1f} Hz, EVM {self.evm_percent:.1f} %, "
            f"{self.frames} frames and {self.headers_failed} with a bad header, "
            f"{self.images} images with {self.fragments_lost} of {self.fragments} fragments lost"
        )


class link_probe(pdu_block):
    """Watches a burst receiver: its ``frames`` at ``frames``, its ``images`` at ``images`` (which counts erasures).

    Publishes :class:`LinkStats` as a pmt dictionary at ``stats`` and as a line of the log, each time something
    arrives but at most once in ``period_s`` seconds, and a last time when the flowgraph stops (when the blocks that
    ``stats`` goes to may have stopped too; the log has it).

    Args:
        period_s: seconds between two reports at least; 0 reports every frame and image.
        log: write the line.
    """

    AVERAGE = 64

    def __init__(self, *, period_s: float = 1.0, log: bool = True) -> None:
        pdu_block.__init__(self, "link_probe")
        if not period_s >= 0:
            raise ValueError(f"period_s is {period_s}; it must be 0 or more.")
        self._log = log
        self._may_report = RateLimit(period_s)
        self._unreported = False
        self._frames = 0
        self._headers_failed = 0
        self._images = 0
        self._fragments = 0
        self._fragments_lost = 0
        self._latest: deque[FrameReport] = deque(maxlen=self.AVERAGE)
        self._listen("frames", self._on_frame)
        self._listen("images", self._on_image)
        self._offer("stats")

    def stats(self) -> LinkStats:
        """The link so far."""
        latest = list(self._latest)
        return LinkStats(
            frames=self._frames,
            headers_failed=self._headers_failed,
            images=self._images,
            fragments=self._fragments,
            fragments_lost=self._fragments_lost,
            snr_db=_mean([frame.snr_db for frame in latest]),
            cfo_hz=_mean([frame.cfo_hz for frame in latest]),
            evm_percent=math.sqrt(_mean([frame.evm_percent**2 for frame in latest])),
        )

    def stop(self) -> bool:
        if self._unreported:
            self._report()
        return True

    def _on_frame(self, report: pmt.pmt_base) -> None:
        with self.guard():
            frame = FrameReport.from_pmt(report)
            if frame.evm_percent is None:
                self._headers_failed += 1
            else:
                self._frames += 1
                self._latest.append(frame)
            self._report_if_due()

    def _on_image(self, pdu: pmt.pmt_base) -> None:
        with self.guard():
            image = Fragments.from_pmt(pdu)
            self._images += 1
            self._fragments += image.fragments
            self._fragments_lost += image.fragments_lost
            self._report_if_due()

    def _report_if_due(self) -> None:
        self._unreported = True
        if self._may_report.ready():
            self._report()

    def _report(self) -> None:
        self._unreported = False
        stats = self.stats()
        self._publish("stats", make_dict(**vars(stats)))
        if self._log:
            self.logger.info(str(stats))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
