# SPDX-License-Identifier: GPL-3.0-or-later
"""For as long as it takes: nothing lost, nothing mixed up, memory flat."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench_radio import DIFFERENT, WINDOW, count_mixed, unlike_pieces
from hw_report import Report, Section
from link import Delivery, Link
from matplotlib.axes import Axes
from radio import Radio
from semcom_models.codec import Codec
from wiring import Wiring

LOOKED_AT_TOGETHER = 100
ROWS = 20
GROWTH_MB = 20.0  # behind the first third


def test_a_soak(wiring: Wiring, codec: Codec, section: Section, report: Report) -> None:
    """Pictures without a pause for ten minutes (15 seconds in the quick form, or --soak-minutes): none lost, none mixed
    up, as many bursts sent and found as were made, no samples lost, and memory does not grow."""
    radio = wiring.radio()
    link = Link(unlike_pieces(DIFFERENT), codec=codec, medium=radio, window=WINDOW, repeat=True)
    began, seen, rows = time.monotonic(), _Seen(), []
    for delivery in link.deliveries():
        seen.add(delivery)
        after_s = time.monotonic() - began
        if after_s >= report.soak_s:
            link.source.finish()
        elif after_s > report.soak_s * len(rows) / ROWS:
            rows.append(_row(after_s, seen, link, radio))
    seen.check()
    rows.append(_row(time.monotonic() - began, seen, link, radio))
    section.table(rows)

    def draw(axes: Axes) -> None:
        after_s, memory_mb = ([row[key] for row in rows] for key in ("after, s", "memory, MB"))
        axes.plot(after_s, memory_mb, "o-")
        axes.set(xlabel="s", ylabel="resident memory, MB", ylim=(0, 1.2 * max(memory_mb)))

    section.plot(draw, alt="memory against time")
    last, settled = rows[-1], rows[len(rows) // 3 :]
    section.note(f"{last['sent']:,} pictures, {last['sent'] / last['after, s']:.0f} a second.")
    assert (last["received"], last["mixed up"]) == (last["sent"], 0)
    assert last["bursts made"] == last["bursts sent"] == last["bursts found"]
    assert (last["U"], last["L"], last["S"], last["O"]) == (0, 0, 0, 0)
    assert settled[-1]["memory, MB"] - settled[0]["memory, MB"] < GROWTH_MB


@dataclass
class _Seen:
    """What came so far; pictures are looked at some together, and not kept."""

    received: int = 0
    mixed_up: int = 0
    waiting: list[Delivery] = field(default_factory=list)

    def add(self, delivery: Delivery) -> None:
        self.waiting.append(delivery)
        if len(self.waiting) == LOOKED_AT_TOGETHER:
            self.check()

    def check(self) -> None:
        came = [delivery for delivery in self.waiting if delivery.received is not None]
        self.received += len(came)
        self.mixed_up += count_mixed(came) if came else 0
        self.waiting.clear()


def _row(after_s: float, seen: _Seen, link: Link, radio: Radio) -> dict:
    """The counters so far."""
    counts, receiver = radio.monitor.counts(), link.receiver
    return {
        "after, s": after_s,
        "sent": link.source.sent(),
        "received": seen.received,
        "mixed up": seen.mixed_up,
        "bursts made": link.transmitter.frames(),
        "bursts sent": counts.bursts,
        "bursts found": receiver.frames(),
        **{"U": counts.underflows, "L": counts.late, "S": counts.sequence_errors, "O": receiver.gaps()},
        "memory, MB": _resident_mb(),
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
