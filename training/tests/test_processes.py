# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps made of shards, by one process and by two."""

import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image
from semcom_models import zoo
from semcom_models.resnet import ResNet20
from semcom_training.deepjscc import DeepJSCC
from semcom_training.errors import ConfigError
from semcom_training.loop import Schedule, fit, step
from semcom_training.losses import LossWeights
from semcom_training.processes import World, joined
from semcom_training.semre import SemRE
from small import CONDITIONS, HOW, gradients_of_colour, networks, semantic
from torch import distributed, multiprocessing

ROOT = Path(__file__).resolve().parents[2]
SCHEDULE = Schedule(epochs=2, batch=16, learning_rate=1e-3, shards=4)


def semre() -> SemRE:
    torch.manual_seed(0)
    return semantic("SemRE", LossWeights(reconstruction_scale=100), CONDITIONS, ResNet20())


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(number) for number in range(count)]


def test_a_step_goes_by_the_mean_gradient_and_the_mean_statistics_of_its_shards() -> None:
    images, parts = gradients_of_colour(), torch.arange(16).chunk(2)
    alone = []
    for part, generator in zip(parts, generators(2), strict=True):
        method = DeepJSCC(networks(), CONDITIONS, **HOW)
        step(method, torch.optim.SGD(method.trained.parameters(), 1), images, [(part, generator)])
        alone.append(method.trained.state_dict())
    method = DeepJSCC(networks(), CONDITIONS, **HOW)
    shards = list(zip(parts, generators(2), strict=True))
    step(method, torch.optim.SGD(method.trained.parameters(), 1), images, shards)
    for name, value in method.trained.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (alone[0][name] + alone[1][name]) / 2, rtol=1e-4, atol=1e-6)


def take_part(rank: int, folder: Path) -> None:
    """One of the two processes."""
    torch.set_num_threads(1)
    os.environ["RANK"] = str(rank)
    with joined() as world:
        group = weakref.ref(distributed.group.WORLD)
        print("of the first alone")
        method, images = semre(), gradients_of_colour()
        if rank:
            torch.nn.init.zeros_(method.networks.encoder.head[0].weight)  # those of the first process count
        fit(method, SCHEDULE, images, images, seed=1, run=folder, world=world)
        torch.save(method.trained.state_dict(), folder / f"{rank}.pt")
        with pytest.raises(ConfigError, match="different checkpoints"):
            world.start_alike(method.trained, epochs_done=rank)
    assert group() is None, "the threads of the group run on, and abort the process where they meet its end"


@pytest.mark.slow
def test_two_processes_train_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    for name, value in {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    multiprocessing.spawn(take_part, (tmp_path,), nprocs=2)
    assert capfd.readouterr().out.count("of the first alone") == 1
    alone, images = semre(), gradients_of_colour()
    fit(alone, SCHEDULE, images, images, seed=1, run=tmp_path / "alone")
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for name, value in alone.trained.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(one[name], two[name], rtol=0, atol=0)
            torch.testing.assert_close(one[name], value, rtol=1e-3, atol=1e-5)


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as world:
        assert world == World(device=world.device)


def test_shards_are_of_equal_size() -> None:
    with pytest.raises(ValueError, match="a batch of 16 does not fall into 3 equal shards"):
        Schedule(epochs=1, batch=16, learning_rate=1, shards=3)


@pytest.mark.slow
def test_torchrun_trains_what_one_process_does(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(
        'name = "tiny"\nmethod = "classifier"\ncompiled = false\nweight_decay = 0\n'
        'data = {kind = "folder", path = "album", side = 12}\n'
        "schedule = {epochs = 2, batch = 4, learning_rate = 0.01, shards = 2}\n"
    )
    for number in range(20):
        folder = tmp_path / "album" / ("dark" if number < 10 else "bright")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (10 * number,) * 3).save(folder / f"{number}.png")

    def train(*started_by: str, into: str, more: Sequence[str] = ()) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", *started_by, "semcom_training", "train", "classifier", "--config", "tiny.toml"]
        places = ["--runs", f"{into}-runs", "--out", into]
        environment = os.environ | {"PYTHONPATH": f"{ROOT}/models:{ROOT}/training", "OMP_NUM_THREADS": "1"}
        return subprocess.run([*command, *places, *more], cwd=tmp_path, env=environment, capture_output=True, text=True)

    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    assert train(into="one").returncode == 0
    both = train(*torchrun, into="two")
    assert both.returncode == 0, both.stderr
    assert both.stdout.count("epoch 2/2") == 1
    one, two = (zoo.load_classifier(tmp_path / name / "tiny").state_dict() for name in ("one", "two"))
    for name, value in one.items():
        if value.is_floating_point():
            torch.testing.assert_close(two[name], value, rtol=1e-2, atol=1e-3)  # as halves
    assert zoo.read_card(tmp_path / "two/tiny").training["processes"] == 2
    refused = train(*torchrun, into="three", more=["schedule.shards=1"])
    assert refused.returncode != 0
    assert "2 processes cannot share 1 shards evenly; set schedule.shards=2 or a multiple of it" in refused.stderr
