# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on the air: programs killed, stopped and started again, a second transmitter, a radio unplugged.

Whatever happens, a picture that comes out is one that was sent under its id, what is missing is said to be missing,
and the pictures behind it arrive.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pmt
import pytest
from bench_radio import photo_pieces
from gnuradio.semcom import image_sink
from gnuradio.semcom.image_files import find_pictures
from gnuradio.semcom.pdu_block import pdu_block
from gnuradio.semcom.pdus import ImagePdu, ReceivedPdu
from numpy.typing import NDArray
from processes import (
    LOSS_DB,
    PATIENCE_S,
    RX_GAIN_DB,
    interrupt,
    run,
    save_album,
    started,
    tx_gain_for,
    wait_for,
)
from radio import make, running
from semcom_models import measure, zoo
from semcom_models.codec import Codec

SNR_DB = 15
CODEC = "deepjscc"
TX = ("--tx-gain", tx_gain_for(SNR_DB), "--snr-db", SNR_DB, "--codec", CODEC, "--ratio", "1/6")
CHANNEL = f"loss_db={LOSS_DB:g},cfo_hz=350"
SIDE, FRAGMENTS = 256, 8  # a picture of that side is sent in so many bursts of 7 ms
TIMEOUT_SAMPLES = 1_000_000  # of the receiver, for a picture whose rest does not come
TELLING = 1000  # symbols that tell one picture from another
MARGIN = 0.1

pytestmark = pytest.mark.usefixtures("virtual_usrp")
Album = Sequence[NDArray[np.uint8]]


@cache
def codec() -> Codec:
    return zoo.load_codec(CODEC)


@dataclass(frozen=True)
class Arrival:
    """A picture at the receiver: the transmitters whose symbols it has, and whether some are of another picture."""

    image_id: int
    erased: float
    transmitters: set[int]
    mixed: bool


class Watch(pdu_block):
    """Looks at the symbols of received pictures, fragment by fragment, knowing what each transmitter sends."""

    def __init__(self, albums: Sequence[Album]) -> None:
        pdu_block.__init__(self, "watch")
        self._sent = np.stack([codec().encode(np.stack(album), ratio=1 / 6, snr_db=SNR_DB) for album in albums])
        self.arrivals: list[Arrival] = []
        self._listen("in", self._on_received)

    def _on_received(self, pdu: pmt.pmt_base) -> None:
        received = ReceivedPdu.from_pmt(pdu)
        number = received.image_id % self._sent.shape[1]
        transmitters, mixed = set(), False
        for fragment in np.array_split(np.arange(received.symbols.size), FRAGMENTS):
            there = fragment[np.isfinite(received.noise_var[fragment])]
            if there.size < TELLING:
                continue
            likeness = self._likeness(received.symbols, there)
            transmitters.add(int(likeness[:, number].argmax()))
            mixed |= bool(likeness.max() > likeness[:, number].max() + MARGIN)
        self.arrivals.append(Arrival(received.image_id, received.reception.erased, transmitters, mixed))

    def _likeness(self, symbols: NDArray[np.complex64], there: NDArray[np.int_]) -> NDArray[np.float32]:
        """Of these symbols to those of each picture: [transmitters, pictures], 0 to 1."""
        sent, seen = self._sent[:, :, there], symbols[there]
        return np.abs(sent.conj() @ seen) / np.linalg.norm(seen) / np.linalg.norm(sent, axis=2)


