# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of DeepSC-TU from rows that are made up, with a zoo of coders that were never trained."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image
from semcom_models import measure, zoo
from semcom_models.deepsc_tu import DeepScTu, Vae
from semcom_models.errors import CodecError
from semcom_models.generator import Generator
from semcom_training.evaluate import Evaluation, Row
from semcom_training.observed import ObservedRow
from semcom_training.papers import zhang, zhang_figures
from semcom_training.papers.plots import Value, printed_digit
from semcom_training.papers.rows import Planned, PlannedObserved, number_of_rows, read_rows, write_rows
from semcom_training.pictures import Pictures

SYMBOLS = (39, 196)  # CR 0.1 and 0.5


@pytest.fixture
def zoo_of_coders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path / "zoo"))
    for snr_db in (3, 10):
        for symbols in SYMBOLS:
            arguments = {"stride": 28, "channels": 1, "symbols_per_cell": symbols}
            keep(tmp_path, f"deepsc-tu-{symbols}-{snr_db}", "deepsc-tu", DeepScTu(**arguments), arguments, snr_db)
        arguments = arguments | {"symbols_per_cell": 39, "hidden": 20}
        keep(tmp_path, f"vae-39-{snr_db}", "vae", Vae(**arguments), arguments, snr_db)
    arguments = {"stride": 8, "channels": 3, "symbols_per_cell": 10}
    keep(tmp_path, "deepsc-tu-cifar10", "deepsc-tu", DeepScTu(**arguments), arguments, 3, kind="cifar10")
    keep(tmp_path, "deepsc-tu-voc", "deepsc-tu", DeepScTu(**arguments), arguments, 3, kind="masks")
    arguments = {"stride": 28, "channels": 1, "symbols_per_cell": 39}
    for kind in ("mnist", "usps"):
        keep(tmp_path, f"deepsc-tu-{kind}", "deepsc-tu", DeepScTu(**arguments), arguments, 3, kind=kind)
    arguments = {"side": 28, "channels": 1, "width": 4, "blocks": 1}
    keep(tmp_path, "usps-to-mnist", zoo.GENERATOR, Generator(**arguments), arguments, 3, kind="pair")
    return tmp_path


def keep(folder: Path, name: str, method: str, network: object, arguments: dict, snr_db: float, kind="mnist") -> None:
    link = {"snr_db": [snr_db, snr_db], "channel": {"kind": "awgn"}}
    config = {"link": link, "downstream": f"judge-{kind}", "data": {"kind": kind}}
    reports = [{"stage": "training", "epoch": epoch, "accuracy": epoch / 4, "as_observed": 0.2} for epoch in (1, 2, 3)]
    card = {"method": method, "architecture": method, "arguments": arguments, "ratio": None}
    training = {"config": config, "reports": reports}
    made = zoo.Card(name=name, training=training, results=[], weights_sha256="", **card)
    zoo.save(folder / "zoo" / name, network, made)


def made_up(plan: list[Planned | PlannedObserved]) -> list[Row]:
    seen = {"accuracy": 80.0, "accuracy_ci95": (76.0, 84.0), "psnr_db": 20.0, "psnr_ci95": (19.0, 21.0), "ssim": 0.5}
    seen |= {"recognition_ratio": 0.8, "images": 9, "seed": 0}
    ratios = {each.name: each.ratio for each in zhang.coders()}
    rows = []
    for part in plan:
        if isinstance(part, PlannedObserved):
            at = {"codec": part.codec, "ratio": 0.016582, "snr_db": part.snr_db, "channel": "awgn", "dataset": "USPS"}
            at |= {"downstream": "judge-mnist", "compression_rate": 0.0995, "adapter": "usps-to-mnist"}
            rows += [ObservedRow(**seen | at, method=method) for method in part.adaptations]
            continue
        about = {"downstream": part.downstream, "dataset": {"mnist": "MNIST", "cifar10": "CIFAR-10"}.get(part.dataset)}
        if about["dataset"] is None:
            about |= {"dataset": "/data/voc", "accuracy": None, "accuracy_ci95": None, "iou": 0.5}
        if part.downstream not in {row.downstream for row in rows}:
            nothing = dict.fromkeys(("codec", "ratio", "snr_db", "channel", "psnr_db", "psnr_ci95", "ssim"))
            rows.append(Row(**seen | about | nothing))
        (codec,), (snr_db,) = part.grid.codecs, part.grid.snrs_db
        for ratio in part.grid.ratios or [ratios[codec]]:
            at = {"codec": codec, "ratio": round(float(ratio), 6), "snr_db": snr_db, "channel": "awgn"}
            rows.append(Row(**seen | about | at))
    return rows


