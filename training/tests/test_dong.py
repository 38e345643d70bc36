# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of AESC-I from rows that are made up, with a zoo of codecs that were never trained."""

from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image
from semcom_models import zoo
from semcom_models.aesc.autoencoders import MnistAutoencoder
from semcom_models.errors import CodecError
from semcom_models.resnet import ResNet20
from semcom_training.evaluate import Row
from semcom_training.papers import dong, dong_figures
from semcom_training.papers.dong import BY_COMPRESSION_DB, DIRECT, JPEG, SNRS_DB, STUDIES

MNIST = STUDIES[0]
Z_DIMS = {"aesc-mnist-4": 196, "aesc-mnist-8": 98, "aesc-mnist": 40}


@pytest.fixture
def zoo_of_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path / "zoo"))
    torch.manual_seed(0)
    kept = {"method": "aesc", "ratio": None, "training": {}, "results": [], "weights_sha256": ""}
    for name, z_dims in Z_DIMS.items():
        card = zoo.Card(name=name, architecture="aesc-mnist", arguments={"z_dims": z_dims}, **kept)
        zoo.save(tmp_path / "zoo" / name, MnistAutoencoder(z_dims=z_dims), card)
    judge = zoo.Card(name=MNIST.downstream, architecture="resnet20", arguments={"classes": 10}, **kept)
    zoo.save(tmp_path / "zoo" / MNIST.downstream, ResNet20(classes=10), judge)
    return tmp_path


def made_up(plan: list[dong.Planned]) -> list[Row]:
    """What a plan would give: a recognition ratio that rises with the SNR."""
    judged = {"downstream": MNIST.downstream, "images": 9, "seed": 0, "accuracy": 80.0, "accuracy_ci95": (76.0, 84.0)}
    seen = {"psnr_db": 20.0, "psnr_ci95": (19.0, 21.0), "ssim": 0.5}
    originals = dict.fromkeys(
        ("codec", "ratio", "snr_db", "channel", "psnr_db", "psnr_ci95", "ssim", "recognition_ratio")
    )
    rows = [Row(**originals | judged)]
    for part in plan:
        for codec in part.grid.codecs:
            for ratio in part.grid.ratios:
                for channel in part.grid.channels:
                    for snr_db in part.grid.snrs_db:
                        at = {"codec": codec, "ratio": round(float(ratio), 6), "snr_db": snr_db, "channel": channel}
                        rows.append(Row(**at | judged | seen | {"recognition_ratio": 0.5 + snr_db / 100}))
    return rows


def test_all_send_in_as_many_symbols_with_one_scheme(zoo_of_digits: Path) -> None:
    grids = [each.grid for each in dong.plan()]
    for compression, name in MNIST.codecs.items():
        codec = zoo.load_codec(name)
        of_it = [grid for grid in grids if name in grid.codecs]
        assert {ratio for grid in of_it for ratio in grid.ratios} == {Fraction(codec.symbols_for(28, 28), 3 * 28 * 28)}
        assert all(grid.codecs == [name, JPEG] and grid.free_headers for grid in of_it)
        assert codec.weights.z_dims == Z_DIMS[name] == pytest.approx(28 * 28 / compression, abs=1)
    direct = [grid for grid in grids if grid.codecs == [DIRECT]]
    assert {tuple(grid.channels): grid.snrs_db for grid in direct} == {
        ("awgn",): SNRS_DB["awgn"],
        ("rayleigh",): SNRS_DB["rayleigh"],
    }
    assert float(direct[0].ratios[0]) * 3 * 28 * 28 == pytest.approx(
        28 * 28 * 8, rel=0.02
    )  # QPSK at rate 1/2: a bit each


def test_the_figures_of_what_is_there_are_drawn(zoo_of_digits: Path) -> None:
    rows = made_up(dong.plan())
    dong.write(rows, zoo_of_digits, commit="abc")
    drawn = sorted(path.name for path in zoo_of_digits.glob("*.png"))
    assert drawn == ["fig04.png", "fig05.png", "fig06.png", "fig07.png", "fig08.png"]
    assert Image.open(zoo_of_digits / "fig04.png").size[0] > 1000  # SSIM, PSNR, recognition ratio; no LPIPS here
    assert "| JPEG + LDPC, headers free | rayleigh | 25 |" in (zoo_of_digits / "tables.md").read_text()


def test_a_curve_has_the_points_of_one_codec_at_one_ratio(zoo_of_digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for row in made_up(dong.plan()) if row.channel == "awgn"]
    kept: dict[str, list[float]] = {}
    monkeypatch.setattr(
        dong_figures,
        "curve",
        lambda axes, rows, x, value, *, label, **style: kept.update({label: [x(row) for row in rows]}),
    )
    dong_figures._by_snr(rows, MNIST, zoo_of_digits / "x.png")
    assert kept == dict.fromkeys(("AESC-I", "JPEG + LDPC, headers free", "direct + LDPC"), list(SNRS_DB["awgn"]))
    kept.clear()
    dong_figures._by_compression(rows, MNIST, zoo_of_digits / "x.png")
    assert set(map(tuple, kept.values())) == {(4, 8, 20)} and len(kept) == 2 * len(BY_COMPRESSION_DB)


def test_pictures_to_show_are_none_of_the_data_set() -> None:
    for study, side in zip(STUDIES, (28, 32), strict=True):
        first, second = dong_figures._examples(study)
        assert first.shape == second.shape == (side, side, 3) and first.std() > 20 and (first != second).any()


def test_without_codecs_it_is_said_what_to_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    with pytest.raises(CodecError, match="no codec of AESC-I .* docs/aesc.md"):
        dong.plan()