class Receiver:
    """The flowgraph of ``./semcom rx`` in this process, where all that it does can be seen."""

    def __init__(self, device: str, *albums: Album) -> None:
        self.pictures: list[ImagePdu] = []
        self._flowgraph = make("semcc_rx_headless", args=f"{device},{CHANNEL}", rx_gain=RX_GAIN_DB)
        self._tap = image_sink(callback=self.pictures.append)
        self._watch = Watch(albums)
        self._flowgraph.msg_connect(self._flowgraph.reference_probe, "images", self._tap, "images")
        self._flowgraph.msg_connect(self._flowgraph.burst_receiver, "images", self._watch, "in")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Nothing is mixed up, as long as the flowgraph runs."""
        with running(self._flowgraph):
            yield
        assert not [arrival for arrival in self._watch.arrivals if arrival.mixed or len(arrival.transmitters) > 1]
        assert self._watch.dropped() == self._flowgraph.decoder.dropped() == 0

    def arrivals(self) -> list[Arrival]:
        return self._watch.arrivals

    def frames(self) -> int:
        return self._flowgraph.burst_receiver.frames()

    def images(self) -> int:
        """Those that became pictures, or will."""
        return self._flowgraph.burst_receiver.images()

    def samples(self) -> int:
        return self._flowgraph.burst_receiver.nitems_read(0)

    def fragments_lost(self) -> int:
        return self._flowgraph.burst_receiver.fragments_lost()

    def wait_for_pictures(self, count: int) -> None:
        wait_until(lambda: len(self.pictures) >= count)

    def wait_for_samples(self, count: int) -> None:
        """So many more."""
        end = self.samples() + count
        wait_until(lambda: self.samples() > end)

    def wait_until_nothing_is_held(self) -> None:
        """With nobody sending: every frame is in a picture that is out, complete or not."""
        self.wait_for_samples(1.5 * TIMEOUT_SAMPLES)
        receiver = self._flowgraph.burst_receiver
        self.wait_for_pictures(self.images())
        link = self._flowgraph.link_probe.stats()
        assert link.frames - receiver.contradictory_fragments() == link.fragments - link.fragments_lost
        assert (link.frames, link.images) == (receiver.frames(), receiver.images())
        assert len(self.pictures) == len(self.arrivals()) == receiver.images()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.01)


def check_quality(received: Sequence[ImagePdu], album: Album) -> None:
    """All of each came, and it is as good as in simulation."""
    sent = np.stack([album[image.image_id % len(album)] for image in received])
    simulated = measure.over_channel(codec(), sent, snr_db=SNR_DB, ratio=1 / 6, seed=1)
    short_db = measure.psnr_db(sent, simulated) - measure.psnr_db(sent, np.stack([image.pixels for image in received]))
    assert {image.reception.erased for image in received} == {0}
    assert np.abs(short_db).max() < 0.5


@pytest.fixture(scope="module")
def photos() -> list[NDArray[np.uint8]]:
    """The middle of four photographs."""
    cut = []
    for photo in find_pictures("photos"):
        pixels = photo.pixels()
        top, left = ((length - SIDE) // 2 for length in pixels.shape[:2])
        cut.append(pixels[top : top + SIDE, left : left + SIDE])
    return cut


@pytest.mark.slow
def test_a_receiver_that_is_killed_and_started_again_goes_on(air: str, tmp_path: Path) -> None:
    album = save_album(tmp_path / "album", photo_pieces()[40:46])
    device = f"type=virtual,air={air},speed=0.2"
    listen = ("rx", "-d", f"{device},{CHANNEL}", "--rx-gain", RX_GAIN_DB, "-i", album)
    with started("tx", "-d", device, *TX, "-i", album, "--repeat", "--period-s", 0.1) as transmitter:
        with started(*listen) as receiver:
            for _ in range(3):
                wait_for("picture ", receiver.stdout)
        code, said = run(*listen, "--count", 20, "--json", tmp_path / "rows.json")
        assert code == 0, said
        code, said = interrupt(transmitter)
        assert code == 0, said
    result = json.loads((tmp_path / "rows.json").read_text())
    rows, link = result["rows"], result["link"]
    ids = [row["image_id"] for row in rows]
    assert ids == list(range(ids[0], ids[0] + 20))
    assert min(row["psnr_db"] for row in rows) > 20
    assert (link["fragments_lost"], result["gaps"]) == (0, 0)


@pytest.mark.slow
def test_a_transmitter_killed_within_a_picture_and_started_again(air: str, tmp_path: Path, photos: Album) -> None:
    """So slow is the air that the second one sends within the receiver's timeout, and under the same id."""
    old, new = photos[:1], photos[1:2]
    device = f"type=virtual,air={air},speed=0.02,num_send_frames=8"  # 16 ms of samples are still sent after a kill
    receiver = Receiver(device, old, new)
    with receiver.listening():
        with started("tx", "-d", device, *TX, "-i", save_album(tmp_path / "old", old)):
            wait_until(lambda: receiver.frames() >= 2)
        code, said = run("tx", "-d", device, *TX, "-i", save_album(tmp_path / "new", new))
        assert code == 0, said
        receiver.wait_for_pictures(2)
    assert [(arrival.image_id, arrival.transmitters) for arrival in receiver.arrivals()] == [(0, {0}), (0, {1})]
    assert 0.1 < receiver.pictures[0].reception.erased < 0.9
    check_quality(receiver.pictures[1:], new)


@pytest.mark.slow
def test_the_air_goes_silent_for_a_while(air: str, tmp_path: Path, photos: Album) -> None:
    device = f"type=virtual,air={air},speed=0.2"
    receiver = Receiver(device, photos)
    send = ("tx", "-d", device, *TX, "-i", save_album(tmp_path / "album", photos), "--repeat")
    with receiver.listening():
        with started(*send) as transmitter:
            receiver.wait_for_pictures(2)
            transmitter.send_signal(signal.SIGSTOP)
            receiver.wait_until_nothing_is_held()
            before = len(receiver.pictures)
            transmitter.send_signal(signal.SIGCONT)
            receiver.wait_for_pictures(before + 5)
        receiver.wait_until_nothing_is_held()
    # The rest of what was on its way comes first, and the burst that ran dry is damaged.
    check_quality(receiver.pictures[before + 1 : before + 5], photos)


@pytest.mark.slow
def test_a_second_transmitter_collides(air: str, tmp_path: Path, photos: Album) -> None:
    device = f"type=virtual,air={air},speed=0.2"
    mirrored = [photo[:, ::-1] for photo in photos]
    receiver = Receiver(device, photos, mirrored)
    send, collide = (
        ("tx", "-d", device, *TX, "-i", save_album(tmp_path / name, album), "--repeat")
        for name, album in (("album", photos), ("mirrored", mirrored))
    )
    with receiver.listening():
        with started(*send):
            receiver.wait_for_pictures(2)
            with started(*collide):
                lost = receiver.fragments_lost()
                wait_until(lambda: receiver.fragments_lost() >= lost + 4 * FRAGMENTS)
            receiver.wait_for_samples(100_000)  # its buffer, and what is under way to the receiver
            before = receiver.images()  # pieces of the collision may still wait to be decoded
            receiver.wait_for_pictures(before + 6)
        receiver.wait_until_nothing_is_held()
    after = receiver.pictures[before + 2 : before + 6]
    check_quality(after, photos)
    assert np.diff([image.image_id for image in after]).tolist() == [1, 1, 1]


@pytest.mark.slow
def test_a_radio_that_is_unplugged_ends_the_programs_with_a_sentence(air: str) -> None:
    pulled = f"type=virtual,air={air},speed=0.2,unplug_after_s=0.1"
    with started("rx", "-d", pulled) as receiver, started("tx", "-d", pulled, "--repeat") as transmitter:
        for program in (receiver, transmitter):
            said, _ = program.communicate(timeout=PATIENCE_S)
            assert program.returncode == 1, said
            assert said.splitlines()[-1].startswith("semcom: The radio stopped working, see above: was it unplugged?")
            assert "virtual USRP: it was unplugged" in said
