# SPDX-License-Identifier: GPL-3.0-or-later
"""./semcom tx and rx as processes on a virtual air, and what they are to receive there: for tests and recordings."""

import math
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from link import Delivery
from numpy.typing import NDArray
from PIL import Image

APPS = Path(__file__).resolve().parent
PATIENCE_S = 300
LOSS_DB = 40.0
RX_GAIN_DB = 30.0
AMPLITUDE = 0.18  # what semcc_tx has
TX_GAIN_STEP_DB = 0.25


def start(program: str, *options: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(APPS / f"semcom_{program}.py"), *map(str, options)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=_hear_interrupts
    )


def _hear_interrupts() -> None:
    """Which what is started in the background of a script does not, nor what that starts in turn."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(program: str, *options: object) -> tuple[int, str]:
    running = start(program, *options)
    said, _ = running.communicate(timeout=PATIENCE_S)
    return running.returncode, said


@contextmanager
def started(program: str, *options: object) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive the block."""
    running = start(program, *options)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def wait_for(words: str, said: IO[str]) -> str:
    """The line that has these words."""
    seen = []
    for line in said:
        seen.append(line)
        if words in line:
            return line
    raise AssertionError("".join(seen))


def interrupt(running: subprocess.Popen[str]) -> tuple[int, str]:
    """Ctrl-C."""
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=PATIENCE_S)
    return running.returncode, said


def save_album(folder: Path, pictures: NDArray[np.uint8]) -> Path:
    """uint8 [N, H, W, 3] as files whose names have the order."""
    folder.mkdir(exist_ok=True)
    for number, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{number:05d}.png")
    return folder


def load_received(folder: Path, sent: NDArray[np.uint8]) -> list[Delivery]:
    """What ``rx --folder`` wrote of pictures that are sent over and over, in the order of ids."""
    deliveries = []
    for path in sorted(folder.glob("*.png")):
        image_id = int(path.name.partition("_")[0])
        deliveries.append(
            Delivery(str(image_id), sent[image_id % len(sent)], received=np.asarray(Image.open(path).convert("RGB")))
        )
    return deliveries


def true_snr_db(tx_gain_db: float) -> float:
    """Es/N0 by the formula of uhd-virtual/README.md, at 1 MS/s and the levels above."""
    sent_dbm = 10 - (89.75 - tx_gain_db) + 20 * math.log10(AMPLITUDE)
    thermal_dbm = -173.975 + 60 + 7
    rounding_dbm = -RX_GAIN_DB - 74.0
    return sent_dbm - LOSS_DB - 10 * math.log10(10 ** (thermal_dbm / 10) + 10 ** (rounding_dbm / 10))


def tx_gain_for(snr_db: float) -> float:
    """The transmitter's gain in dB that comes nearest to that Es/N0."""
    return TX_GAIN_STEP_DB * round((snr_db - true_snr_db(0)) / TX_GAIN_STEP_DB)
