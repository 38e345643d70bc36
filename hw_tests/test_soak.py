# SPDX-License-Identifier: GPL-3.0-or-later
"""For as long as it takes: nothing lost, nothing mixed up, memory flat."""

import gc
import os
import time
from pathlib import Path

from bench_radio import WINDOW, count_mixed, photo_pieces
from hw_report import Report, Section
from link import Delivery, Link
from matplotlib.axes import Axes
from radio import Radio
from semcom_models.codec import Codec
from wiring import Wiring

DIFFERENT = 60  # pictures, sent over and over
ROWS = 20
GROWTH_MB = 20.0  # behind the first third


def test_a_soak(wiring: Wiring, codec: Codec, section: Section, report: Report) -> None:
    """Pictures without a pause for ten minutes (15 seconds in the quick form, or --soak-minutes): none lost, none mixed
    up, as many bursts sent and found as were made, no samples lost, and memory does not grow."""
    radio = wiring.radio()
    link = Link(photo_pieces()[:DIFFERENT], codec=codec, medium=radio, window=WINDOW, repeat=True)
    began = time.monotonic()
    rows: list[dict] = []
    arrived: list[Delivery] = []  # since the last row
    for delivery in link.deliveries():
        arrived.append(delivery)
        after_s = time.monotonic() - began
        if after_s >= report.soak_s:
            link.source.finish()
        elif after_s > report.soak_s * len(rows) / ROWS:
            rows.append(_row(after_s, arrived, rows, link, radio))
            arrived.clear()
    rows.append(_row(time.monotonic() - began, arrived, rows, link, radio))
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


def _row(after_s: float, arrived: list[Delivery], before: list[dict], link: Link, radio: Radio) -> dict:
    """The counters so far; ``arrived`` is what came since the rows ``before``."""
    received = [delivery for delivery in arrived if delivery.received is not None]
    so_far = before[-1] if before else {"received": 0, "mixed up": 0}
    counts, receiver = radio.monitor.counts(), link.receiver
    gc.collect()
    return {
        "after, s": after_s,
        "sent": link.source.sent(),
        "received": so_far["received"] + len(received),
        "mixed up": so_far["mixed up"] + (count_mixed(received) if received else 0),
        "bursts made": link.transmitter.frames(),
        "bursts sent": counts.bursts,
        "bursts found": receiver.frames(),
        **{"U": counts.underflows, "L": counts.late, "S": counts.sequence_errors, "O": receiver.gaps()},
        "memory, MB": _resident_mb(),
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
