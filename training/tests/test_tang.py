# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures and tables from rows that are made up."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from semcom_models import zoo
from semcom_models.errors import CodecError
from semcom_training.data import DataError
from semcom_training.evaluate import Row
from semcom_training.papers import rows as kept
from semcom_training.papers import tang, tang_figures, tang_tables
from semcom_training.papers.tang import HEADERS_FREE, METHODS, NAMES, OTHERS, RATIOS, SEPARATE, SNRS_DB, published


def row(codec: str | None, ratio: float | None = None, snr_db: float | None = None, **others: object) -> Row:
    point = {"codec": codec, "ratio": ratio, "snr_db": snr_db, "channel": None, "downstream": zoo.CLASSIFIER}
    figures = {"accuracy": 80.0, "accuracy_ci95": (78.0, 82.0), "psnr_db": 20.0, "psnr_ci95": (19.0, 21.0)}
    return Row(**point | figures | {"images": 9, "seed": 0, "ssim": 0.5, "recognition_ratio": 0.9} | others)


@pytest.fixture
def rows() -> list[Row]:
    by_ratio = [
        row(codec, float(ratio), snr_db, channel=channel)
        for codec in NAMES
        for ratio in RATIOS
        for snr_db in (5.0, 20.0)
        for channel in ("awgn", "rayleigh")
    ]
    by_snr = [
        row(codec, float(other.ratio), snr_db, channel="rayleigh", downstream=other.downstream)
        for other in OTHERS
        for codec in METHODS
        for snr_db in SNRS_DB
    ]
    originals = [row(None, downstream=name) for name in (zoo.CLASSIFIER, *(other.downstream for other in OTHERS))]
    return [*originals, *by_ratio, *by_snr]


def test_every_figure_is_drawn(rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tang_figures, "_draw_pictures", lambda path, codecs: path.write_text(" ".join(codecs)))
    tang_figures.draw_all(rows, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"fig{number:02d}.png" for number in range(4, 16)]
    assert (tmp_path / "fig15.png").read_text().split() == ["semcc", "semre", "deepjscc", "deepsc"]  # of the zoo
    for number in range(4, 15):
        assert Image.open(tmp_path / f"fig{number:02d}.png").size[0] > 500


def test_a_figure_has_our_points_and_those_of_the_paper(rows: list[Row]) -> None:
    """Figure 7: PSNR over AWGN at 5 dB, a curve for each method; stars where the paper states a number."""
    ours = [replace(each, psnr_db=each.psnr_db + 100 * each.ratio) if each.codec else each for each in rows]
    _, axes = tang_figures.plt.subplots()
    tang_figures._by_ratio(axes, 7, ours)
    curves = {container.get_label(): container.lines[0].get_xydata() for container in axes.containers}
    assert list(curves) == [
        *("SemCC", "SemRE", "DeepJSCC", "DeepSC", "SemCC without fine-tuning"),
        *("WebP + LDPC", "HEVC intra + LDPC, headers free", "HEVC intra at capacity, headers free"),
    ]
    for points in curves.values():
        assert points == pytest.approx(np.array([[float(ratio), 20 + 100 * ratio] for ratio in RATIOS]))
    stars = {(round(x, 3), y) for line in axes.lines if line.get_marker() == "*" for x, y in line.get_xydata()}
    assert stars == {(0.042, 15.87), (0.042, 16.38), (0.083, 18.99), (0.167, 23.6)} | {
        (0.042, 11.86),
        (0.083, 13.83),
        (0.167, 21.28),
    } | {(0.042, 16.0), (0.083, 18.97), (0.167, 23.18)}
    assert axes.get_title() == "as Fig. 7: AWGN, 5 dB"
    tang_figures.plt.close()


def test_without_a_codec_there_is_nothing_to_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    with pytest.raises(
        CodecError, match="has none of semcc, semre, deepjscc, deepsc, semcc-without-fine-tuning; train one"
    ):
        tang.plan()


