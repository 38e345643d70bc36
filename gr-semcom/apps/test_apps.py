# SPDX-License-Identifier: GPL-3.0-or-later
"""The apps as a user runs them: each as a program, with files in and files out."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import bench_ldpc
import numpy as np
import pytest
import semcom_demo
from errors import told_in_a_sentence
from json_file import write_json
from link import DEFAULT_PEAK_LIMIT_DB
from PIL import Image
from semcom_models import zoo
from semcom_models.adaptive import Adaptive

APPS = Path(__file__).resolve().parent
ROW = set("image codec ratio ratio_air snr_db snr_est_db psnr_db ssim class_sent class_received ms".split())


def run(program: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(APPS / program), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two smooth pictures whose sizes the stride does not divide."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, (height, width) in {"wide": (61, 90), "tall": (75, 38)}.items():
        y, x = np.mgrid[0:height, 0:width]
        planes = [128 + 100 * np.sin(x / 15), 128 + 100 * np.cos(y / 11), (x + y) % 256]
        Image.fromarray(np.stack(planes, axis=2).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def adaptive(tmp_path: Path) -> Path:
    """A codec of many ratios, untrained."""
    arguments = {"widths": [4, 4, 8], "symbols_per_cell": 8, "coding_blocks": 0}
    card = zoo.Card(
        name="many",
        method="none",
        architecture="adaptive",
        arguments=arguments,
        ratio="1/48 to 1/6",
        training={},
        results=[],
        weights_sha256="",
    )
    zoo.save(tmp_path / "many", Adaptive(**arguments), card)
    return tmp_path / "many"


def test_demo_sends_pictures(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        "semcom_demo.py", "--images", pictures, "--snr", 5, 20, "--out", out, "--json", tmp_path / "rows.json",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [(row["image"], row["snr_db"]) for row in rows] == [("tall", 5), ("wide", 5), ("tall", 20), ("wide", 20)]
    for row in rows:
        assert set(row) == ROW
        assert row["snr_est_db"] == pytest.approx(row["snr_db"], abs=1)
        assert 0 < row["ratio"] < row["ratio_air"] < 10
        assert row["ms"] > 0
    psnr_db = {(row["image"], row["snr_db"]): row["psnr_db"] for row in rows}
    assert psnr_db["wide", 20] > psnr_db["wide", 5] + 1
    with Image.open(out / "demo.png") as picture:
        assert min(picture.size) > 400


@pytest.mark.slow
@pytest.mark.parametrize(("ratio", "symbols_a_cell"), [("1/24", 2), ("0.0625", 3)])
def test_demo_sends_at_the_ratio_asked_for(
    pictures: Path, adaptive: Path, tmp_path: Path, ratio: str, symbols_a_cell: int
) -> None:
    done = run(
        "semcom_demo.py", "--images", pictures / "wide.png", pictures, "--count", 1, "--snr", 20,
        "--codec", adaptive, "--ratio", ratio, "--json", tmp_path / "rows.json", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert set(row) == ROW
    assert row["ratio"] == symbols_a_cell * (16 * 23) / (61 * 90 * 3)
    assert row["ms"] > 0
    assert not (tmp_path / "sharpening.png").exists()  # it comes in one frame


@pytest.mark.slow
def test_demo_shows_how_a_picture_grows_sharper(adaptive: Path, tmp_path: Path) -> None:
    Image.linear_gradient("L").resize((200, 150)).save(tmp_path / "ramp.png")
    done = run("semcom_demo.py", "--images", "ramp.png", "--snr", 20, 5, "--codec", adaptive, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Wrote sharpening.png." in done.stdout
    with Image.open(tmp_path / "sharpening.png") as picture:
        assert min(picture.size) > 300


@pytest.mark.slow
def test_demo_shows_a_separate_codec_beside_a_trained_one(pictures: Path, tmp_path: Path) -> None:
    """Both for the middle SNR: one falls off a cliff, the other down a slope."""
    done = run(
        "semcom_demo.py", "--images", pictures / "wide.png", "--snr", 4, 12, 16, "--codec", "webp+ldpc",
        "--json", "rows.json", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    separate, trained = rows[:3], rows[3:]
    assert {row["codec"] for row in separate} == {"webp+ldpc@16qam-3/4"}
    assert separate[0]["psnr_db"] < 15 < 20 < separate[1]["psnr_db"] == separate[2]["psnr_db"]
    assert {row["codec"] for row in trained} == {"deepjscc"}
    assert 15 < trained[0]["psnr_db"] < trained[1]["psnr_db"] < trained[2]["psnr_db"]
    assert "Wrote demo.png." in done.stdout


@pytest.mark.slow
def test_what_demo_sees_is_said_by_the_network_that_the_codec_was_trained_for(pictures: Path, tmp_path: Path) -> None:
    done = run(
        "semcom_demo.py", "--images", pictures / "tall.png", "--snr", 10, "--codec", "aesc-mnist",
        "--json", "rows.json", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert row["class_sent"] in set("0123456789") and row["class_received"] in set("0123456789")
    assert "what resnet20-mnist makes of the picture" in done.stdout


@pytest.mark.slow
def test_demo_goes_on_without_the_broken_files_of_a_folder(pictures: Path, tmp_path: Path) -> None:
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    done = run("semcom_demo.py", "--images", pictures, "--snr", 20, "--json", "rows.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "broken.png" in done.stdout + done.stderr
    assert len(json.loads((tmp_path / "rows.json").read_text())["rows"]) == 2


@pytest.mark.slow
def test_demo_counts_what_is_lost(pictures: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(pictures / "wide.jpg")
    os.rename(pictures / "tall.png", os.fsencode(pictures) + b"/caf\xe9.png")
    done = run("semcom_demo.py", "--images", pictures, "--snr", -20, "--json", "rows.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [row["image"] for row in rows] == ["caf?", "wide.jpg", "wide.png"]
    for row in rows:
        assert (row["ms"], row["snr_est_db"], row["class_received"]) == (None, None, None)
        assert 0 < row["psnr_db"] < 20
        assert row["ratio_air"] > row["ratio"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--images", "nowhere.png"], "no file or folder nowhere.png"),
        (["--images", "text.png"], "no picture that can be read"),
        (["--images", "huge.png"], "so many pixels is too large to send"),
        (["--codec", "deepjscc-7"], "no codec or network 'deepjscc-7'"),
        (["--images", "text.png", "--dataset", "cifar10"], "not both"),
        (["--snr", "loud"], "loud"),
        (["--snr", "10", "inf"], "not inf"),
        (["--snr", "nan"], "not nan"),
        (["--cfo-hz", "10000"], "9549 Hz up or down"),
        (["--seed", "-1"], "seed"),
        (["--ratio", "2"], "not at 2; give a ratio that it has"),
        (["--ratio", "1/0"], "A bandwidth ratio is written as 1/24 or 0.04, not as '1/0'."),
        (["--ratio", "little"], "not as 'little'"),
        (["--json", "nowhere/rows.json"], "There is no folder nowhere."),
        (["--json", "."], "It is a folder."),
        (["--srn", "3"], "--snr"),
        (["--channel", "copper"], "copper"),
    ],
)
def test_demo_tells_what_is_wrong_and_writes_nothing(
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("this is no picture")
    if "huge.png" in arguments:
        Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    before = set(tmp_path.iterdir())
    json_file = () if "--json" in arguments else ("--json", "rows.json")
    with pytest.raises(SystemExit) as ended, told_in_a_sentence():
        semcom_demo.app([*arguments, *json_file])
    told = "".join(capsys.readouterr()) + str(ended.value.code)
    assert ended.value.code not in (0, None)
    assert sentence in " ".join(told.replace("│", " ").split())
    assert set(tmp_path.iterdir()) == before


def test_a_mistake_ends_the_program_without_a_traceback(tmp_path: Path) -> None:
    done = run("semcom_demo.py", "--images", "nowhere.png", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "semcom: There is no file or folder nowhere.png.\n"


def test_json_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    write_json(path, {"rows": [{"psnr_db": math.inf, "ms": np.float64("nan"), "snr_db": 1.5}]})
    assert json.loads(path.read_text()) == {"rows": [{"psnr_db": None, "ms": None, "snr_db": 1.5}]}
    with pytest.raises(TypeError):
        write_json(path, {"rows": [object()]})
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError):
        write_json(path, {})
    assert os.listdir(tmp_path) == ["figures.json"]


def find_test_images() -> None:
    """Skips the test where there are none."""
    from gnuradio.semcom.image_files import ImageError, find_pictures

    try:
        find_pictures("cifar10")
    except ImageError as error:
        pytest.skip(f"needs CIFAR-10: {error}")


def gap(*arguments: object, folder: Path) -> list[dict]:
    """The points of ./semcom bench gap."""
    find_test_images()
    done = run("semcom_bench.py", "gap", *arguments, "--json", folder / "gap.json", folder=APPS)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "gap.json").read_text())["points"]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_air_interface_costs_less_than_0_3_db_and_no_image(tmp_path: Path, seed: int) -> None:
    for point in gap("--seed", seed, folder=tmp_path):
        assert point["gap_db"] < 0.3
        assert point["images"] == (1000 if point["snr_db"] == 5 else 200)
        assert point["lost"] == 0 or point["snr_db"] < 5


@pytest.mark.long
def test_the_usual_peak_limit_costs_nothing_even_of_photographs_in_fragments(tmp_path: Path) -> None:
    done = run("semcom_bench.py", "peaks", "--pictures", "photos", "--json", tmp_path / "peaks.json", folder=APPS)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "peaks.json").read_text())["rows"]
    assert [row["peak_limit_db"] for row in rows] == ["none", DEFAULT_PEAK_LIMIT_DB, 10, 8, 7, 6, 5, 4, 3]
    costs_db = [row["cost_at_20_db"] for row in rows]
    assert abs(costs_db[1]) < 0.05 and costs_db[-1] > 0.5


@pytest.mark.long
def test_the_modem_keeps_what_the_docs_say(tmp_path: Path) -> None:
    """The quick measurement, so the bounds are wide; ./semcom bench phy without --quick is the one to quote."""
    command = [APPS.parents[1] / "semcom", "bench", "phy", "--quick", "--json", tmp_path / "phy.json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads((tmp_path / "phy.json").read_text())
    at = {point["esn0_db"]: point for point in figures["detect"]}
    assert at[-5]["ours"] > 0.95 and at[-3]["header"] > 0.9 and at[1]["header"] == 1
    assert max(point["median_db"] for point in figures["loss"]) < 0.3
    assert max(point["gap_to_perfect_csi_db"] for point in figures["tdl"]) < 0.7
    assert min(point["arrived"] for point in figures["tdl"]) > 0.95
    assert figures["false_alarms"]["count"] == 0 and figures["second_detections"]["count"] == 0


@pytest.mark.slow
def test_gap_counts_and_compares(tmp_path: Path) -> None:
    """A few images, and bounds to match."""
    points = gap("--images", 20, "--images-at-5-db", 30, folder=tmp_path)
    assert [(point["snr_db"], point["images"]) for point in points] == [(0, 20), (5, 30), (10, 20), (15, 20), (20, 20)]
    for point in points:
        assert point["lost"] == 0 or point["snr_db"] < 5
        assert point["gap_db"] == pytest.approx(point["psnr_layer_db"] - point["psnr_air_db"])
        assert abs(point["gap_db"]) < 1 or point["lost"]


def test_ldpc_decoders_are_measured_on_the_same_words() -> None:
    """gr-fec's, which is another's work, and ours: both fail at 0 dB and neither at 3 dB."""
    for esn0_db, expected in ((0.0, 6), (3.0, 0)):
        llr = bench_ldpc._received(bench_ldpc.SENT, 6, 10 ** (-esn0_db / 10), np.random.default_rng(1))
        for decoders in (bench_ldpc.wimax_decoders(), bench_ldpc.nr_decoders()):
            assert {decode(llr).sum() for decode in decoders.values()} == {expected}
