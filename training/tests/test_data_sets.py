# SPDX-License-Identifier: GPL-3.0-or-later
"""MNIST, Fashion-MNIST, STL-10 and folders, each of a few made-up pictures in its own form."""

import gzip
import hashlib
import shutil
import struct
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from semcom_training.data import DataError, FashionMnist, Folder, LabelledImages, Mnist, Sources, Stl10, files, idx, stl
from semcom_training.data.files import downloaded
from semcom_training.pictures import load_pictures

RNG = np.random.default_rng(0)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.tobytes()))


@pytest.fixture
def digits(root: Path) -> dict[str, np.ndarray]:
    """20 for training, 4 for tests."""
    folder = root / "MNIST/raw"
    folder.mkdir(parents=True)
    values = {}
    for part, count in (("train", 20), ("t10k", 4)):
        values[f"{part}-images-idx3"] = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        values[f"{part}-labels-idx1"] = np.arange(count, dtype=np.uint8) % 10
    for name, each in values.items():
        write_idx(folder / f"{name}-ubyte.gz", each)
    return values


def test_digits_become_three_equal_channels(digits: dict[str, np.ndarray]) -> None:
    train, held_out, test = (Mnist().load(split) for split in ("train", "held_out", "test"))
    assert (len(train), len(held_out), len(test)) == (18, 2, 4)
    assert held_out.labels.tolist() == [8, 9]
    assert train.images.shape == (18, 3, 28, 28)
    for channel in range(3):
        np.testing.assert_array_equal(test.images[:, channel], digits["t10k-images-idx3"])
    other = replace(held_out, labels=held_out.labels + 1)
    assert held_out.digest() != other.digest()
    assert held_out.digest() == LabelledImages(held_out.images.clone(), held_out.labels).digest()


def test_sources_are_told_apart_by_their_data_set(digits: dict[str, np.ndarray], root: Path) -> None:
    shutil.copytree(root / "MNIST/raw", root / "FashionMNIST/raw")
    data = Sources(of=("mnist", "fashion-mnist"), each=10)
    train, held_out = data.load("train"), data.load("held_out")
    assert (data.name, data.classes, train.images.shape) == ("MNIST and Fashion-MNIST", 2, (20, 3, 32, 32))
    assert train.labels.tolist() == 10 * [0] + 10 * [1]
    assert held_out.labels.tolist() == [0, 1]
    for ours, theirs in zip(train.images[:10], digits["train-images-idx3"], strict=False):
        assert abs(ours[0].float().mean() - theirs.mean()) < 3
    pictures = load_pictures("mnist+fashion-mnist", count=3)
    assert (pictures.kind, len(pictures), pictures.labels.tolist()) == ("mnist+fashion-mnist", 6, 3 * [0] + 3 * [1])
    for wrong in ("mnist+letters", "mnist+mnist"):
        with pytest.raises(DataError, match="no data set and no folder 'mnist"):
            load_pictures(wrong)
    with pytest.raises(DataError, match="5 test images were asked for; there are 4"):
        load_pictures("mnist+fashion-mnist", count=5)


