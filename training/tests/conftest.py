# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread: these networks are so small that threads wait for each other longer than they work."""

from pathlib import Path

import numpy as np
import pytest
import torch
from semcom_training.data import LabelledImages, cifar
from small import gradients_of_colour

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def blobs() -> LabelledImages:
    return gradients_of_colour()


@pytest.fixture
def small_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10's files with 4 records each, the label of record i of file f being f."""
    folder = tmp_path / cifar.FOLDER
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, name in enumerate([*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]):
        records = rng.integers(0, 256, (4, cifar.RECORD_BYTES), dtype=np.uint8)
        records[:, 0] = number
        records.tofile(folder / name)
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path))
    monkeypatch.setattr(cifar, "RECORDS", 4)
    return folder


@pytest.fixture
def greeting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transmitter does not wait before it greets its receiver again."""
    monkeypatch.setattr("semcom_training.split.transmitter.PAUSE_S", 0)
