# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness of demo and bench: whatever the threads do, each picture is accounted for once."""

import itertools
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import link as link_module
import numpy as np
import pytest
import torch
from air import Air
from errors import AppError
from gnuradio import gr
from gnuradio.semcom.pdus import ReceivedPdu, Reception
from link import Link
from PIL import Image
from semcom_models import measure
from semcom_models.adaptive import Adaptive
from semcom_models.aesc.autoencoders import MnistAutoencoder
from semcom_models.aesc.codec import AescCodec
from semcom_models.codec import Codec
from semcom_models.errors import CodecError
from semcom_models.semcc import SemCC
from sharpening import draw_sharpening

PICTURE = np.zeros((8, 8, 3), np.uint8)
RECEPTION = Reception(snr_db=10.0, cfo_hz=0.0, erased=0.0)
ARRIVAL = ReceivedPdu(3, 1, 8, 8, 10.0, 0.0, 1, 0, np.ones(8, np.complex64), np.ones(8, np.float32))
REPORTS = (
    {"name": "grey", "sent": PICTURE, "started": 1.0},
    {"samples": 700},
    {"arrivals": (ARRIVAL,)},
    {"received": PICTURE, "reception": RECEPTION, "ended": 1.5},
)


SHAPES = ((20, 24, 3), (16, 16, 3), (28, 20, 3))


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(name="small", networks=SemCC(widths=(4, 4, 4), symbols_per_cell=2, coding_blocks=0), engine="torch")


@dataclass
class Troubled:
    """The codec, with troubles; writes down what it was asked for."""

    codec: Codec
    encode_s: float = 0.0
    decode_s: float = 0.0
    fails_at_height: int = 0
    asked: list[dict[str, float]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.codec, name)

    def encode(self, images: np.ndarray, **asked: Any) -> np.ndarray:
        self.asked.append(asked)
        time.sleep(self.encode_s)
        if images.shape[1] == self.fails_at_height:
            raise RuntimeError("the codec failed on purpose")
        return self.codec.encode(images, **asked)

    def decode(self, *arguments: Any, **size: int) -> np.ndarray:
        time.sleep(self.decode_s)
        return self.codec.decode(*arguments, **size)


class Silence(gr.sync_block):
    """Zeros in place of all samples from one on."""

    def __init__(self, first: int) -> None:
        gr.sync_block.__init__(self, "silence", [np.complex64], [np.complex64])
        self._first = first

    def work(self, input_items: list[np.ndarray], output_items: list[np.ndarray]) -> int:
        output_items[0][:] = input_items[0]
        output_items[0][max(0, self._first - self.nitems_written(0)) :] = 0
        return len(output_items[0])


class CutOff(Air):
    """Carries the first of two bursts."""

    def connect(self, link: gr.top_block, transmitter: gr.basic_block, receiver: gr.basic_block) -> None:
        link.silence = Silence(first=7040)  # a Python block lives as long as somebody holds it
        link.connect(transmitter, link.silence)
        super().connect(link, link.silence, receiver)


def pictures() -> list[np.ndarray]:
    return [np.full(shape, 200, np.uint8) for shape in SHAPES]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "QUIET_S", 0.5)


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(REPORTS)))))
def test_reports_on_a_picture_may_come_in_any_order(codec: Codec, order: tuple[int, ...]) -> None:
    link = Link(PICTURE[np.newaxis], codec=codec, medium=Air(snr_db=10))
    for number in order:
        assert link._finished.empty()
        link._note(3, **REPORTS[number])
    delivery = link._finished.get_nowait()
    assert (delivery.name, delivery.samples, delivery.ms) == ("grey", 700, pytest.approx(500))
    assert delivery.received is PICTURE
    assert not link._in_flight


@pytest.fixture(scope="module")
def adaptive() -> Codec:
    """One of many ratios."""
    networks = Adaptive(widths=(4, 4, 4), symbols_per_cell=8, coding_blocks=0)
    return Codec(name="many", networks=networks, engine="torch")


def test_symbols_are_sent_at_the_ratio_asked_for_and_made_for_the_snr_of_the_channel(adaptive: Codec) -> None:
    codec = Troubled(adaptive)
    for delivery in Link(pictures(), codec=codec, medium=Air(snr_db=14), ratio=1 / 24).deliveries():
        assert delivery.symbols.size == codec.symbols_for(*delivery.sent.shape[:2], ratio=1 / 24)
        assert delivery.symbols.size == pytest.approx(delivery.sent.size / 24)
    assert codec.asked == 3 * [{"ratio": 1 / 24, "snr_db": 14}]
    with pytest.raises(CodecError, match="many sends at k/n 1/48 to 1/6, not at 0.5"):
        Link(pictures(), codec=codec, medium=Air(snr_db=14), ratio=1 / 2)


