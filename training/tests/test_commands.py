# SPDX-License-Identifier: GPL-3.0-or-later
"""From a config to a card with figures: the commands, on made-up pictures of the form of CIFAR-10."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from semcom_models import measure, zoo
from semcom_training import __main__ as commands
from semcom_training.data import cifar10
from semcom_training.evaluate import Evaluation, around_mean, wilson
from semcom_training.pictures import load_pictures

CLASSIFIER = """
name = "resnet20-cifar10"
method = "classifier"
compiled = false
weight_decay = 0
schedule = {epochs = 1, batch = 4, learning_rate = 0.01}
"""
CODEC = """
name = "tiny"
method = "semcc"
compiled = false
downstream = "resnet20-cifar10"
networks = {architecture = "semcc", arguments = {widths = [4, 4, 4], symbols_per_cell = 8, coding_blocks = 0}}
link = {snr_db = [0, 20], erasure_rate = 0}
pretraining.weights = {alpha = 0.5, reconstruction_scale = 1}
pretraining.schedule = {epochs = 1, batch = 4, learning_rate = 0.001}
fine_tuning.weights = {alpha = 0.5, reconstruction_scale = 1}
fine_tuning.schedule = {epochs = 1, batch = 4, learning_rate = 0.001}
"""
AESC = """
name = "mine"
method = "aesc"
compiled = false
downstream = "resnet20-cifar10"
architecture = "aesc-cifar10"
z_dims = 7
weights = {gamma = 0.1, reconstruction = "mse"}
schedule = {epochs = 1, batch = 4, learning_rate = 0.001}
"""

CLASSIFY = ("train", "classifier", "--config", "classifier.toml")
CODE = ("train", "semcc", "--config", "codec.toml")


@pytest.fixture
def lab(small_cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two configs and an empty zoo, to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path / "zoo"))
    (tmp_path / "classifier.toml").write_text(CLASSIFIER)
    (tmp_path / "codec.toml").write_text(CODEC)
    return tmp_path


def run(lab: Path, *arguments: str | Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = ["--runs", str(lab / "runs")] if arguments[0] == "train" else []
    monkeypatch.setattr(sys, "argv", ["semcom", *map(str, arguments), *runs])
    try:
        commands.main()
    except SystemExit as end:
        if end.code:
            raise


@pytest.fixture
def trained_lab(lab: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With both configs trained, which is done once: each test gets a copy."""
    kept = tmp_path_factory.getbasetemp() / "trained_lab"
    if kept.exists():
        shutil.copytree(kept, lab, dirs_exist_ok=True)
    else:
        run(lab, *CLASSIFY, monkeypatch=monkeypatch)
        run(lab, *CODE, monkeypatch=monkeypatch)
        for folder in ("zoo", "runs"):
            shutil.copytree(lab / folder, kept / folder)
    return lab


