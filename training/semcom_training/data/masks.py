# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and masks, which say of each pixel what it is part of: PASCAL VOC, CamVid, or the like."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from semcom_training.data.folder import FEWEST, MOST_APART, SUFFIXES, opened
from semcom_training.data.images import Augmentation, LabelledImages, Split
from semcom_training.errors import DataError

VOID = -100
"""The label of pixels that are part of nothing, whose losses PyTorch leaves out; 255 in the files."""
VOID_IN_FILES = 255


@dataclass(frozen=True, kw_only=True)
class Masks:
    """Files of two folders in ``path`` that have the same name but for what is behind its last dot.

    Masks have a class for each pixel, as grey values or as the numbers of a palette's colours.  Of each picture the
    middle square is taken and brought to ``side`` pixels.  The splits are drawn by the names of the files: a tenth for
    tests and a tenth held out, 1,000 at most each.  PASCAL VOC 2012 has images = "JPEGImages", masks =
    "SegmentationClass" and 21 classes.  With masks = "" and no classes the pictures come alone, all of them void, for a
    transmitter that has no others than those with a mask at its receiver.
    """

    kind: Literal["masks"]
    path: Path
    side: Annotated[int, Field(ge=8)]
    classes: Annotated[int, Field(ge=2, lt=VOID_IN_FILES)] | None = None
    images: str = "images"
    masks: str = "masks"
    augmentation = Augmentation(shift=0, mirror=False)

    def __post_init__(self) -> None:
        if bool(self.masks) != bool(self.classes):
            raise ValueError("data.classes says how many classes masks have; without masks there are none")

    @property
    def name(self) -> str:
        return str(self.path)

    def load(self, split: Split) -> LabelledImages:
        """One split; labels are int64 [N, side, side].

        Raises:
            DataError: there is no such folder, there are too few pictures with a mask, or one cannot be used.
        """
        pairs = self._pairs()
        if len(pairs) < FEWEST:
            raise DataError(f"{self.path} has {len(pairs)} pictures with a mask; to train there have to be {FEWEST}.")
        pairs.sort(key=lambda pair: hashlib.sha256(pair[0].name.encode()).digest())
        apart = min(len(pairs) // 10, MOST_APART)
        test, held_out = len(pairs) - apart, len(pairs) - 2 * apart
        part = pairs[{"train": slice(held_out), "held_out": slice(held_out, test), "test": slice(test, None)}[split]]
        loaded = [self._loaded(*pair) for pair in part]
        return LabelledImages(*(torch.stack(each) for each in zip(*loaded, strict=True)))

    def _pairs(self) -> list[tuple[Path, Path]]:
        root = self.path.expanduser()
        found = []
        for name in (self.images, self.masks or self.images):
            if not (root / name).is_dir():
                raise DataError(f"There is no folder {root / name}; data.images and data.masks name the two in {root}.")
            files = (path for path in (root / name).iterdir() if path.suffix.lower() in SUFFIXES)
            found.append({path.stem: path for path in files})
        return [(picture, found[1][stem]) for stem, picture in found[0].items() if stem in found[1]]

    def _loaded(self, picture: Path, mask: Path) -> tuple[Tensor, Tensor]:
        """uint8 [3, side, side] and int64 [side, side]."""
        if not self.masks:
            with opened(picture) as image:
                pixels = self._square(image.convert("RGB"), Image.Resampling.BILINEAR)
            return torch.from_numpy(pixels).permute(2, 0, 1), torch.full((self.side, self.side), VOID, device="cpu")
        with opened(picture) as image, opened(mask) as drawn:
            if drawn.size != image.size:
                raise DataError(f"{mask} is {drawn.size}, but {picture} {image.size} pixels.")
            if drawn.mode not in ("P", "L"):
                raise DataError(
                    f"{mask} is neither grey nor of a palette ({drawn.mode}): its pixels have to be classes."
                )
            pixels = self._square(image.convert("RGB"), Image.Resampling.BILINEAR)
            labels = self._square(drawn, Image.Resampling.NEAREST).astype(np.int64)
        labels[labels == VOID_IN_FILES] = VOID
        if labels.max() >= self.classes:
            raise DataError(f"{mask} has class {labels.max()}; data.classes is {self.classes}.")
        return torch.from_numpy(pixels).permute(2, 0, 1), torch.from_numpy(labels)

    def _square(self, image: Image.Image, resampling: Image.Resampling) -> np.ndarray:
        width, height = image.size
        short = min(image.size)
        left, top = (width - short) // 2, (height - short) // 2
        box = left, top, left + short, top + short
        return np.array(image.resize((self.side, self.side), resampling, box=box))
