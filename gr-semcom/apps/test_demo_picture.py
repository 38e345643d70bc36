# SPDX-License-Identifier: GPL-3.0-or-later

from pathlib import Path

import numpy as np
from demo_picture import POINTS, SIDE, DemoPicture
from demo_rows import Row
from gnuradio.semcom.pdus import ReceivedPdu
from link import Delivery
from PIL import Image

SYMBOLS = 100_000
ARRIVAL = ReceivedPdu(
    3, 1, 1500, 2000, 10.0, 0.0, 1, 0, np.ones(SYMBOLS, np.complex64), np.ones(SYMBOLS, np.float32)
)  # fmt: skip


def test_little_is_kept_of_large_pictures(tmp_path: Path) -> None:
    snrs = [20.0, 0.0, 10.0, 5.0, 15.0]
    picture = DemoPicture(snrs)
    for number in range(6):
        sent = np.full((1500, 2000, 3), 40 * number, np.uint8)
        for snr_db in snrs:
            lost = snr_db == 0.0
            received = None if lost else sent
            arrivals = () if lost else (ARRIVAL,)
            delivery = Delivery(f"picture {number}", sent, 5, received, None, arrivals, None if lost else 1.0)
            row = Row(delivery.name, "c", 0.1, 0.2, snr_db, None, 30.0 - lost, None, "cat", None, delivery.ms)
            picture.add(row, delivery)
    kept = [*picture._sent.values(), *(pixels for pixels, _ in picture._seen.values())]
    assert (len(kept), max(side for pixels in kept for side in pixels.shape)) == (4 * (1 + 3), SIDE)
    assert [(symbols.size, symbols.base) for symbols in picture._symbols.values()] == [(POINTS, None)] * 4
    picture.draw(tmp_path / "demo.png")
    assert [path.name for path in tmp_path.iterdir()] == ["demo.png"]
    with Image.open(tmp_path / "demo.png") as drawn:
        assert min(drawn.size) > 400


def test_two_codecs_are_drawn_one_below_the_other(tmp_path: Path) -> None:
    picture = DemoPicture([0.0, 10.0], codecs=2)
    for codec in ("first", "second"):
        for snr_db in (0.0, 10.0):
            for number in range(3):
                sent = np.full((8, 8, 3), 40 * number, np.uint8)
                delivery = Delivery(f"picture {number}", sent, 5, sent, None, (ARRIVAL,), 1.0)
                row = Row(delivery.name, codec, 0.1, 0.2, snr_db, None, 30.0, None, "cat", None, 1.0)
                picture.add(row, delivery)
    shown = [(codec, f"picture {number}") for number in (0, 1) for codec in ("first", "second")]
    assert sorted(picture._sent, key=picture._order) == shown
    assert {codec for codec, _ in picture._symbols} == {"first"}
    picture.draw(tmp_path / "demo.png")
    with Image.open(tmp_path / "demo.png") as drawn:
        assert min(drawn.size) > 400