def test_train_and_eval_write_a_card(trained_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = ["--codec", "tiny", "--snr=-1,10", "--channel", "awgn,rayleigh", "--images", "4", "--seed", "3"]
    run(trained_lab, "eval", *points, "--json", trained_lab / "rows.json", "--card", monkeypatch=monkeypatch)
    judge, card = (zoo.read_card(trained_lab / "zoo" / name) for name in ("resnet20-cifar10", "tiny"))
    assert (card.method, card.architecture, card.ratio) == ("semcc", "semcc", "1/6")
    assert card.training["command"] == "./semcom train semcc --config codec.toml"
    assert card.training["config"]["pretraining"]["schedule"]["epochs"] == 1
    assert (card.training["epochs"], card.training["channel"]) == (2, "awgn")
    assert card.training["weights_sha256"] == {"resnet20-cifar10": judge.weights_sha256}
    (result,) = card.results
    options = "--codec tiny --snr=-1,10 --channel awgn,rayleigh --downstream resnet20-cifar10 --images 4 --seed 3"
    assert result["command"] == f"./semcom eval {options}"
    assert result["weights_sha256"] == {"resnet20-cifar10": judge.weights_sha256}
    assert json.loads((trained_lab / "rows.json").read_text())["rows"] == result["rows"]
    codec, sent = zoo.load_codec("tiny"), cifar10("test").images.permute(0, 2, 3, 1).numpy()
    assert [(row["channel"], row["snr_db"]) for row in result["rows"]] == [
        (channel, snr_db) for channel in ("awgn", "rayleigh") for snr_db in (-1, 10)
    ]
    for row in result["rows"]:
        point = {"channel": row["channel"], "snr_db": row["snr_db"]}
        psnr_db = measure.psnr_db(sent, measure.over_channel(codec, sent, seed=3, **point))
        assert row["psnr_db"] == pytest.approx(psnr_db.mean(), abs=0.01)
        assert row["psnr_ci95"] == pytest.approx(around_mean(psnr_db), abs=0.01)
        assert row["accuracy_ci95"] == pytest.approx([100 * x for x in wilson(row["accuracy"] / 100, 4)], abs=0.01)
        assert row["ratio"] == pytest.approx(1 / 6, abs=1e-6)


def test_aesc_is_trained_and_measured_as_any_codec(trained_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (trained_lab / "aesc.toml").write_text(AESC)
    run(trained_lab, "train", "aesc", "--config", "aesc.toml", monkeypatch=monkeypatch)
    run(trained_lab, "eval", "--codec", "mine", "--snr", "5,20", "--images", "4", "--card", monkeypatch=monkeypatch)
    card = zoo.read_card(trained_lab / "zoo" / "mine")
    assert (card.arguments, card.training["channel"]) == ({"z_dims": 7}, None)
    assert set(card.training["weights_sha256"]) == {"resnet20-cifar10"}
    low, high = card.results[0]["rows"]
    assert low["psnr_db"] == high["psnr_db"] > 5
    for wrong, sentence in (("architecture=aesc-mnist", "for pictures of 28x28, not 32"), ("z_dims=999", "less than")):
        with pytest.raises(SystemExit, match=sentence):
            run(trained_lab, "train", "aesc", wrong, "name=other", "--config", "aesc.toml", monkeypatch=monkeypatch)


def test_eval_of_the_originals_goes_into_the_card_of_the_judge(
    trained_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(trained_lab, "eval", "--codec", "none", "--images", "4", "--card", monkeypatch=monkeypatch)
    (result,) = zoo.read_card(trained_lab / "zoo" / "resnet20-cifar10").results
    (row,) = result["rows"]
    assert (row["codec"], row["psnr_db"], row["ssim"]) == (None, None, 1)
    assert row["recognition_ratio"] in (1, None)


MISTAKES = {
    "no codec or network 'oracle'": ["--codec", "oracle"],
    "tiny sends at k/n 1/6, not at 0.0416667": ["--ratio", "1/24"],
    "'a sixth' is no list of numbers": ["--ratio", "a sixth"],
    "'1/0' is no list of numbers": ["--ratio", "1/0"],
    "'high' is no list of numbers": ["--snr", "high"],
    "is nan dB": ["--snr", "nan"],
    "no channel 'copper'": ["--channel", "copper"],
    "5 test images were asked for; there are 4": ["--images", "5"],
    "there is no codec or network 'oracle'": ["--downstream", "oracle"],
    "no_such:thing cannot be made": ["--downstream", "no_such:thing"],
    "math:inf cannot be made": ["--downstream", "math:inf"],
    "builtins:dict is a dict, no torch.nn.Module": ["--downstream", "builtins:dict"],
    "nothing to measure": ["--snr", ""],
    "no data set and no folder 'kodak'; data sets: cifar10, cheap-camera, mnist, ": ["--dataset", "kodak"],
    "resnet20-cifar10 was not trained to judge album": ["--dataset", "album"],
    "give one codec": ["--codec", "tiny,tiny", "--card"],
    r"jpeg\+ldpc has none": ["--codec", "jpeg+ldpc", "--card"],
    "no folder /no/such": ["--json", "/no/such/rows.json"],
    "have da or retrained among": ["--observed", "USPS", "--adaptation", "none", "--card"],
}


def test_eval_tells_what_cannot_be(trained_lab: Path, album: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for message, wrong in MISTAKES.items():
        options = {"--codec": "tiny", "--images": "4"} | dict([wrong[:2]])
        arguments = [each for option in options.items() for each in option]
        with pytest.raises(SystemExit, match=f"(?i){message}"):
            run(trained_lab, "eval", *arguments, *wrong[2:], monkeypatch=monkeypatch)


@pytest.mark.parametrize(
    "codec", ["oracle", "webp+ldpc,oracle", "oracle+ldpc", "oracle+capacity", "webp+ldpc@3qam-1/2"]
)
def test_eval_fetches_no_pictures_for_a_codec_that_is_not_there(
    codec: str, lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "load_pictures", lambda *_, **__: pytest.fail("pictures were fetched"))
    with pytest.raises(SystemExit, match=r"oracle|3qam"):
        run(lab, "eval", "--codec", codec, monkeypatch=monkeypatch)


def test_a_downstream_network_of_ones_own_judges(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lab / "my_judge.py").write_text(
        "import torch\n"
        "class Red(torch.nn.Module):\n"
        "    def forward(self, images):\n"
        "        return torch.nn.functional.one_hot((5 * images[:, 0, 0, 0]).long() // 5 + 5, 10).float()\n"
    )
    monkeypatch.syspath_prepend(lab)
    row = Evaluation(load_pictures("cifar10", count=4), downstream="my_judge:Red", seed=0).originals()
    assert (row.downstream, row.accuracy) == ("my_judge:Red", 100)


def test_pictures_of_any_size_are_measured(trained_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (trained_lab / "album").mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (3, 40, 48, 3), dtype=np.uint8)
    sent = [noise[0], noise[1, :24], noise[2]]
    for number, pixels in enumerate(sent):
        Image.fromarray(pixels).save(trained_lab / "album" / f"{number}.png")
    options = ["--codec", "tiny", "--snr", "10", "--dataset", "album", "--json", trained_lab / "rows.json"]
    run(trained_lab, "eval", *options, monkeypatch=monkeypatch)
    (row,) = json.loads((trained_lab / "rows.json").read_text())["rows"]
    assert (row["dataset"], row["images"], row["downstream"], row["accuracy"]) == ("album", 3, None, None)
    codec = zoo.load_codec("tiny")
    alike = [np.stack([sent[1]]), np.stack([sent[0], sent[2]])]
    received = [measure.over_channel(codec, group, snr_db=10, seed=0) for group in alike]
    expected = np.concatenate([measure.psnr_db(*pair) for pair in zip(alike, received, strict=True)])
    assert row["psnr_db"] == pytest.approx(expected.mean(), abs=0.01)
    with pytest.raises(SystemExit, match="4 test images were asked for; there are 3 in album"):
        run(trained_lab, "eval", *options, "--images", "4", monkeypatch=monkeypatch)


def test_wilsons_interval() -> None:
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(1.0, 1000) == pytest.approx((0.99617, 1), abs=1e-5)


@pytest.fixture
def album(lab: Path) -> list[str]:
    """20 pictures of two classes; what makes a config train on them."""
    for number in range(20):
        folder = lab / "album" / ("dark" if number < 10 else "bright")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 17), (10 * number,) * 3).save(folder / f"{number}.png")
    return ["data={kind='folder', path='album', side=15}"]


def test_a_folder_of_pictures_trains_a_judge_and_a_codec(
    lab: Path, album: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(lab, *CLASSIFY, *album, monkeypatch=monkeypatch)
    assert zoo.read_card(lab / "zoo" / "resnet20-cifar10").arguments == {"classes": 2}
    run(lab, *CODE, *album, monkeypatch=monkeypatch)
    assert zoo.read_card(lab / "zoo" / "tiny").training["data"] == "album, 16 training images"
    run(lab, "eval", "--codec", "none", "--dataset", "album", "--json", lab / "rows.json", monkeypatch=monkeypatch)
    (row,) = json.loads((lab / "rows.json").read_text())["rows"]
    assert (row["dataset"], row["images"], row["recognition_ratio"]) == ("album", 20, 1)
    with pytest.raises(SystemExit, match="resnet20-cifar10 knows 2 classes, and CIFAR-10 has 10"):
        run(lab, *CODE, "name=other", monkeypatch=monkeypatch)


def test_a_run_of_another_config_is_not_taken_over(trained_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = json.loads((trained_lab / "runs" / "resnet20-cifar10" / "run.json").read_text())
    assert begun["config"]["weight_decay"] == 0
    with pytest.raises(SystemExit, match="resnet20-cifar10 has weights of another config"):
        run(trained_lab, *CLASSIFY, "weight_decay=0.1", monkeypatch=monkeypatch)
    with pytest.raises(SystemExit, match="begun with another config"):
        run(trained_lab, *CLASSIFY, "weight_decay=0.1", "--out", "elsewhere", monkeypatch=monkeypatch)


def test_a_run_goes_on_whose_record_has_no_channel_yet(trained_lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those begun when AWGN was the only one; with another channel it is another config."""
    record = trained_lab / "runs" / "tiny" / "run.json"
    begun = json.loads(record.read_text())
    assert begun["config"]["link"].pop("channel") == {"kind": "awgn"}
    record.write_text(json.dumps(begun))
    run(trained_lab, *CODE, monkeypatch=monkeypatch)
    assert "channel" not in zoo.read_card(trained_lab / "zoo" / "tiny").training["config"]["link"]
    fading = 'link.channel={kind="rayleigh", coherence="fast"}'
    with pytest.raises(SystemExit, match="tiny has weights of another config"):
        run(trained_lab, *CODE, fading, monkeypatch=monkeypatch)
    run(trained_lab, *CODE, fading, "name=fading", monkeypatch=monkeypatch)
    training = zoo.read_card(trained_lab / "zoo" / "fading").training
    assert training["channel"] == "rayleigh, fast"
    assert shlex.split(training["command"]) == ["./semcom", *CODE[:2], fading, "name=fading", *CODE[2:]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["semcc", "--config", "none.toml"], "none.toml cannot be read"),
        (["semcc", "--config", "codec.toml"], "no codec or network 'resnet20-cifar10'"),
        (["deepsc", "--config", "codec.toml"], "codec.toml is a config for the method semcc, not for deepsc"),
        (["deepcc"], "No config is called 'deepcc'; there are aesc-cifar10, aesc-mnist, cheap-camera-to-cifar10"),
        (["semcc", "schedule.epoch=2"], "semcc.toml, schedule: Extra inputs are not permitted"),
        (["semcc", "epochs"], "'epochs' is no key=value"),
        (["classifier", "--config", "classifier.toml", "schedule.batch=19"], "A batch of 19 is more than the 18"),
        (["classifier", "--config", "classifier.toml", "arguments.classes=4"], "CIFAR-10 has 10 classes, not 4"),
        (["classifier", "--config", "classifier.toml", "arguments.depth=4"], "resnet20 cannot be built so"),
        (
            ["classifier", "--config", "classifier.toml", "data={kind='folder', path='album', side=8}"],
            "The method classifier learns from labels and album has none",
        ),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    lab: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    (lab / "album").mkdir()
    for number in range(10):
        Image.new("RGB", (8, 8)).save(lab / f"album/{number}.png")
    with pytest.raises(SystemExit, match=sentence):
        run(lab, "train", *arguments, monkeypatch=monkeypatch)
