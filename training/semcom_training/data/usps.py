# SPDX-License-Identifier: GPL-3.0-or-later
"""USPS, in the text files of LIBSVM: found on disk or downloaded."""

import bz2
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from semcom_models.generator import resized

from semcom_training.data.files import fetch_file
from semcom_training.data.images import Augmentation, LabelledImages, Split, part_of_training
from semcom_training.errors import DataError

URL = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
FOLDER = "USPS"
MD5 = {  # what is known of the files there; no sha256 is published
    "usps.bz2": "ec16c51db3855ca6c91edd34d0e9b197",
    "usps.t.bz2": "8ea070ee2aca1ac39742fdd1ef5ed118",
}
SIDE = 16
CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Usps:
    """Digits from envelopes, grey, 16x16 pixels, brought to ``side``: 7,291 for training, 2,007 for tests."""

    side: Annotated[int, Field(ge=8, le=64)] = SIDE
    kind: Literal["usps"] = "usps"
    name = "USPS"
    classes = CLASSES
    augmentation = Augmentation(shift=1, mirror=False)

    def load(self, split: Split) -> LabelledImages:
        """One split, the grey values three times over as channels.  Downloads what is missing.

        Raises:
            DataError: the file is not there and cannot be fetched, or is damaged.
        """
        name = "usps.t.bz2" if split == "test" else "usps.bz2"
        path = fetch_file(FOLDER, name, url=URL + name, hashed=f"md5:{MD5[name]}")
        grey, labels = _read(path)
        images = resized(torch.from_numpy(grey).view(-1, 1, SIDE, SIDE).expand(-1, 3, -1, -1), self.side)
        labelled = LabelledImages(images, torch.from_numpy(labels))
        return labelled if split == "test" else part_of_training(labelled, split)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 [N, 256] and classes int64 [N].

    A line is the class, from 1 on, and position:value, from -1 to 1, for each pixel that is not 0.
    """
    grey, labels = [], []
    try:
        with bz2.open(path, "rt") as file:
            for line in file:
                label, *values = line.split()
                pixels = np.zeros(SIDE**2)
                for value in values:
                    position, _, number = value.partition(":")
                    # An array takes what is below 1 for a place from its end.
                    pixels[range(SIDE**2).index(int(position) - 1)] = float(number)
                labels.append(int(label) - 1)
                grey.append(pixels)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise DataError(f"{path} is damaged ({error}); delete it and run the command again.") from error
    if not labels or not set(labels) <= set(range(CLASSES)) or not np.abs(grey).max() <= 1:
        raise DataError(f"{path} is damaged (no digits of {SIDE}x{SIDE} pixels); delete it and run the command again.")
    return ((np.array(grey) + 1) * 127.5).round().astype(np.uint8), np.array(labels, np.int64)
