# SPDX-License-Identifier: GPL-3.0-or-later
"""./semcom tx and rx as two processes on the virtual USRP, and what they say when something is wrong.

The air runs so much slower than real time that a loaded machine keeps up with it.
"""

import itertools
import json
import re
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import radio as radio_module
import semcom_rx
import semcom_tx
from bench_radio import best, count_mixed, measure_radio, photo_pieces
from errors import AppError, told_in_a_sentence
from gnuradio.semcom.image_files import find_pictures
from gnuradio.semcom.radio_monitor import RadioCounts
from gnuradio.semcom.radio_profile import RadioProfile
from link import Delivery, Link
from processes import (
    LOSS_DB,
    PATIENCE_S,
    RX_GAIN_DB,
    interrupt,
    load_received,
    run,
    save_album,
    started,
    true_snr_db,
    wait_for,
)
from radio import Radio, make
from semcom_models import measure, zoo
from semcom_models.adaptation import Adapter

PICTURES = 6
TX_GAIN_DB = 45.0

pytestmark = pytest.mark.usefixtures("virtual_usrp")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_album(tmp_path_factory.mktemp("album"), photo_pieces()[40 : 40 + PICTURES])


def test_pictures_go_from_one_process_to_another_and_a_recording_of_it_gives_them_again(
    album: Path, air: str, tmp_path: Path
) -> None:
    device = f"type=virtual,air={air},speed=0.05"
    heard = tmp_path / "heard"
    with started(
        *("rx", "-d", f"{device},loss_db={LOSS_DB},cfo_hz=350,delay_us=77.7", "--rx-gain", RX_GAIN_DB),
        *("--count", PICTURES, "--seconds", 240, "-i", album, "--folder", tmp_path / "received"),
        *("--record", heard, "--json", tmp_path / "rows.json"),
    ) as receiver:
        wait_for("Listening", receiver.stdout)
        code, said = run("tx", "-d", device, "--tx-gain", TX_GAIN_DB, "-i", album, "--ratio", "5/12")
        assert code == 0, said
        assert f"{PICTURES} pictures sent; {PICTURES} bursts sent; 0 underflows" in said
        rest, _ = receiver.communicate(timeout=PATIENCE_S)
    assert receiver.returncode == 0, rest
    result = json.loads((tmp_path / "rows.json").read_text())
    rows = result["rows"]
    assert [row["image_id"] for row in rows] == list(range(PICTURES))
    assert (result["gaps"], result["link"]["headers_failed"], result["link"]["fragments_lost"]) == (0, 0, 0)
    true, readings = true_snr_db(TX_GAIN_DB), [row["snr_db"] for row in rows]
    assert sum(readings) / PICTURES == pytest.approx(true, abs=0.4)  # of readings with a standard deviation of 0.18 dB
    for row in rows:
        assert row["snr_db"] == pytest.approx(true, abs=1)
        assert row["cfo_hz"] == pytest.approx(350, abs=30)
        assert row["psnr_db"] > 20
    assert len(list((tmp_path / "received").glob("*.png"))) == PICTURES

    code, said = run("rx", "--replay", heard, "-i", album, "--json", tmp_path / "again.json")
    assert code == 0, said
    again = json.loads((tmp_path / "again.json").read_text())["rows"]
    for one, other in zip(rows, again, strict=True):
        assert {**one, "seconds": 0} == pytest.approx({**other, "seconds": 0}, abs=1e-3)


@pytest.mark.slow
def test_a_link_goes_over_a_radio_too(air: str) -> None:
    pieces = photo_pieces()[:20]
    radio = Radio(args=f"type=virtual,air={air},speed=0.2", tx_gain=50)
    deliveries = list(Link(pieces, codec=zoo.load_codec("deepjscc"), medium=radio, window=4).deliveries())
    assert [delivery.received is None for delivery in deliveries] == 20 * [False]
    assert count_mixed(deliveries) == 0
    assert radio.monitor.counts().bursts == 20


@pytest.mark.slow
def test_a_profile_gives_what_is_not_given(tmp_path: Path) -> None:
    ends = {f"{end}{what}": "x" for end in ("transmitter", "receiver") for what in ("", "_serial")}
    measured = {"samp_rate": 1e6, "attenuation_db": 40.0, "snr_db": 20.0, "cfo_hz": 0.0, "noise_dbfs": -60.0}
    found = RadioProfile(
        **ends, **measured, date="", freq=2.4e9, image_db=-40.0, tx_gain=61.5, rx_gain=44.0, amplitude=0.2
    )
    found.write(tmp_path / "lab.toml")
    settings = {"args": "type=virtual", "profile": str(tmp_path / "lab.toml"), "freq": 2.4e9}
    transmitter = make("semcc_tx", **settings)
    assert transmitter.radio.get_gain(0) == 61.5
    assert transmitter.burst_transmitter.amplitude() == pytest.approx(0.2)
    assert make("semcc_tx", **settings, tx_gain=3.0).radio.get_gain(0) == 3
    assert make("semcc_rx_headless", **settings).radio.get_gain(0) == 44


