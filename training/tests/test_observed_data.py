# SPDX-License-Identifier: GPL-3.0-or-later
"""USPS, SVHN and the cheap camera, each of a few made-up pictures in its own form."""

import bz2
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from semcom_models.generator import resized
from semcom_training.data import CheapCamera, Cifar10, DataError, Pair, Sources, Svhn, Usps, svhn, usps


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def envelopes(root: Path) -> np.ndarray:
    """Twenty for training, two for tests, of random grey values."""
    grey = np.random.default_rng(0).integers(0, 256, (20, 16, 16), dtype=np.uint8)
    (root / "USPS").mkdir()
    lines = [
        " ".join([str(1 + number % 10), *(f"{at}:{value:.4f}" for at, value in enumerate(row / 127.5 - 1, 1))])
        for number, row in enumerate(grey.reshape(20, -1))
    ]
    for name, part in (("usps.bz2", lines), ("usps.t.bz2", lines[:2])):
        (root / "USPS" / name).write_bytes(bz2.compress("\n".join(part).encode()))
    return grey


def test_digits_of_usps_are_read_and_brought_to_a_size(envelopes: np.ndarray) -> None:
    train, held_out, test = (Usps().load(split) for split in ("train", "held_out", "test"))
    assert (len(train), len(held_out), len(test)) == (18, 2, 2)
    assert train.images.shape == (18, 3, 16, 16) and held_out.labels.tolist() == [8, 9]
    np.testing.assert_array_equal(train.images[:, 1], envelopes[:18])
    larger = Usps(side=28).load("train").images
    assert larger.shape == (18, 3, 28, 28)
    torch.testing.assert_close(larger.float().mean((1, 2, 3)), train.images.float().mean((1, 2, 3)), atol=4, rtol=0)


@pytest.mark.parametrize("text", ["", "12 1:0.5", "1 0.5", "1 400:0.5", "1 0:0.5", "1 -3:0.5", "1 1:7", "one 1:0"])
def test_damaged_digits_of_usps_are_named(envelopes: np.ndarray, root: Path, text: str) -> None:
    (root / "USPS/usps.bz2").write_bytes(bz2.compress(text.encode()))
    with pytest.raises(DataError, match="usps.bz2 is damaged"):
        Usps().load("train")
    (root / "USPS/usps.bz2").write_bytes(bz2.compress(b"1 1:1")[:-3])
    with pytest.raises(DataError, match="usps.bz2 is damaged"):
        Usps().load("train")


def test_house_numbers_are_read(root: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 20), dtype=np.uint8)
    (root / "SVHN").mkdir()
    savemat(root / "SVHN/train_32x32.mat", {"X": pixels, "y": (1 + np.arange(20) % 10)[:, None].astype(np.uint8)})
    train = Svhn().load("train")
    assert train.images.shape == (18, 3, 32, 32) and train.labels[8:11].tolist() == [9, 0, 1]
    np.testing.assert_array_equal(train.images[3], pixels[..., 3].transpose(2, 0, 1))
    assert Svhn(side=28).load("held_out").images.shape == (2, 3, 28, 28)
    one = np.ones((20, 1))
    for damaged in (
        {"X": pixels},
        {"X": pixels, "y": 0 * one},
        {"X": pixels[:9], "y": one},
        {"X": pixels[..., :0], "y": one[:0]},
    ):
        savemat(root / "SVHN/train_32x32.mat", damaged)
        with pytest.raises(DataError, match="train_32x32.mat is damaged"):
            Svhn().load("train")


@pytest.mark.parametrize(("module", "kind", "name"), [(usps, Usps, "usps.bz2"), (svhn, Svhn, "train_32x32.mat")])
def test_what_is_not_there_is_fetched_if_it_is_what_is_expected(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, kind: type, name: str
) -> None:
    served = tmp_path / "served"
    served.mkdir()
    monkeypatch.setattr(module, "URL", f"{served.as_uri()}/")
    with pytest.raises(DataError, match="could not be downloaded"):
        kind().load("train")
    (served / name).write_bytes(b"another file")
    with pytest.raises(DataError, match="came back changed"):
        kind().load("train")
    monkeypatch.setitem(module.MD5, name, hashlib.md5(b"another file").hexdigest())
    with pytest.raises(DataError, match=f"{name} is damaged"):
        kind().load("train")


def test_a_cheap_camera_always_takes_the_same_pictures_a_little_worse(small_cifar: Path) -> None:
    good, cheap = Cifar10().load("train"), CheapCamera().load("train")
    assert torch.equal(good.labels, cheap.labels) and good.images.shape == cheap.images.shape
    assert cheap.digest() == CheapCamera().load("train").digest() != good.digest()
    red, _, blue = (cheap.images.float() - good.images.float()).mean((0, 2, 3)).tolist()
    assert red > 5 and blue < -15


def test_resizing_keeps_what_is_flat_and_what_fits() -> None:
    flat = torch.full((3, 3, 16, 16), 77, dtype=torch.uint8)
    assert (resized(flat, 28) == 77).all() and resized(flat, 28).shape == (3, 3, 28, 28)
    assert resized(flat, 16) is flat


def test_no_picture_is_in_a_pair_twice(small_cifar: Path) -> None:
    """The last observed pictures beside the first of the library, where either was taken of the other."""
    loaded = {each.kind: each.load("train").images for each in (Cifar10(), CheapCamera())}
    for library, library_images in loaded.items():
        for observed, observed_images in loaded.items():
            pair = Pair(observed=observed, library=library, each=10).load("train")
            assert torch.equal(pair.images, torch.cat([library_images[:9], observed_images[9:]]))


def test_data_are_loaded_on_the_cpu_where_training_is_elsewhere(small_cifar: Path) -> None:
    """With a GPU tensors are made there unless they say otherwise; "meta" stands for one."""
    kinds = [
        Pair(observed="cheap-camera", library="cifar10", each=10),
        Sources(of=("cifar10", "cheap-camera"), each=10),
    ]
    with torch.device("meta"):
        loaded = [each.load("train") for each in kinds]
    assert {part.device.type for each in loaded for part in (each.images, each.labels)} == {"cpu"}