def test_each_coder_is_measured_where_it_was_trained_and_jpeg_2000_beside_it(zoo_of_coders: Path) -> None:
    plan = zhang.plan()
    known = [each for each in plan if isinstance(each, Planned)]
    mnist = [each.grid for each in known if each.dataset == "mnist"]
    own = {(grid.codecs[0], grid.snrs_db[0]) for grid in mnist if grid.codecs[0] != zhang.JPEG2000}
    assert own == {
        *((f"deepsc-tu-{symbols}-{snr_db}", snr_db) for symbols in SYMBOLS for snr_db in (3, 10)),
        *((f"vae-39-{snr_db}", snr_db) for snr_db in (3, 10)),
        ("deepsc-tu-mnist", 3),
    }
    for grid in mnist:
        if grid.codecs[0] == zhang.JPEG2000:
            assert [float(ratio) * 6 for ratio in grid.ratios] == pytest.approx([0.1, 0.5, 0.8, 4], abs=5e-3)
    assert {each.dataset for each in known} == {"mnist", "cifar10", "judge-masks"}
    assert number_of_rows(plan) == len(made_up(plan))


def test_coders_for_3_db_get_pictures_of_another_kind_where_something_is_done_about_it(zoo_of_coders: Path) -> None:
    observed = {each.codec: each for each in zhang.plan() if isinstance(each, PlannedObserved)}
    assert observed.keys() == {"deepsc-tu-mnist", *(f"deepsc-tu-{symbols}-3" for symbols in SYMBOLS)}
    assert observed["deepsc-tu-mnist"].adaptations == ["none", "da", "retrained"]
    assert observed["deepsc-tu-39-3"].adaptations == ["none", "da"]
    assert {each.observed for each in observed.values()} == {"usps"}


def test_jpeg_2000_has_files_where_coders_for_digits_are(zoo_of_coders: Path) -> None:
    grid = next(each.grid for each in zhang.plan() if each.dataset == "mnist" and each.grid.codecs == [zhang.JPEG2000])
    digits = np.stack([printed_digit(text, side=28) for text in "38"])
    evaluation = Evaluation(Pictures("digits", "mnist", [digits], None), downstream=None, seed=0)
    few, many, *_ = evaluation.rows(replace(grid, snrs_db=[10.0]))
    assert few.psnr_db > measure.psnr_db(digits, np.full_like(digits, 128)).mean() and many.psnr_db > few.psnr_db + 5


def test_rows_of_both_kinds_are_kept(zoo_of_coders: Path) -> None:
    rows = made_up(zhang.plan())
    write_rows(zoo_of_coders, rows, commit="0" * 40)
    assert read_rows(zoo_of_coders) == (rows, "0" * 40)


def test_the_figures_are_drawn(zoo_of_coders: Path) -> None:
    zhang.write(made_up(zhang.plan()), zoo_of_coders, commit="0" * 40)
    for name in ("fig04.png", "fig05.png", "fig07.png", "fig10.png", "fig12.png"):
        assert Image.open(zoo_of_coders / name).width > 400
    tables = (zoo_of_coders / "tables.md").read_text()
    assert "| 0.10 | data adaptation | deepsc-tu-mnist | 80.0" in tables
    assert (
        "| DeepSC-TU | awgn | 3 | 1/60 | 80.0" in tables
        and "| JPEG 2000 at capacity, headers free | awgn | 10 | 1/12 |" in tables
    )


def test_each_method_has_a_curve_for_each_snr(zoo_of_coders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the CR of the coders; JPEG 2000 as the paper counts has a row's bits at an eighth of its CR."""
    drawn: dict[str, list[float]] = {}

    def recorded(axes: Axes, rows: list[Row], x: Callable[[Row], float], value: Value, *, label: str, **_: str) -> None:
        drawn[label] = [round(x(row), 3) for row in rows]

    monkeypatch.setattr(zhang_figures, "curve", recorded)
    rows = [row for row in made_up(zhang.plan()) if row.dataset == "MNIST"]
    zhang_figures.draw_all(rows, zoo_of_coders)
    both, low = [0.099, 0.5], [0.099]
    own = {("DeepSC-TU", 3): [0.099, *both], ("DeepSC-TU", 10): both, ("VAE", 3): low, ("VAE", 10): low}
    own |= {(name, snr_db): both for name in (zhang.BOUND, zhang.COUNTED) for snr_db in (3, 10)}
    assert drawn == {f"{name}, {snr_db} dB": rates for (name, snr_db), rates in own.items()}


def test_a_coder_whose_name_tells_another_method_is_refused(zoo_of_coders: Path) -> None:
    (zoo_of_coders / "zoo/vae-39-3").rename(zoo_of_coders / "zoo/baseline")
    with pytest.raises(CodecError, match="baseline is a vae by its card"):
        zhang.plan()


def test_without_a_coder_it_is_told_how_to_train_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    with pytest.raises(CodecError, match="has no coder of DeepSC-TU: docs/deepsc-tu.md has the commands"):
        zhang.plan()
