# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness of demo and bench: whatever the threads do, each picture is accounted for once."""

import itertools

import numpy as np
import pytest
from gnuradio.semcom.pdus import Reception
from loopback import Air, Loopback
from semcom_models.codec import Codec
from semcom_models.semcc import SemCC

PICTURE = np.zeros((8, 8, 3), np.uint8)
RECEPTION = Reception(snr_db=10.0, cfo_hz=0.0, erased=0.0)
REPORTS = (
    {"name": "grey", "sent": PICTURE, "started": 1.0},
    {"samples": 700},
    {"symbols": np.ones(8, np.complex64)},
    {"received": PICTURE, "reception": RECEPTION, "ended": 1.5},
)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(name="small", networks=SemCC(widths=(4, 4, 4), symbols_per_cell=2, coding_blocks=0), engine="torch")


@pytest.mark.parametrize("order", itertools.permutations(range(len(REPORTS))))
def test_reports_on_a_picture_may_come_in_any_order(codec: Codec, order: tuple[int, ...]) -> None:
    link = Loopback(PICTURE[np.newaxis], codec=codec, air=Air(snr_db=10))
    for number in order:
        assert link._finished.empty()
        link._note(3, **REPORTS[number])
    delivery = link._finished.get_nowait()
    assert (delivery.name, delivery.samples, delivery.ms) == ("grey", 700, pytest.approx(500))
    assert delivery.received is PICTURE
    assert not link._in_flight
