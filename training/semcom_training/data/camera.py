# SPDX-License-Identifier: GPL-3.0-or-later
"""CIFAR-10 as a cheap camera would take it: a shift of the data that can be made anywhere."""

import io
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from PIL import Image, ImageFilter

from semcom_training.data.cifar import Cifar10
from semcom_training.data.images import LabelledImages, Split

CAST = np.array([1.15, 0.95, 0.75])  # of red, green and blue: a warm lamp
BLUR = 0.8  # pixels, standard deviation
NOISE = 10.0  # grey levels, standard deviation
QUALITY = 30  # of JPEG
SEED = 0
SPLITS = get_args(Split)


@dataclass(frozen=True, kw_only=True)
class CheapCamera:
    """CIFAR-10's pictures with a colour cast, blurred, noisy, and through JPEG at quality 30; always the same."""

    kind: Literal["cheap-camera"] = "cheap-camera"
    made_of = Cifar10().kind
    name = "CIFAR-10 by a cheap camera"
    classes = Cifar10.classes
    augmentation = Cifar10.augmentation

    def load(self, split: Split) -> LabelledImages:
        """As of CIFAR-10; raises DataError as it does."""
        good = Cifar10().load(split)
        rng = np.random.default_rng((SEED, SPLITS.index(split)))
        taken = [_taken(picture, rng) for picture in good.images.permute(0, 2, 3, 1).numpy()]
        return LabelledImages(torch.from_numpy(np.stack(taken)).permute(0, 3, 1, 2).contiguous(), good.labels)


def _taken(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 [H, W, 3] -> the same."""
    blurred = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(BLUR)))
    noisy = blurred * CAST + rng.normal(scale=NOISE, size=picture.shape)
    file = io.BytesIO()
    Image.fromarray(noisy.round().clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file).convert("RGB"))
