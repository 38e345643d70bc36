# SPDX-License-Identifier: GPL-3.0-or-later
"""For as long as it takes: nothing lost, nothing mixed up, memory flat."""

import gc
import os
import time
from pathlib import Path

import numpy as np
from bench_radio import count_mixed, photo_pieces, repeated, send
from hw_report import Section
from matplotlib.axes import Axes
from semcom_models.codec import Codec
from wiring import Wiring

SOAK_S, QUICK_S = 600.0, 15.0
ROUND, QUICK_ROUND = 500, 60  # pictures
LEAST_ROUNDS = 4
GROWTH_MB = 20.0  # behind the first third


def test_a_soak(wiring: Wiring, codec: Codec, section: Section, quick: bool) -> None:
    """Pictures for ten minutes (15 seconds in the quick form): none lost, none mixed up, the radio reports as many
    bursts as were made, no samples lost, and memory does not grow."""
    pictures = repeated(photo_pieces(), QUICK_ROUND if quick else ROUND)
    began, rows = time.monotonic(), []
    while time.monotonic() - began < (QUICK_S if quick else SOAK_S) or len(rows) < LEAST_ROUNDS:
        sent = send(pictures, radio=wiring.radio(), codec=codec)
        rows.append(
            {"after, s": time.monotonic() - began, "sent": len(sent.deliveries), "lost": sent.lost}
            | {"mixed up": count_mixed(sent.received), "bursts made": sent.frames, "bursts sent": sent.counts.bursts}
            | {"U": sent.counts.underflows, "L": sent.counts.late, "S": sent.counts.sequence_errors, "O": sent.gaps}
        )
        del sent
        gc.collect()
        rows[-1]["memory, MB"] = _resident_mb()
    shown = np.linspace(0, len(rows) - 1, min(len(rows), 20)).astype(int)
    section.table([rows[number] for number in shown])
    after_s, memory_mb = ([row[key] for row in rows] for key in ("after, s", "memory, MB"))

    def draw(axes: Axes) -> None:
        axes.plot(after_s, memory_mb, "o-")
        axes.set(xlabel="s", ylabel="resident memory, MB", ylim=(0, 1.2 * max(memory_mb)))

    section.plot(draw, alt="memory against time")
    section.note(f"{sum(row['sent'] for row in rows)} pictures in {after_s[-1]:.0f} s.")
    for row in rows:
        assert (row["lost"], row["mixed up"]) == (0, 0)
        assert row["bursts made"] == row["bursts sent"]
        assert (row["U"], row["L"], row["S"], row["O"]) == (0, 0, 0, 0)
    settled = memory_mb[len(memory_mb) // 3 :]
    assert settled[-1] - settled[0] < GROWTH_MB


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
