# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves to be looked at, and what it says it was begun with."""

import json
import platform
import time
from pathlib import Path

import pytest
import torch
from semcom_training.config import ConfigError, read_config
from semcom_training.data import LabelledImages
from semcom_training.deepjscc import DeepJSCC
from semcom_training.log import STEPS_A_POINT, Log, reports
from semcom_training.loop import Schedule, fit
from semcom_training.processes import ALONE
from semcom_training.records import begin
from small import CONDITIONS, HOW, gradients_of_colour, networks
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

CONFIG = """
name = "x"
method = "classifier"
weight_decay = 0.1
schedule = {epochs = 1, batch = 1, learning_rate = 1}
"""


def scalars(folder: Path) -> dict[str, list]:
    """What TensorBoard shows, by name."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: events.Scalars(tag) for tag in events.Tags()["scalars"]}


def test_tensorboard_shows_steps_and_epochs(tmp_path: Path) -> None:
    images = gradients_of_colour()
    schedule = Schedule(epochs=3, batch=8, learning_rate=1e-3)
    method = DeepJSCC(networks(), CONDITIONS, **HOW)
    fit(method, schedule, images, images, seed=1, run=tmp_path / "training", log=Log(tmp_path, stage="training"))
    shown = scalars(tmp_path / "tensorboard/training")
    assert [point.step for point in shown["step/loss"]] == [STEPS_A_POINT]
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [(line["stage"], line["epoch"]) for line in lines] == [("training", 1), ("training", 2), ("training", 3)]
    assert shown["step/loss"][0].value == pytest.approx(
        (8 * lines[0]["loss"] + 8 * lines[1]["loss"] + 8 * lines[2]["loss"]) / 24, abs=1
    )
    (rate,) = shown["step/learning_rate"]
    assert 0 < rate.value < 1e-3
    name = next(name for name in lines[0] if name.startswith("psnr_db@"))
    assert [point.value for point in shown[f"epoch/{name}"]] == pytest.approx([line[name] for line in lines])
    assert [point.step for point in shown["epoch/loss"]] == [8, 16, 24]
    assert reports(tmp_path) == lines


def test_what_was_logged_after_the_checkpoint_does_not_count(tmp_path: Path) -> None:
    for first in (1, 2):
        time.sleep(1.1)  # TensorBoard reads files in the order of the seconds they were begun in
        log = Log(tmp_path, stage="training")
        log.begin(step=(first - 1) * STEPS_A_POINT)
        for number in range(first, 4):
            log.step(number * STEPS_A_POINT, loss=float(first), learning_rate=0.1)
        log.close()
    points = scalars(tmp_path / "tensorboard/training")["step/loss"]
    assert [(point.step, point.value) for point in points] == [(20, 1), (40, 2), (60, 2)]
    assert reports(tmp_path) == []


def test_run_json_says_how_to_run_it_again(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(CONFIG)
    (tmp_path / "run/transmitter").mkdir(parents=True)
    (tmp_path / "run/transmitter/half.pt").touch()  # of ./semcom split tx by this name
    config, images = read_config(tmp_path / "x.toml", ["seed=7"]), gradients_of_colour()
    begun = begin(tmp_path / "run", config, images, command="./semcom train x seed=7", world=ALONE)
    assert json.loads((tmp_path / "run/run.json").read_text()) == begun
    assert begun["command"] == "./semcom train x seed=7"
    assert type(config).model_validate(begun["config"]) == config
    assert (begun["seed"], begun["data"], begun["processes"]) == (7, "CIFAR-10, 64 training images", 1)
    assert begun["versions"]["python"] == platform.python_version()
    assert begun["versions"].keys() == {"python", "torch", "numpy", "gr-semcom"}
    assert begun["machine"]["threads"] == torch.get_num_threads()
    (tmp_path / "run/training").mkdir()
    (tmp_path / "run/training/checkpoint.pt").touch()
    assert begin(tmp_path / "run", config, images, command="another", world=ALONE) == begun
    other = LabelledImages(images.images, images.labels.flip(0))
    with pytest.raises(ConfigError, match="another config, other data or other weights"):
        begin(tmp_path / "run", config, other, command="", world=ALONE)
