# SPDX-License-Identifier: GPL-3.0-or-later
"""Separate codecs and bounds as ``semcom eval`` measures them."""

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from semcom_models import measure, zoo
from semcom_models.digital import capacity
from semcom_models.digital.announced import NEEDED_DB
from semcom_training import __main__ as commands
from semcom_training import pictures
from semcom_training.evaluate import Evaluation, Grid, Row
from semcom_training.pictures import Pictures

PHOTOS = np.stack([skimage.data.astronaut()[at : at + 48, at : at + 48] for at in (20, 60, 100, 140, 180, 220)])


@pytest.fixture
def evaluation() -> Evaluation:
    return Evaluation(Pictures("photos", "folder", [PHOTOS], None), downstream=None, seed=3)


def row_of(evaluation: Evaluation, codec: str, *, channel: str = "awgn", ratio: str = "1/4", free: bool = False) -> Row:
    grid = Grid(codecs=[codec], ratios=[Fraction(ratio)], snrs_db=[12], channels=[channel], free_headers=free)
    (row,) = evaluation.rows(grid)
    return row


@pytest.mark.parametrize("channel", ["awgn", "rayleigh"])
def test_the_scheme_of_a_point_is_that_by_which_pictures_come_out_best(evaluation: Evaluation, channel: str) -> None:
    def mean_psnr_db(scheme: str, seed: int) -> float:
        codec, at = zoo.load_codec(f"webp+ldpc@{scheme}"), {"channel": channel, "snr_db": 12, "ratio": 0.25}
        return measure.psnr_db(PHOTOS, measure.over_channel(codec, PHOTOS, **at, seed=seed)).mean().item()

    row = row_of(evaluation, "webp+ldpc", channel=channel)
    assert row.scheme == max((scheme.name for scheme in NEEDED_DB), key=lambda name: mean_psnr_db(name, seed=4))
    assert row.psnr_db == pytest.approx(mean_psnr_db(row.scheme, seed=3), abs=0.01)
    assert row_of(evaluation, "webp+ldpc@qpsk-1/2", channel=channel).scheme == "qpsk-1/2"


def test_free_headers_count_for_codecs_and_bounds(evaluation: Evaluation) -> None:
    for codec in ("jpeg+ldpc", "jpeg+capacity"):
        assert row_of(evaluation, codec, free=True).psnr_db > row_of(evaluation, codec).psnr_db + 1
    bound = capacity.load("jpeg+capacity")
    expected = measure.psnr_db(PHOTOS, measure.over_channel(bound, PHOTOS, snr_db=12, ratio=0.25, seed=3)).mean()
    assert row_of(evaluation, "jpeg+capacity").psnr_db == pytest.approx(expected, abs=0.01)
    assert row_of(evaluation, "jpeg+capacity").scheme is None


def test_pictures_that_come_back_exactly_have_no_psnr(evaluation: Evaluation) -> None:
    row = row_of(evaluation, "direct+ldpc@64qam-1/2", ratio="3")
    assert (row.psnr_db, row.psnr_ci95, row.ssim) == (None, None, 1)


def test_photographs_keep_their_sizes() -> None:
    photos = pictures.load_pictures("photos")
    assert [group.shape for group in photos.groups] == [
        *((1, 512, 512, 3), (1, 300, 451, 3)),
        *((1, 400, 600, 3), (1, 427, 640, 3)),
    ]
    assert len(pictures.load_pictures("photos", count=2)) == 2


def test_mosaics_show_the_pictures_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "TILES", 2)
    tiles = np.arange(9 * 2 * 3, dtype=np.uint8).reshape(9, 2, 3, 1)
    mosaics = pictures._mosaics(tiles)
    assert mosaics.shape == (2, 4, 6, 1)
    for number in range(8):
        row, column = divmod(number % 4, 2)
        assert (mosaics[number // 4][2 * row : 2 * row + 2, 3 * column : 3 * column + 3] == tiles[number]).all()


def test_the_table_names_what_can_be_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for number, pixels in enumerate(PHOTOS):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    options = "--codec webp+ldpc,webp+capacity --ratio 1/4 --snr 12 --free-headers"
    monkeypatch.setattr(sys, "argv", ["semcom", "eval", *options.split(), "--dataset", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        commands.main()
    assert not end.value.code
    table = " ".join(capsys.readouterr().out.split())
    assert "headers of files not counted" in table
    assert "webp+capacity" in table and any(f"webp+ldpc@{scheme.name}" in table for scheme in NEEDED_DB)
