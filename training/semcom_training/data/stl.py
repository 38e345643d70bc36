# SPDX-License-Identifier: GPL-3.0-or-later
"""STL-10 as its own site serves it, its labelled pictures: found on disk, or downloaded."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from semcom_models.generator import resized

from semcom_training.data.files import data_dir, fetch_folder
from semcom_training.data.images import Augmentation, LabelledImages, Split, part_of_training
from semcom_training.errors import DataError

URL = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
HASHED = "md5:91f7769df0f17e558f3565bffb0c7dfb"  # what is known of it; no sha256 is published
FOLDER = "stl10_binary"
FILES = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin")
SIDE = 96
AS_CIFAR10 = np.array([0, 2, 1, 3, 4, 5, 7, 6, 8, 9])  # here birds come before cars, and horses before monkeys
CLASSES = len(AS_CIFAR10)


@dataclass(frozen=True, kw_only=True)
class Stl10:
    """Colour pictures of 96x96 pixels, brought to ``side``: 5,000 for training, 8,000 for tests.

    Classes have the numbers of CIFAR-10's; its monkeys, which are not there, that of the frogs, which are not here.
    """

    side: Annotated[int, Field(ge=8, le=SIDE)] = SIDE
    kind: Literal["stl10"] = "stl10"
    name = "STL-10"
    classes = CLASSES
    augmentation = Augmentation(shift=12, mirror=True)

    def load(self, split: Split) -> LabelledImages:
        """One split.  Downloads what is missing.

        Raises:
            DataError: the files are not there and cannot be fetched, or are damaged.
        """
        folder = data_dir() / FOLDER
        if not all((folder / name).is_file() for name in FILES):
            fetch_folder(FOLDER, names=FILES, url=URL, hashed=HASHED)
        part = "test" if split == "test" else "train"
        pixels, labels = (np.fromfile(folder / f"{part}_{what}.bin", dtype=np.uint8) for what in "Xy")
        if pixels.size != labels.size * 3 * SIDE**2 or not labels.size or not np.isin(labels, range(1, 11)).all():
            raise DataError(
                f"{part}_X.bin and {part}_y.bin in {folder} are damaged ({pixels.size} and {labels.size} bytes); "
                "delete the folder and run the command again."
            )
        by_columns = torch.from_numpy(pixels).view(-1, 3, SIDE, SIDE)
        labelled = LabelledImages(
            resized(by_columns.mT.contiguous(), self.side), torch.from_numpy(AS_CIFAR10[labels - 1])
        )
        return labelled if split == "test" else part_of_training(labelled, split)
