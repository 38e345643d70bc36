# SPDX-License-Identifier: GPL-3.0-or-later
"""From a config to a card with figures: the commands, on made-up pictures of the form of CIFAR-10."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from semcom_models import measure, zoo
from semcom_training import __main__ as commands
from semcom_training.data import cifar10

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


@pytest.fixture
def lab(small_cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two configs and an empty zoo."""
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


def test_train_and_eval_write_a_card(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(lab, "train", lab / "classifier.toml", monkeypatch=monkeypatch)
    run(lab, "train", lab / "codec.toml", monkeypatch=monkeypatch)
    run(lab, "eval", "tiny", "--images", "4", "--seed", "3", "--card", monkeypatch=monkeypatch)
    judge, card = (zoo.read_card(lab / "zoo" / name) for name in ("resnet20-cifar10", "tiny"))
    assert (card.method, card.architecture, card.ratio) == ("semcc", "semcc", "1/6")
    assert card.training["config"]["pretraining"]["schedule"]["epochs"] == 1
    assert (card.training["epochs"], card.training["channel"]) == (2, "awgn")
    assert card.training["weights_sha256"] == {"resnet20-cifar10": judge.weights_sha256}
    (result,) = card.results
    assert result["command"] == "./semcom eval tiny --images 4 --seed 3"
    assert result["weights_sha256"] == {"resnet20-cifar10": judge.weights_sha256}
    codec, sent = zoo.load_codec("tiny"), cifar10("test").images.permute(0, 2, 3, 1).numpy()
    for row in result["rows"]:
        psnr_db = measure.psnr_db(sent, measure.over_awgn(codec, sent, snr_db=row["snr_db"], seed=3))
        assert row["psnr_db"] == pytest.approx(psnr_db.mean(), abs=0.01)
        assert row["psnr_db_se"] == pytest.approx(np.std(psnr_db, ddof=1) / 2, abs=0.01)
        assert row["accuracy"] * 4 == int(row["accuracy"] * 4)
        assert row["accuracy_se"] == pytest.approx((row["accuracy"] * (1 - row["accuracy"]) / 4) ** 0.5, abs=1e-4)


def test_a_run_of_another_config_is_not_taken_over(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(lab, "train", lab / "classifier.toml", monkeypatch=monkeypatch)
    begun = json.loads((lab / "runs" / "resnet20-cifar10" / "begun.json").read_text())
    assert begun["config"]["weight_decay"] == 0
    (lab / "classifier.toml").write_text(CLASSIFIER.replace("weight_decay = 0", "weight_decay = 0.1"))
    with pytest.raises(SystemExit, match="begun with another config"):
        run(lab, "train", lab / "classifier.toml", monkeypatch=monkeypatch)


def test_a_run_goes_on_whose_record_has_no_channel_yet(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those begun when AWGN was the only one; with another channel it is another config."""
    run(lab, "train", lab / "classifier.toml", monkeypatch=monkeypatch)
    run(lab, "train", lab / "codec.toml", monkeypatch=monkeypatch)
    record = lab / "runs" / "tiny" / "begun.json"
    begun = json.loads(record.read_text())
    assert begun["config"]["link"].pop("channel") == {"kind": "awgn"}
    record.write_text(json.dumps(begun))
    run(lab, "train", lab / "codec.toml", monkeypatch=monkeypatch)
    assert "channel" not in zoo.read_card(lab / "zoo" / "tiny").training["config"]["link"]
    fading = 'erasure_rate = 0, channel = {kind = "rayleigh", coherence = "fast"}'
    (lab / "codec.toml").write_text(CODEC.replace("erasure_rate = 0", fading))
    with pytest.raises(SystemExit, match="begun with another config"):
        run(lab, "train", lab / "codec.toml", monkeypatch=monkeypatch)
    record.unlink()
    run(lab, "train", lab / "codec.toml", monkeypatch=monkeypatch)
    assert zoo.read_card(lab / "zoo" / "tiny").training["channel"] == "rayleigh, fast"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["eval", "nothing"], "no codec 'nothing'"),
        (["eval", "resnet20-cifar10", "--images", "5"], "5 test images were asked for; there are 4"),
        (["train", "none.toml"], "none.toml cannot be read"),
        (["train", "codec.toml"], "no codec 'resnet20-cifar10'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    lab: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(lab)
    if "--images" in arguments:
        run(lab, "train", lab / "classifier.toml", monkeypatch=monkeypatch)
    with pytest.raises(SystemExit, match=sentence):
        run(lab, *arguments, monkeypatch=monkeypatch)