def test_previews_come_with_the_picture_that_they_show(adaptive: Codec, tmp_path: Path) -> None:
    sent = np.random.default_rng(1).integers(0, 256, (2, 256, 192, 3), dtype=np.uint8)
    for delivery in Link(sent, codec=adaptive, medium=Air(snr_db=20), previews=True).deliveries():
        assert [arrival.preview for arrival in delivery.arrivals] == [True, True, True, False]
        assert [arrival.reception.erased for arrival in delivery.arrivals] == pytest.approx([5 / 6, 4 / 6, 2 / 6, 0])
        assert len({arrival.image_id for arrival in delivery.arrivals}) == 1
        assert delivery.reception.erased == 0
    draw_sharpening(delivery, tmp_path / "sharpening.png", codec=adaptive, snr_db=20)
    with Image.open(tmp_path / "sharpening.png") as drawn:
        assert min(drawn.size) > 400


def test_a_slow_codec_loses_nothing(codec: Codec, impatient: None) -> None:
    link = Link(pictures()[0], codec=Troubled(codec, encode_s=1.2, decode_s=1.2), medium=Air(snr_db=20))
    link.source._patience_s = 0.3  # done long before the picture is on air
    assert [delivery.ms > 2000 for delivery in link.deliveries()] == [True]


def test_pictures_that_nobody_hears_are_lost_and_grey(codec: Codec, impatient: None) -> None:
    deliveries = list(Link(pictures(), codec=codec, medium=Air(snr_db=-20)).deliveries())
    assert [delivery.sent.shape for delivery in deliveries] == list(SHAPES)
    for delivery in deliveries:
        assert delivery.samples > 0
        assert (delivery.received, delivery.reception, delivery.ms, delivery.arrivals) == (None, None, None, ())
        assert (delivery.seen == link_module.MID_GREY).all()


def test_a_picture_that_cannot_be_encoded_is_lost_and_the_next_one_sent(codec: Codec, impatient: None) -> None:
    link = Link(pictures(), codec=Troubled(codec, fails_at_height=16), medium=Air(snr_db=20))
    link.source._patience_s = 0.5
    deliveries = list(link.deliveries())
    assert [delivery.sent.shape[0] for delivery in deliveries] == [20, 28, 16]
    assert [delivery.received is None for delivery in deliveries] == [False, False, True]
    assert deliveries[-1].samples is None


def test_an_incomplete_picture_counts_as_it_is(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "QUIET_S", 0.3)  # the receiver by itself waits a second for the last fragment
    link = Link(np.full((256, 256, 3), 200, np.uint8), codec=codec, medium=CutOff(snr_db=20))
    (delivery,) = link.deliveries()
    assert delivery.reception.erased == pytest.approx(0.5)
    assert len(delivery.symbols) == 4096


def test_a_medium_may_tell_of_all_bursts_while_the_flowgraph_runs(codec: Codec) -> None:
    told = []

    class Telling(Air):
        def settle(self, bursts: int) -> None:
            heard = link.receiver.nitems_read(0)
            while link.receiver.nitems_read(0) == heard:
                time.sleep(0.01)
            told.append(bursts)

    link = Link(pictures(), codec=codec, medium=Telling(snr_db=20))
    assert len(list(link.deliveries())) == len(SHAPES)
    assert told == [link.transmitter.frames()]


def test_a_flowgraph_that_hangs_is_told_in_a_sentence(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "STALL_S", 0.3)
    with pytest.raises(AppError, match=r"Nothing moved in the flowgraph for \d s; encoder dropped 0"):
        list(Link(pictures(), codec=Troubled(codec, encode_s=1.0), medium=Air(snr_db=20)).deliveries())


@pytest.mark.parametrize(
    ("air", "sentence"),
    [
        ({"snr_db": math.inf}, "SNR"),
        ({"snr_db": math.nan}, "SNR"),
        ({"snr_db": -101}, "SNR"),
        ({"snr_db": 10, "cfo_hz": -9600}, "9549 Hz"),
        ({"snr_db": 10, "cfo_hz": 9000, "cfo_spread_hz": 600}, "9549 Hz"),
        ({"snr_db": 10, "cfo_hz": math.nan}, "9549 Hz"),
        ({"snr_db": 10, "seed": -1}, "seed"),
    ],
)
def test_an_air_that_cannot_be_is_refused(air: dict[str, float], sentence: str) -> None:
    with pytest.raises(AppError, match=sentence):
        Air(**air)


def test_a_receiver_that_begins_empty_gets_the_decoder_and_then_pictures(capfd: pytest.CaptureFixture) -> None:
    """Over noise; below the cliff no decoder arrives, which is told, and no picture is shown."""
    torch.manual_seed(0)
    codec = AescCodec(MnistAutoencoder(z_dims=20), name="digits")
    sent = np.random.default_rng(1).integers(0, 256, (8, 28, 28, 3), dtype=np.uint8)
    expected = measure.over_channel(codec, sent, snr_db=30, seed=0)
    link = Link(sent, codec=codec, medium=Air(snr_db=12))
    for delivery, picture, seen in zip(list(link.deliveries()), sent, expected, strict=True):
        assert (delivery.sent == picture).all() and (delivery.received == seen).all()
    assert "no decoder" not in capfd.readouterr().out
    link = Link(sent, codec=codec, medium=Air(snr_db=-4))
    assert [delivery.received is None for delivery in link.deliveries()] == [True] * len(sent)
    assert "no decoder for the codec id" in capfd.readouterr().out
