# SPDX-License-Identifier: GPL-3.0-or-later
"""CIFAR-10 as its own site serves it: found on disk, or downloaded."""

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR10_FOLDER = "cifar-10-batches-bin"
TIMEOUT_S = 60
HELD_OUT = 5_000
RECORD_BYTES = 1 + 3 * 32 * 32
RECORDS = 10_000  # in each file of training images
REPOSITORY = Path(__file__).resolve().parents[2]


class DataError(Exception):
    """A data set that is missing or damaged, in one sentence that says what to do."""


@dataclass(frozen=True)
class LabelledImages:
    """``images`` uint8 [N, 3, 32, 32], ``labels`` int64 [N]."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | Tensor) -> "LabelledImages":
        return LabelledImages(self.images[index], self.labels[index])


def data_dir() -> Path:
    """Where the data sets lie: ``$SEMCOM_DATA``, else ``data/`` in the repository."""
    return Path(os.environ.get("SEMCOM_DATA", REPOSITORY / "data"))


def cifar10(split: str) -> LabelledImages:
    """One split of CIFAR-10: ``train`` (45,000), ``held_out`` (the last 5,000 of training), ``test``.

    Choose by ``held_out``; ``test`` is for reporting alone, and has as many images as its file: 10,000 as downloaded.
    Downloads what is missing.

    Raises:
        DataError: the files are not there and cannot be fetched, or are damaged.
    """
    files = {
        "train": [f"data_batch_{i}.bin" for i in range(1, 6)],
        "held_out": ["data_batch_5.bin"],
        "test": ["test_batch.bin"],
    }[split]
    folder = data_dir() / CIFAR10_FOLDER
    if not all((folder / name).is_file() for name in files):
        _download_cifar10(folder.parent)
    records = np.concatenate([_read_records(folder / name) for name in files])
    if split != "test" and len(records) != RECORDS * len(files):
        raise DataError(f"{folder} is incomplete ({len(records)} images for {split}); delete it and try again.")
    if split == "train":
        records = records[:-HELD_OUT]
    elif split == "held_out":
        records = records[-HELD_OUT:]
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    return LabelledImages(images, torch.from_numpy(records[:, 0].astype(np.int64)))


def _read_records(path: Path) -> np.ndarray:
    raw = np.fromfile(path, dtype=np.uint8)
    if raw.size == 0 or raw.size % RECORD_BYTES:
        raise DataError(f"{path} is damaged ({raw.size} bytes); delete it and run the command again.")
    return raw.reshape(-1, RECORD_BYTES)


def _download_cifar10(root: Path) -> None:
    """Fetch, check and unpack the archive; leaves nothing behind that is half-written."""
    root.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=root, prefix="part-") as part:
            archive = Path(part) / "cifar-10-binary.tar.gz"
            with urllib.request.urlopen(CIFAR10_URL, timeout=TIMEOUT_S) as source, archive.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            digest = hashlib.sha256(archive.read_bytes()).hexdigest()
            if digest != CIFAR10_SHA256:
                raise DataError(f"{CIFAR10_URL} came back changed (sha256 {digest}); nothing was kept.")
            with tarfile.open(archive) as tar:
                tar.extractall(part, filter="data")
            shutil.rmtree(root / CIFAR10_FOLDER, ignore_errors=True)
            (Path(part) / CIFAR10_FOLDER).replace(root / CIFAR10_FOLDER)
    except (urllib.error.URLError, OSError) as error:
        raise DataError(
            f"CIFAR-10 is not in {root} and could not be downloaded ({error}); connect to the network, "
            f"or put cifar-10-batches-bin there by hand, or point SEMCOM_DATA at it."
        ) from error


def to_unit(images: Tensor) -> Tensor:
    """uint8 [B, C, H, W] -> float32 in [0, 1], channels_last, the layout that trains fastest on a CPU."""
    return images.to(torch.float32).div_(255).contiguous(memory_format=torch.channels_last)


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each picture of [B, C, H, W] left to right with probability one half."""
    mirror = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirror.view(-1, 1, 1, 1), images.flip(-1), images)


def random_shift(images: Tensor, generator: torch.Generator, *, pixels: int = 4) -> Tensor:
    """Move each picture of uint8 [B, C, H, W] by up to ``pixels`` either way; what moves in is black."""
    batch, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (pixels,) * 4)
    offset = torch.randint(0, 2 * pixels + 1, (2, batch), generator=generator)
    rows = offset[0].view(-1, 1, 1) + torch.arange(height).view(1, -1, 1)
    columns = offset[1].view(-1, 1, 1) + torch.arange(width).view(1, 1, -1)
    return padded[torch.arange(batch).view(-1, 1, 1), :, rows, columns].permute(0, 3, 1, 2)
