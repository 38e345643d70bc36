# SPDX-License-Identifier: GPL-3.0-or-later
"""./semcom split: two programs with pictures of the form of MNIST's, either of which is killed and started again."""

import gzip
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from semcom_models import zoo
from semcom_models.smallnet import SmallNet

PATIENCE_S = 600
IMAGES = 720  # a tenth of which is held out
EPOCHS = 60
LEADS = ("split", "rx", "deepsc-tu-mnist", "--keys", "keys")
TRAINED = ("deepsc-tu-mnist", "pretraining=0", f"schedule.epochs={EPOCHS}", "schedule.batch=108")


STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with pictures, a judge and keys; what was started there ends with the test."""
    folder, rng = tmp_path / "data/MNIST/raw", np.random.default_rng(0)
    folder.mkdir(parents=True)
    pixels = {"images-idx3": rng.integers(0, 256, (IMAGES, 28, 28)), "labels-idx1": np.arange(IMAGES) % 10}
    for name, values in pixels.items():
        header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
        raw = header + values.astype(np.uint8).tobytes()
        (folder / f"train-{name}-ubyte.gz").write_bytes(gzip.compress(raw))
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path / "zoo"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.manual_seed(0)
    card = {"method": "classifier", "architecture": "small", "arguments": {"classes": 10}, "ratio": None}
    made = zoo.Card(name="smallnet-mnist", training={}, results=[], weights_sha256="", **card)
    zoo.save(tmp_path / "zoo/smallnet-mnist", SmallNet(classes=10), made)
    run(tmp_path, "split", "keys", "keys")
    yield tmp_path
    while STARTED:
        STARTED.pop().kill()


def start(lab: Path, *command: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    program = subprocess.Popen(
        [sys.executable, "-m", "semcom_training", *command],
        cwd=lab,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    STARTED.append(program)
    return program


def run(lab: Path, *command: str) -> str:
    program = start(lab, *command)
    said, _ = program.communicate(timeout=PATIENCE_S)
    assert program.returncode == 0, said
    return said


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def wait_for_epoch(receiver: subprocess.Popen[str], epoch: int) -> None:
    said = []
    for line in receiver.stdout:
        said.append(line)
        if line.startswith(f"epoch {epoch}/"):
            return
    raise AssertionError("".join(said))


@pytest.mark.slow
def test_two_programs_come_to_what_one_does_though_each_is_killed(lab: Path) -> None:
    address = free_address()
    leads = ("split", "rx", *TRAINED, "--keys", "keys", "--runs", "runs", "--out", "split", "--bind", address)
    follows = ("split", "tx", "mnist", "--keys", "keys", "--runs", "runs", "--connect", address)
    receiver, transmitter = start(lab, *leads), start(lab, *follows)
    wait_for_epoch(receiver, 2)
    transmitter.kill()
    transmitter.communicate()
    transmitter = start(lab, *follows)
    wait_for_epoch(receiver, 6)
    receiver.kill()
    receiver.communicate()
    receiver = start(lab, *leads)
    said, _ = transmitter.communicate(timeout=PATIENCE_S)
    assert transmitter.returncode == 0 and "Over: " in said, said
    said, _ = receiver.communicate(timeout=PATIENCE_S)
    assert receiver.returncode == 0 and f"epoch {EPOCHS}/{EPOCHS}" in said, said
    assert int(re.search(r"goes on from epoch (\d+)", said)[1]) > 6
    run(lab, "train", *TRAINED, "--runs", "alone", "--out", "joint")
    one, other = (
        safetensors.torch.load_file(lab / name / "deepsc-tu-mnist" / zoo.WEIGHTS) for name in ("split", "joint")
    )
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-2, atol=1e-3)  # half precision
    own = safetensors.torch.load_file(lab / "runs/split/transmitter/encoder.safetensors")
    torch.testing.assert_close(own["network.weight"].half(), one["encoder.network.weight"])


@pytest.mark.slow
def test_channel_inputs_may_go_by_radio(lab: Path) -> None:
    """The virtual USRP at 20 dB, for which the coder is trained nearly as well as over a simulated channel."""
    pytest.importorskip("gnuradio.semcom")
    folders = os.environ.get("UHD_MODULE_PATH", "").split(os.pathsep)
    if not any(Path(folder, "libuhd_virtual.so").is_file() for folder in folders if folder):
        pytest.skip("there is no virtual USRP on UHD_MODULE_PATH; ./semcom test sets it")
    from processes import LOSS_DB, tx_gain_for

    name = f"/semcom-split-{os.getpid()}"
    device, address = f"type=virtual,air={name},speed=0.2", free_address()
    trained = ("deepsc-tu-mnist", "pretraining=0", "schedule.epochs=6", "schedule.batch=108", "link.snr_db=[20,20]")
    receiver = start(
        lab,
        *("split", "rx", *trained, "--keys", "keys", "--runs", "runs", "--out", "split", "--bind", address),
        *("--radio", f"{device},loss_db={LOSS_DB:g}"),
    )
    try:
        follows = ("split", "tx", "mnist", "--keys", "keys", "--runs", "runs", "--connect", address)
        run(lab, *follows, "--radio", device, "--gain", f"{tx_gain_for(20)}")
        said, _ = receiver.communicate(timeout=PATIENCE_S)
    finally:
        Path("/dev/shm", name[1:]).unlink(missing_ok=True)
    assert receiver.returncode == 0, said
    by_radio = re.findall(r"psnr_db ([\d.]+)", said)
    alone = re.findall(r"psnr_db ([\d.]+)", run(lab, "train", *trained, "--runs", "alone", "--out", "joint"))
    assert len(by_radio) == len(alone) == 6
    assert [float(psnr_db) for psnr_db in by_radio] == pytest.approx([float(psnr_db) for psnr_db in alone], abs=0.1)


@pytest.mark.slow
def test_pretraining_ships_the_encoder_and_says_what_that_saves(lab: Path) -> None:
    address = free_address()
    few = ("deepsc-tu-mnist", "schedule.epochs=1", "schedule.batch=108")
    receiver = start(lab, "split", "rx", *few, "pretraining=3", "--keys", "keys", "--runs", "runs", "--bind", address)
    run(lab, "split", "tx", "mnist", "--keys", "keys", "--runs", "runs", "--connect", address)
    said, _ = receiver.communicate(timeout=PATIENCE_S)
    assert receiver.returncode == 0, said
    # 784 by 78 weights and 78 biases; three times 78 values a picture, of 4 bytes
    assert "The encoder, 0.2 MB, goes over the link in place of 1.8 MB." in said
    command = zoo.read_card(lab / "zoo/deepsc-tu-mnist").training["command"]
    assert command == "./semcom split rx deepsc-tu-mnist schedule.epochs=1 schedule.batch=108 pretraining=3"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("split", "rx", "deepsc-tu-mnist", "--keys", "none"), "cannot be read as keys"),
        (("split", "rx", "resnet20-mnist", "--keys", "keys"), "resnet20-mnist is not"),
        ((*LEADS, "networks.arguments.symbols_per_cell=70000"), "whole numbers to 65535"),
        (
            (*LEADS, "networks.arguments.symbols_per_cell=12000", "weights.tradeoff=0.5"),
            "64 MiB at most, and the encoder",
        ),
        ((*LEADS, "pretraining=100000", "--bind", "nowhere"), "Nothing can be bound to nowhere"),
        (("split", "tx", "mnist", "--keys", "none"), "cannot be read as keys"),
        (("split", "tx", "mnist", "--keys", "keys", "--connect", "nowhere"), "no address to connect to"),
    ],
)
def test_what_cannot_begin_ends_in_a_sentence(lab: Path, command: tuple[str, ...], why: str) -> None:
    program = start(lab, *command)
    said, _ = program.communicate(timeout=PATIENCE_S)
    assert program.returncode == 1 and why in said and "Traceback" not in said
