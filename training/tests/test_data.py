# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading, shifting and mirroring pictures."""

import hashlib
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from semcom_training import data
from semcom_training.data import cifar


def test_splits_do_not_overlap(small_cifar: Path) -> None:
    train, held_out, test = (data.cifar10(split) for split in ("train", "held_out", "test"))
    assert (len(train), len(held_out), len(test)) == (18, 2, 4)
    assert train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 2
    assert held_out.labels.tolist() == [4, 4]
    assert test.labels.tolist() == [5] * 4
    assert not any(torch.equal(held_out.images[0], image) for image in train.images)


def test_planes_are_red_green_blue(small_cifar: Path) -> None:
    raw = np.fromfile(small_cifar / "test_batch.bin", dtype=np.uint8).reshape(4, -1)
    image = data.cifar10("test").images[2]
    assert image[0, 0, 1].item() == raw[2, 2]
    assert image[2, 31, 31].item() == raw[2, -1]


@pytest.mark.parametrize("cut", [0, 1, 3072])
def test_a_damaged_file_is_named(small_cifar: Path, cut: int) -> None:
    path = small_cifar / "test_batch.bin"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(data.DataError, match="test_batch.bin is damaged"):
        data.cifar10("test")


def test_a_class_that_is_none_is_noticed(small_cifar: Path) -> None:
    path = small_cifar / "test_batch.bin"
    path.write_bytes(b"\x0a" + path.read_bytes()[1:])
    with pytest.raises(data.DataError, match=r"test_batch.bin is damaged \(a class of 10\)"):
        data.cifar10("test")


def test_a_file_cut_between_two_records_is_noticed(small_cifar: Path) -> None:
    path = small_cifar / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[: 3 * cifar.RECORD_BYTES])
    with pytest.raises(data.DataError, match="incomplete .19 training images"):
        data.cifar10("train")


def test_no_network_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(cifar, "URL", "http://127.0.0.1:9/nothing.tar.gz")
    with pytest.raises(data.DataError, match="could not be downloaded"):
        data.cifar10("test")
    assert not list((tmp_path / "data").iterdir())


def test_what_is_missing_is_fetched(small_cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as tar:
        tar.add(small_cifar, arcname=small_cifar.name)
    before = data.cifar10("train").digest()
    shutil.rmtree(small_cifar)
    sha256 = hashlib.sha256((tmp_path / "cifar.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setattr(cifar, "URL", (tmp_path / "cifar.tar.gz").as_uri())
    monkeypatch.setattr(cifar, "HASHED", f"sha256:{sha256}")
    assert data.cifar10("train").digest() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [small_cifar.name, "cifar.tar.gz"]


def test_a_shift_moves_the_picture_and_fills_with_black() -> None:
    image = torch.arange(1, 65, dtype=torch.uint8).view(1, 1, 8, 8)
    padded = torch.nn.functional.pad(image, (2,) * 4)
    windows = [padded[0, 0, y : y + 8, x : x + 8] for y in range(5) for x in range(5)]
    shifted = data.random_shift(image.expand(40, 1, 8, 8), torch.Generator().manual_seed(0), pixels=2)
    found = [next(i for i, window in enumerate(windows) if torch.equal(window, each[0])) for each in shifted]
    assert len(set(found)) > 10


def test_a_flip_mirrors_about_half() -> None:
    image = torch.arange(4, dtype=torch.uint8).view(1, 1, 1, 4).expand(1000, 1, 1, 4)
    flipped = data.random_flip(image, torch.Generator().manual_seed(0))
    mirrored = (flipped[:, 0, 0] == torch.tensor([3, 2, 1, 0], dtype=torch.uint8)).all(1)
    same = (flipped[:, 0, 0] == image[:, 0, 0]).all(1)
    assert torch.all(mirrored ^ same)
    assert 430 < mirrored.sum() < 570


def test_a_digit_is_moved_and_never_mirrored() -> None:
    """What a data set's augmentation leaves out is not drawn either."""
    images = torch.zeros(50, 3, 28, 28, dtype=torch.uint8)
    images[:, :, 14, 10] = 255
    augmented = data.Mnist.augmentation.moved_and_mirrored(images, torch.Generator().manual_seed(0))
    columns = augmented[:, 0].amax(1).argmax(1)
    assert (columns.min(), columns.max()) == (8, 12)
    generator = torch.Generator()
    before = generator.get_state()
    assert data.Mnist.augmentation.mirrored(images, generator) is images
    assert torch.equal(generator.get_state(), before)
