# SPDX-License-Identifier: GPL-3.0-or-later
"""SVHN as its own site serves it: found on disk, or downloaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from scipy.io import loadmat
from semcom_models.generator import resized

from semcom_training.data.files import fetch_file
from semcom_training.data.images import Augmentation, LabelledImages, Split, part_of_training
from semcom_training.errors import DataError

URL = "http://ufldl.stanford.edu/housenumbers/"
FOLDER = "SVHN"
MD5 = {  # what is known of the files there; no sha256 is published
    "train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
}
SIDE = 32
CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Svhn:
    """House numbers, in colour, 32x32 pixels, brought to ``side``: 73,257 for training, 26,032 for tests."""

    side: Annotated[int, Field(ge=8, le=64)] = SIDE
    kind: Literal["svhn"] = "svhn"
    name = "SVHN"
    classes = CLASSES
    augmentation = Augmentation(shift=2, mirror=False)

    def load(self, split: Split) -> LabelledImages:
        """One split.  Downloads what is missing.

        Raises:
            DataError: the file is not there and cannot be fetched, or is damaged.
        """
        name = "test_32x32.mat" if split == "test" else "train_32x32.mat"
        path = fetch_file(FOLDER, name, url=URL + name, hashed=f"md5:{MD5[name]}")
        images, labels = _read(path)
        labelled = LabelledImages(resized(images, self.side), labels)
        return labelled if split == "test" else part_of_training(labelled, split)


def _read(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels uint8 [N, 3, 32, 32] and classes int64 [N]; the file has X [32, 32, 3, N], and y [N, 1] with 10 for 0."""
    try:
        content = loadmat(path, variable_names=["X", "y"])
        pixels, labels = content["X"], content["y"].ravel()
    except Exception as error:  # scipy raises whatever a damaged file leads it to
        raise DataError(f"{path} is damaged ({error}); delete it and run the command again.") from error
    if (
        not len(labels)
        or pixels.dtype != np.uint8
        or pixels.shape != (SIDE, SIDE, 3, len(labels))
        or not np.isin(labels, range(1, 11)).all()
    ):
        raise DataError(f"{path} is damaged (no digits of {SIDE}x{SIDE} pixels); delete it and run the command again.")
    images = torch.from_numpy(pixels.transpose(3, 2, 0, 1).copy())
    return images, torch.from_numpy(labels.astype(np.int64) % CLASSES)