def test_one_codec_is_enough_for_a_figure(rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tang_figures, "_draw_pictures", lambda path, codecs: None)
    tang_figures.draw_all([each for each in rows if each.codec in (None, "deepjscc")], tmp_path)
    assert (tmp_path / "fig04.png").is_file()


def test_tables_have_ours_beside_theirs(rows: list[Row], tmp_path: Path) -> None:
    shipped = [each for each in rows if each.codec != "semcc-without-fine-tuning"]
    tang_tables.write_tables(shipped, tmp_path / "tables.md", commit="abc")
    text = (tmp_path / "tables.md").read_text()
    assert "| baseline | 1/24 | 80.0 (78.0 to 82.0) | 87.13 | 20.00 (19.00 to 21.00) | 15.87 |" in text
    assert "| without FT | 1/6 | not trained | 78.79 | not trained | 20.48 |" in text
    assert "| without CL (DeepSC) | 1/12 | 80.0 (78.0 to 82.0) | 73.02 |" in text
    assert text.count("\n| SemRE | rayleigh | 5 | 2/5 | 80.0") == 1


def test_rows_come_back(rows: list[Row], tmp_path: Path) -> None:
    kept.write_rows(tmp_path, rows, commit="abc")
    again, commit = kept.read_rows(tmp_path)
    assert (again, commit) == (rows, "abc")
    hashes = json.loads((tmp_path / kept.ROWS).read_text())["weights_sha256"]
    assert hashes["semcc"] == zoo.read_card(zoo.find("semcc")).weights_sha256
    assert not hashes.keys() & {SEPARATE, *HEADERS_FREE}
    with pytest.raises(DataError, match="without --draw-only"):
        kept.read_rows(tmp_path / "nowhere")
    of = f'{{"paper": "{tmp_path.name}", "commit": "", "rows": '
    for damaged in ("", "{}", "[]", '{"rows": 3}', of + "[{}]}", of + "[]}"):
        (tmp_path / kept.ROWS).write_text(damaged)
        with pytest.raises(DataError, match="without --draw-only"):
            kept.read_rows(tmp_path)


def test_rows_of_another_paper_are_refused(rows: list[Row], tmp_path: Path) -> None:
    for paper in ("tang", "dong"):
        (tmp_path / paper).mkdir()
    kept.write_rows(tmp_path / "tang", rows, commit="abc")
    (tmp_path / "tang" / kept.ROWS).rename(tmp_path / "dong" / kept.ROWS)
    with pytest.raises(DataError, match="has the rows of tang; run ./semcom figures dong without --draw-only"):
        kept.read_rows(tmp_path / "dong")


def test_methods_and_separate_codecs_are_measured_at_the_same_points() -> None:
    plan = tang.plan()
    assert list(dict.fromkeys(each.downstream for each in plan)) == [
        zoo.CLASSIFIER,
        *(each.downstream for each in OTHERS),
    ]
    for paid, free in zip(plan[::2], plan[1::2], strict=True):
        assert {"semcc", SEPARATE} <= set(paid.grid.codecs) and not paid.grid.free_headers
        assert set(free.grid.codecs) <= set(HEADERS_FREE) and free.grid.free_headers
        assert replace(paid.grid, codecs=[], free_headers=True) == replace(free.grid, codecs=[])
    assert kept.number_of_rows(plan) == sum(
        1 + len(paid.grid) + len(free.grid) for paid, free in zip(plan[::2], plan[1::2], strict=True)
    )


def test_what_the_paper_states_is_within_reason() -> None:
    points = published()
    assert len(points) == len({(each.method, each.channel, each.snr_db, each.ratio, each.where) for each in points})
    assert all(0 < each.accuracy < 100 and each.ratio <= Fraction("2/5") for each in points)
    assert {each.method for each in points} == {"semcc", "deepsc", "deepjscc", "semcc-without-fine-tuning"}
