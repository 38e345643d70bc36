# SPDX-License-Identifier: GPL-3.0-or-later
"""./semcom tx and rx as two processes: every picture arrives, and is as good as in the codec's own simulation."""

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from bench_radio import count_mixed, photo_pieces
from gnuradio.semcom.image_files import CIFAR10_FILE, find_pictures
from numpy.typing import NDArray
from processes import (
    LOSS_DB,
    PATIENCE_S,
    RX_GAIN_DB,
    load_received,
    run,
    save_album,
    started,
    true_snr_db,
    tx_gain_for,
    wait_for,
)
from semcom_models import measure, zoo

CODEC = "deepjscc"
CFO_HZ = 350
WITHIN_DB = 0.3


@pytest.mark.parametrize(
    ("count", "snr_db"),
    [
        pytest.param(40, 10, marks=pytest.mark.slow),
        *(pytest.param(500, snr_db, marks=pytest.mark.long) for snr_db in (5, 10, 20)),
    ],
)
def test_pictures_arrive_as_good_as_in_simulation(air: str, tmp_path: Path, count: int, snr_db: float) -> None:
    pictures = small_pictures(count)
    album = save_album(tmp_path / "album", pictures)
    gain_db = tx_gain_for(snr_db)
    truth_db = true_snr_db(gain_db)
    device = f"type=virtual,air={air},speed=0.2"
    heard = f"{device},loss_db={LOSS_DB:g},cfo_hz={CFO_HZ},delay_us={random.Random(snr_db).uniform(0, 1000):.3f}"
    with started(
        *("rx", "-d", heard, "--rx-gain", RX_GAIN_DB, "-i", album, "--folder", tmp_path / "received"),
        *("--count", count, "--seconds", PATIENCE_S, "--json", tmp_path / "rows.json"),
    ) as receiver:
        wait_for("Listening", receiver.stdout)
        code, said = run("tx", "-d", device, "--tx-gain", gain_db, "--snr-db", truth_db, "-c", CODEC, "-i", album)
        assert code == 0, said
        said, _ = receiver.communicate(timeout=2 * PATIENCE_S)
    result = json.loads((tmp_path / "rows.json").read_text())
    rows, link = result["rows"], result["link"]

    assert [row["image_id"] for row in rows] == list(range(count)), said
    assert (link["frames"], link["images"], link["headers_failed"], result["gaps"]) == (count, count, 0, 0)
    assert count_mixed(load_received(tmp_path / "received", pictures)) == 0

    simulated = measure.over_channel(zoo.load_codec(CODEC), pictures, snr_db=truth_db, seed=1)
    snr_off_db = np.mean([row["snr_db"] for row in rows]) - truth_db
    psnr_off_db = np.mean([row["psnr_db"] for row in rows]) - measure.psnr_db(pictures, simulated).mean()
    print(f"{count} pictures at {truth_db:.2f} dB: estimated SNR {snr_off_db:+.3f} dB, PSNR {psnr_off_db:+.3f} dB")
    assert abs(snr_off_db) < WITHIN_DB
    assert abs(psnr_off_db) < WITHIN_DB
    assert np.mean([row["cfo_hz"] for row in rows]) == pytest.approx(CFO_HZ, abs=5)


def small_pictures(count: int) -> NDArray[np.uint8]:
    """CIFAR-10's, or as large pieces of photographs where it is not there: [count, 32, 32, 3]."""
    if not (Path(os.environ.get("SEMCOM_DATA", "data")) / CIFAR10_FILE).is_file():
        return photo_pieces()[:count]
    return np.stack([picture.pixels() for picture in find_pictures("cifar10")[:count]])