@pytest.mark.slow
def test_adapted_pictures_arrive_as_in_simulation(album: Path, air: str, tmp_path: Path) -> None:
    """By a codec of one ratio, which is not asked for."""
    originals = np.stack([each.pixels() for each in find_pictures(str(album))])
    adapted = Adapter("usps-to-mnist").adapted(originals)
    device, received = f"type=virtual,air={air},speed=0.2", tmp_path / "received"
    options = ("--rx-gain", RX_GAIN_DB, "--folder", received, "--count", PICTURES, "--seconds", PATIENCE_S)
    with started("rx", "-d", f"{device},loss_db={LOSS_DB}", *options) as receiver:
        wait_for("Listening", receiver.stdout)
        codec = ("-c", "deepsc-tu-mnist", "--adapter", "usps-to-mnist")
        code, said = run("tx", "-d", device, "--tx-gain", TX_GAIN_DB, *codec, "-i", album)
        assert code == 0, said
        receiver.communicate(timeout=PATIENCE_S)
    seen = np.stack([each.received for each in load_received(received, adapted)])
    simulated = measure.over_channel(zoo.load_codec("deepsc-tu-mnist"), adapted, snr_db=true_snr_db(TX_GAIN_DB), seed=1)
    assert measure.psnr_db(simulated, seen).min() > 20  # noise alone lies between them


def test_a_burst_with_an_underflow_is_waited_for_too() -> None:
    counts = RadioCounts(bursts=2, underflows=5)
    monitor = SimpleNamespace(counts=lambda: counts)
    for frames, on_air in ((2, True), (3, False)):
        flowgraph = SimpleNamespace(
            radio_monitor=monitor, burst_transmitter=SimpleNamespace(frames=lambda frames=frames: frames)
        )
        assert semcom_tx._on_air(flowgraph) == on_air


def test_a_radio_that_sends_nothing_any_more_is_noticed_though_there_is_more_to_send(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(semcom_tx, "AIR_S", 0.3)
    flowgraph = SimpleNamespace(
        repeat=True,
        image_source=SimpleNamespace(done=lambda: False),
        burst_transmitter=SimpleNamespace(frames=lambda: 3, images=lambda: 3),
        model_sender=SimpleNamespace(chunks=lambda: 0),
        radio_monitor=SimpleNamespace(counts=lambda: RadioCounts(bursts=1)),
    )
    with pytest.raises(AppError, match="did not report 2 of 3 bursts"):
        semcom_tx._follow(flowgraph, threading.Event())


def test_a_radio_that_gives_no_samples_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semcom_rx, "SILENCE_S", 0.5)
    with pytest.raises(AppError, match="no samples for 0.5 s: is it still connected"):
        semcom_rx.app(["-d", "type=virtual,speed=0.001", "--seconds", "60"])  # its stream starts after 100 s


def test_a_picture_that_comes_as_a_recording_ends_is_given() -> None:
    """While it is asked whether all are here, after it was waited for."""
    row = semcom_rx.Row(image_id=3, seconds=0, snr_db=10, cfo_hz=0, erased=0, recognized="cat", psnr_db=None)
    samples = itertools.count(semcom_rx.TAIL, semcom_rx.TAIL)
    flowgraph = SimpleNamespace(
        radio=SimpleNamespace(samples=lambda: 0),
        burst_receiver=SimpleNamespace(
            nitems_read=lambda _: next(samples),
            images=lambda: 1,
            to_basic_block=lambda: SimpleNamespace(_post=lambda port, message: None),
        ),
        decoder=SimpleNamespace(dropped=lambda: arriving._queue.put(row) or 0, chunks=lambda: 1),
        recognizer=SimpleNamespace(dropped=lambda: 0),
        reference_probe=None,
        msg_connect=lambda *ends: None,
    )
    arriving = semcom_rx._Arrivals(flowgraph, all_of_it=True)
    assert list(arriving.rows(threading.Event(), end=None)) == [row]