DAMAGE = {
    "cut off": lambda raw: raw[:-9],
    "empty": lambda raw: b"",
    "not gzipped": lambda raw: gzip.decompress(raw),
    "changed within": lambda raw: raw[:600] + b"?" + raw[601:],
    "of floats": lambda raw: gzip.compress(b"\0\0\x0d\3" + gzip.decompress(raw)[4:]),
    "shorter than it says": lambda raw: gzip.compress(gzip.decompress(raw)[:-1]),
    "nothing but a number": lambda raw: gzip.compress(b"\0\0\x08\3\0"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_of_digits_is_named(digits: dict, root: Path, damage: str) -> None:
    path = root / "MNIST/raw/t10k-images-idx3-ubyte.gz"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte.gz is damaged"):
        Mnist().load("test")


@pytest.mark.parametrize("labels", [np.arange(3), np.array([0, 1, 2, 10])])
def test_labels_of_other_pictures_are_noticed(digits: dict, root: Path, labels: np.ndarray) -> None:
    write_idx(root / "MNIST/raw/t10k-labels-idx1-ubyte.gz", labels.astype(np.uint8))
    with pytest.raises(DataError, match="do not belong together"):
        Mnist().load("test")


def test_clothes_come_from_debians_package_or_are_fetched(
    digits: dict, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = root / "MNIST/raw"
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in served.iterdir()}
    source = replace(idx.FASHION_MNIST, url=f"{served.as_uri()}/", sha256=hashes, debian=("a-package", root / "none"))
    monkeypatch.setattr(idx, "FASHION_MNIST", replace(source, debian=("a-package", served)))
    assert len(FashionMnist().load("test")) == 4
    assert not (root / "FashionMNIST").exists()
    monkeypatch.setattr(idx, "FASHION_MNIST", source)
    assert len(FashionMnist().load("test")) == 4
    assert len(list((root / "FashionMNIST/raw").iterdir())) == 2
    monkeypatch.setattr(idx, "FASHION_MNIST", replace(source, url=f"{root.as_uri()}/nowhere/"))
    with pytest.raises(DataError, match="install Debian's package a-package"):
        FashionMnist().load("train")


def test_another_file_than_expected_is_not_kept(root: Path, tmp_path: Path) -> None:
    (tmp_path / "served").write_bytes(b"pictures")
    url, sha256 = (tmp_path / "served").as_uri(), hashlib.sha256(b"pictures").hexdigest()
    with downloaded(url, hashed=f"sha256:{sha256}", instead="") as path:
        assert path.read_bytes() == b"pictures"
    with pytest.raises(DataError, match="came back changed"), downloaded(url, hashed="md5:0", instead=""):
        pass
    assert not list(files.data_dir().iterdir())


def test_stl10_is_fetched_and_read_column_by_column(root: Path, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    pixels = RNG.integers(0, 256, (20, 3, 96, 96), dtype=np.uint8)
    for part, count in (("train", 20), ("test", 5)):
        pixels[:count].transpose(0, 1, 3, 2).tofile(folder / f"{part}_X.bin")
        (np.arange(count, dtype=np.uint8) % 10 + 1).tofile(folder / f"{part}_y.bin")
    (folder / "unlabeled_X.bin").write_bytes(b"not needed")
    with tarfile.open(tmp_path / "stl10.tar.gz", "w:gz") as tar:
        tar.add(folder, arcname="stl10_binary")
    md5 = hashlib.md5((tmp_path / "stl10.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setattr(stl, "URL", (tmp_path / "stl10.tar.gz").as_uri())
    monkeypatch.setattr(stl, "HASHED", f"md5:{md5}")
    train, held_out, test = (Stl10().load(split) for split in ("train", "held_out", "test"))
    assert (len(train), len(held_out), len(test)) == (18, 2, 5)
    np.testing.assert_array_equal(test.images, pixels[:5])
    assert train.labels[:10].tolist() == [0, 2, 1, 3, 4, 5, 7, 6, 8, 9]  # as in CIFAR-10
    assert held_out.labels.tolist() == [8, 9]
    assert sorted(path.name for path in root.iterdir()) == ["stl10_binary"]
    assert len(list((root / "stl10_binary").iterdir())) == 4
    with (root / "stl10_binary/test_X.bin").open("ab") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match="test_X.bin and test_y.bin in .* are damaged .1000 and 5 bytes"):
        Stl10().load("test")


def paint(path: Path, *, size: tuple[int, int] = (40, 30), colour: tuple[int, int, int] = (1, 2, 3)) -> None:
    """A picture of one colour, but for its place in the corner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, colour)
    image.putpixel((0, 0), (255, 255, 255))
    image.save(path)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two classes, one of them with a folder inside; 20 pictures."""
    for i in range(10):
        paint(tmp_path / f"album/cats/{i}.png", colour=(i, 0, 0))
        paint(tmp_path / f"album/dogs/more/{i}.bmp", colour=(i, 0, 99))
    (tmp_path / "album/dogs/notes.txt").write_text("no picture")
    (tmp_path / "album/.thumbnails").mkdir()
    paint(tmp_path / "album/.thumbnails/0.png")
    return tmp_path / "album"


def test_subfolders_are_classes_and_splits_are_apart(album: Path) -> None:
    data = Folder(kind="folder", path=album, side=16)
    train, held_out, test = (data.load(split) for split in ("train", "held_out", "test"))
    assert (data.classes, len(train), len(held_out), len(test)) == (2, 16, 2, 2)
    batch = train.batch(torch.arange(16), torch.Generator().manual_seed(0))
    assert batch.images.shape == (16, 3, 16, 16)
    assert [(0, 1)[file.suffix == ".bmp"] for file in train.files] == batch.labels.tolist()
    seen = [tuple(image[::2, -1, -1].tolist()) for part in (batch, held_out, test) for image in part.images]
    assert len(set(seen)) == 20
    assert train.digest() == data.load("train").digest()


def test_crops_come_from_anywhere_in_training_and_else_from_the_middle(tmp_path: Path) -> None:
    for i in range(10):
        ramp = np.broadcast_to(np.arange(20, dtype=np.uint8), (10, 20))
        (tmp_path / "flat").mkdir(exist_ok=True)
        Image.fromarray(ramp).save(tmp_path / f"flat/{i}.png")
    data = Folder(kind="folder", path=tmp_path / "flat", side=10, mirror=False)
    assert data.classes is None
    train = data.load("train")
    crops = train.batch(torch.zeros(200, dtype=torch.long), torch.Generator().manual_seed(0))
    assert set(crops.images[:, 0, 0, 0].tolist()) == set(range(11))
    assert set(crops.labels.tolist()) == {-1}
    assert data.load("test").images[0, :, 0, 0].tolist() == [5, 5, 5]
    images = crops.images
    assert data.augmentation.moved_and_mirrored(images, torch.Generator()) is images


def test_a_folder_that_cannot_be_used_is_told(album: Path, tmp_path: Path) -> None:
    def load(path: Path = album, side: int = 16) -> None:
        Folder(kind="folder", path=path, side=side).load("train")

    with pytest.raises(DataError, match="There is no folder"):
        load(tmp_path / "none")
    with pytest.raises(DataError, match="is 40x30 pixels, less than data.side=32"):
        load(side=32)
    with pytest.raises(DataError, match="cats has 10 pictures; for training there have to be 11"):
        idx_fewest = 11
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("semcom_training.data.folder.FEWEST", idx_fewest)
            load(album / "cats")
    paint(album / "beside.png")
    with pytest.raises(DataError, match="has pictures beside folders of pictures, as beside.png"):
        load()
    (album / "beside.png").unlink()
    for file in album.rglob("*.bmp"):
        file.write_bytes(b"BM nothing")
    with pytest.raises(DataError, match=r"\d.bmp cannot be read as a picture"):
        load()


def test_a_picture_that_ends_early_is_named_when_its_turn_comes(album: Path) -> None:
    train = Folder(kind="folder", path=album, side=16).load("train")
    file = train.files[0]
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(DataError, match=f"{file.name} cannot be read"):
        train.batch(torch.arange(16), torch.Generator())
