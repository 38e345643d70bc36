# SPDX-License-Identifier: GPL-3.0-or-later
"""CIFAR-10 as its own site serves it: found on disk, or downloaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from semcom_training.data.files import data_dir, fetch_folder
from semcom_training.data.images import Augmentation, LabelledImages, Split, part_of_training
from semcom_training.errors import DataError

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
HASHED = "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
FOLDER = "cifar-10-batches-bin"
TRAINING = [f"data_batch_{i}.bin" for i in range(1, 6)]
TEST = "test_batch.bin"
RECORD_BYTES = 1 + 3 * 32 * 32
RECORDS = 10_000  # in each file of training images


@dataclass(frozen=True, kw_only=True)
class Cifar10:
    """Colour pictures of 32x32 pixels."""

    kind: Literal["cifar10"] = "cifar10"
    name = "CIFAR-10"
    classes = 10
    augmentation = Augmentation(shift=4, mirror=True)

    def load(self, split: Split) -> LabelledImages:
        """As :func:`cifar10`."""
        return cifar10(split)


def cifar10(split: Split) -> LabelledImages:
    """One split of CIFAR-10: ``train`` (45,000), ``held_out`` (the last 5,000 of training), ``test``.

    Choose by ``held_out``; ``test`` is for reporting alone, and has as many images as its file: 10,000 as downloaded.
    Downloads what is missing.

    Raises:
        DataError: the files are not there and cannot be fetched, or are damaged.
    """
    names = [TEST] if split == "test" else TRAINING
    folder = data_dir() / FOLDER
    if not all((folder / name).is_file() for name in names):
        fetch_folder(FOLDER, names=[*TRAINING, TEST], url=URL, hashed=HASHED)
    records = np.concatenate([_read_records(folder / name) for name in names])
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    labelled = LabelledImages(images, torch.from_numpy(records[:, 0].astype(np.int64)))
    if split == "test":
        return labelled
    if len(labelled) != RECORDS * len(names):
        raise DataError(f"{folder} is incomplete ({len(labelled)} training images); delete it and try again.")
    return part_of_training(labelled, split)


def _read_records(path: Path) -> np.ndarray:
    raw = np.fromfile(path, dtype=np.uint8)
    if raw.size == 0 or raw.size % RECORD_BYTES:
        raise DataError(f"{path} is damaged ({raw.size} bytes); delete it and run the command again.")
    records = raw.reshape(-1, RECORD_BYTES)
    if records[:, 0].max() >= Cifar10.classes:
        raise DataError(f"{path} is damaged (a class of {records[:, 0].max()}); delete it and run the command again.")
    return records