@pytest.mark.parametrize("behind", [None, "frames", "images", "samples", "pictures"])
def test_a_receiver_waits_for_what_is_still_counted_or_written(
    behind: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semcom_rx, "WRITING_S", 0.2)
    is_behind = {each: each == behind for each in ("frames", "images", "samples", "pictures")}
    flowgraph = SimpleNamespace(
        burst_receiver=SimpleNamespace(frames=lambda: 7, images=lambda: 5, nitems_read=lambda _: 9000),
        link_probe=SimpleNamespace(
            stats=lambda: SimpleNamespace(frames=7 - is_behind["frames"], images=5 - is_behind["images"])
        ),
        recorder=SimpleNamespace(samples=lambda: 9000 + semcom_rx.TAIL - is_behind["samples"]),
        image_sink=SimpleNamespace(received=lambda: 3 - is_behind["pictures"], dropped=lambda: 1),
    )
    assert semcom_rx._settled(flowgraph, pictures=4) == (behind is None)


@pytest.mark.parametrize(("reported", "patience_s"), [([0, 0, 1, 1, 3], 60), ([0, 0, 2], 0.1)])
def test_a_radio_is_waited_for_until_it_told_of_all_bursts(
    reported: list[int], patience_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or for so long."""
    monkeypatch.setattr(radio_module, "TELLING_S", patience_s)
    counts = itertools.chain(reported, itertools.repeat(reported[-1]))
    radio = Radio(args="")
    radio.monitor = SimpleNamespace(counts=lambda: RadioCounts(bursts=next(counts)))
    radio.settle(3)
    assert next(counts) == reported[-1]


def test_pictures_that_are_mixed_up_are_counted() -> None:
    one, other = photo_pieces()[40:42]
    pair = [Delivery("one", one, received=other), Delivery("other", other, received=other)]
    assert count_mixed(pair) == 1


@pytest.mark.slow
def test_rates_are_measured_one_after_another(air: str) -> None:
    radio = Radio(args=f"type=virtual,air={air},speed=0.2")
    rows = measure_radio(radio=radio, codec="deepjscc", rates_msps=[0.5, 1.0], seconds=0.1)
    assert [(row["rate_msps"], row["images"], row["lost"], row["mixed"], row["drops"]) for row in rows] == [
        (0.5, 64, 0, 0, 0),
        (1.0, 64, 0, 0, 0),
    ]
    assert best(rows) == rows[1]


def test_a_radio_that_is_not_there_ends_the_program() -> None:
    code, said = run("tx", "-d", "type=b200")
    assert code == 1
    assert said.splitlines()[-1].startswith("semcom: No radio answers to type: b200")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("rx", "-d", "type=b200"), "No radio answers to type: b200"),
        (("tx", "-d", "type=virtual,gain=3"), "no device argument 'gain'"),
        (("tx", "-d", "type=virtual", "--samp-rate", "1e9"), "MS/s, not at 1000; give --samp-rate"),
        (("tx", "-d", "type=virtual", "--tx-antenna", "RX9"), "no antenna 'RX9'"),
        (("rx", "--replay", "nowhere"), "There is no nowhere.sigmf-meta; name a recording"),
        (("rx", "--replay", "x", "--rx-gain", 3), "without those of a radio"),
        (("tx", "-d", "type=virtual", "--profile", "nowhere.toml"), "The profile nowhere.toml cannot be read"),
        (("rx", "--replay", "x", "--profile", "lab.toml"), "without those of a radio"),
        (("tx", "--ratio", "a sixth"), "written as 1/24 or 0.04"),
        (("tx", "-d", "type=virtual", "-c", "oracle"), "oracle"),
        (("tx", "-d", "type=virtual", "-i", "/no/such/folder"), "/no/such/folder"),
        (("tx", "-d", "type=virtual", "--with-decoder"), "deepjscc is no codec of AESC-I"),
        (("tx", "-d", "type=virtual", "--serial", 2), "give --with-decoder too"),
        (("rx", "-d", "type=virtual", "--trusted", "/no/such.pem"), "/no/such.pem cannot be read as a key"),
        (("rx", "-d", "type=virtual", "--downstream", "oracle"), "oracle"),
        (("rx", "-d", "type=virtual", "--record", "/no/such/folder/x"), "/no/such/folder"),
    ],
)
def test_a_mistake_ends_in_a_sentence(options: tuple[object, ...], sentence: str) -> None:
    program, *others = options
    with pytest.raises(SystemExit, match=f"^semcom: .*{re.escape(sentence)}"), told_in_a_sentence():
        {"tx": semcom_tx, "rx": semcom_rx}[program].app([str(each) for each in others])


def test_ctrl_c_ends_a_receiver_with_what_it_has() -> None:
    with started("rx", "-d", "type=virtual,speed=0.2") as receiver:
        wait_for("Listening", receiver.stdout)
        code, said = interrupt(receiver)
    assert code == 0, said
    assert "0 pictures" in said
