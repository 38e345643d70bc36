# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording of the virtual radio gives the pictures that it gave when it was made.

After a change of the air format, or of the weights of its codec, make it anew and commit what comes of it:

    ./semcom test gr-semcom/apps/test_recording.py --new-recording
"""

import json
from pathlib import Path

import numpy as np
import pytest
from bench_radio import photo_pieces
from gnuradio.semcom.image_files import find_pictures
from gnuradio.semcom.sigmf_sink import paths
from numpy.typing import NDArray
from PIL import Image
from processes import APPS, LOSS_DB, PATIENCE_S, RX_GAIN_DB, run, started, tx_gain_for, wait_for

RECORDING = APPS / "recording" / "pictures"
EXPECTED = APPS / "recording" / "expected"
LARGEST_BYTES = 500_000
SNR_DB = 14
MARGIN = 4000  # samples before and behind the bursts
COLUMNS = ("image_id", "snr_db", "cfo_hz", "erased", "psnr_db")

pytestmark = pytest.mark.usefixtures("virtual_usrp")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Pieces of photographs, five of one burst each and one of two."""
    folder = tmp_path / "album"
    folder.mkdir()
    large = find_pictures("photos")[0].pixels()[64:192, 160:288]
    for number, pixels in enumerate([*photo_pieces()[40:45], large]):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def recording(request: pytest.FixtureRequest, air: str, album: Path, tmp_path: Path) -> Path:
    if request.config.getoption("--new-recording", default=False):
        record(air, album, tmp_path / "long")
        shorten(tmp_path / "long", RECORDING)
        rows = replay(RECORDING, album, EXPECTED)
        EXPECTED.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
    return RECORDING


@pytest.mark.slow
def test_a_recording_gives_the_pictures_that_it_gave_when_it_was_made(
    recording: Path, album: Path, tmp_path: Path
) -> None:
    assert sum(path.stat().st_size for path in paths(recording)) < LARGEST_BYTES
    rows = replay(recording, album, tmp_path / "received")
    expected = json.loads(EXPECTED.with_suffix(".json").read_text())
    again = "if the air format or the codec has changed: ./semcom test gr-semcom/apps/test_recording.py --new-recording"
    assert [row["image_id"] for row in rows] == [row["image_id"] for row in expected], again
    for row, before in zip(rows, expected, strict=True):
        assert row["snr_db"] == pytest.approx(before["snr_db"], abs=0.01), again
        assert row["cfo_hz"] == pytest.approx(before["cfo_hz"], abs=0.1), again
        assert row["psnr_db"] == pytest.approx(before["psnr_db"], abs=0.02), again
        assert row["erased"] == before["erased"] == 0
    for path in sorted(EXPECTED.glob("*.png")):
        assert np.abs(pixels(path) - pixels(tmp_path / "received" / path.name)).max() <= 2, again


@pytest.mark.slow
def test_of_a_recording_that_is_cut_off_the_last_picture_is_given_in_part(album: Path, tmp_path: Path) -> None:
    """Of its two bursts, each of 3,291 samples, the second is cut in two."""
    (data, meta), (to_data, to_meta) = paths(RECORDING), paths(tmp_path / "cut")
    to_meta.write_text(meta.read_text())
    to_data.write_bytes(data.read_bytes()[: -4 * (MARGIN + 2000)])
    rows = replay(tmp_path / "cut", album, tmp_path / "received")
    assert [0 < row["erased"] < 1 for row in rows] == 5 * [False] + [True]


def record(air: str, album: Path, to: Path) -> None:
    """The pictures over the virtual air, so slow that the second one is encoded while the first one is sent."""
    device = f"type=virtual,air={air},speed=0.02"
    with started(
        *("rx", "-d", f"{device},loss_db={LOSS_DB:g},cfo_hz=350,delay_us=77.7", "--rx-gain", RX_GAIN_DB),
        *("--record", to, "--count", len(list(album.iterdir()))),
    ) as receiver:
        wait_for("Listening", receiver.stdout)
        code, said = run("tx", "-d", device, "--tx-gain", tx_gain_for(SNR_DB), "--codec", "deepjscc", "-i", album)
        assert code == 0, said
        said, _ = receiver.communicate(timeout=PATIENCE_S)
        assert receiver.returncode == 0, said


def shorten(long: Path, short: Path) -> None:
    """What lies around the bursts, in 16 bits, which is what the radio gave."""
    (data, meta), (to_data, to_meta) = paths(long), paths(short)
    samples = np.fromfile(data, np.complex64)
    power = np.convolve(np.abs(samples) ** 2, np.ones(500) / 500, "same")
    busy = np.flatnonzero(power > 4 * np.median(power[: MARGIN // 2]))
    samples = samples[max(0, busy[0] - MARGIN) : busy[-1] + MARGIN]
    to_data.parent.mkdir(exist_ok=True)
    np.round(samples.view(np.float32) * 32768).astype("<i2").tofile(to_data)
    about = json.loads(meta.read_text())
    about["global"]["core:datatype"] = "ci16_le"
    to_meta.write_text(json.dumps(about, indent=1) + "\n")


def replay(recording: Path, album: Path, received: Path) -> list[dict]:
    """``COLUMNS`` of what ``./semcom rx --replay`` receives; the pictures go to a folder."""
    table = album.parent / "rows.json"
    code, said = run("rx", "--replay", recording, "-i", album, "--folder", received, "--json", table)
    assert code == 0, said
    return [{name: row[name] for name in COLUMNS} for row in json.loads(table.read_text())["rows"]]


def pixels(path: Path) -> NDArray[np.int16]:
    return np.asarray(Image.open(path)).astype(np.int16)
