# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures in memory, and what may be done to them at random."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

PIXELS_AT_ONCE = 500 * 32 * 32
Split = Literal["train", "held_out", "test"]
"""Train on the first, choose by the second, report the third."""


@dataclass(frozen=True)
class LabelledImages:
    """``images`` uint8 [N, 3, H, W], ``labels`` int64 [N], -1 where there are none; of masks [N, H, W]."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | Tensor) -> "LabelledImages":
        return LabelledImages(self.images[index], self.labels[index])

    def to(self, device: torch.device) -> "LabelledImages":
        """The same on ``device``."""
        return LabelledImages(self.images.to(device), self.labels.to(device))

    def batch(self, indices: Tensor, generator: torch.Generator) -> "LabelledImages":
        """Those with these ``indices``; nothing is drawn."""
        return self[indices]

    def digest(self, *, labels: bool = True) -> str:
        """The sha256 of all pixels, and of the labels or not."""
        hashed = hashlib.sha256()
        for part in self.images.split(1000):
            hashed.update(part.contiguous().numpy())
        if labels:
            hashed.update(self.labels.numpy())
        return hashed.hexdigest()


def batches_of(images: Tensor) -> tuple[Tensor, ...]:
    """[N, C, H, W] in parts of as many pixels as memory is sure to bear in a network that looks at them."""
    return images.split(max(1, PIXELS_AT_ONCE // (images.shape[2] * images.shape[3])))


def part_of_training(labelled: LabelledImages, split: Split) -> LabelledImages:
    """A data set's training images: for "held_out" the last tenth, for "train" the others."""
    tenth = len(labelled) // 10
    return labelled[-tenth:] if split == "held_out" else labelled[: len(labelled) - tenth]


def to_unit(images: Tensor) -> Tensor:
    """uint8 [B, C, H, W] -> float32 in [0, 1], channels_last, the layout that trains fastest on a CPU."""
    return images.to(torch.float32).div_(255).contiguous(memory_format=torch.channels_last)


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each picture of [B, C, H, W] left to right with probability one half."""
    mirror = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirror.view(-1, 1, 1, 1), images.flip(-1), images)


def random_shift(images: Tensor, generator: torch.Generator, *, pixels: int) -> Tensor:
    """Move each picture of uint8 [B, C, H, W] by up to ``pixels`` either way; what moves in is black."""
    batch, _, height, width = images.shape
    padded = F.pad(images, (pixels,) * 4)
    offset = torch.randint(0, 2 * pixels + 1, (2, batch), generator=generator)
    rows = offset[0].view(-1, 1, 1) + torch.arange(height).view(1, -1, 1)
    columns = offset[1].view(-1, 1, 1) + torch.arange(width).view(1, 1, -1)
    return padded[torch.arange(batch).view(-1, 1, 1), :, rows, columns].permute(0, 3, 1, 2)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may be done at random to the pictures of a data set, which stay what they are.

    They may be moved by ``shift`` pixels; and mirrored left to right, or not, as a digit may not.
    """

    shift: int
    mirror: bool

    def mirrored(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """uint8 [B, 3, H, W] -> the same shape."""
        return random_flip(images, generator) if self.mirror else images

    def moved_and_mirrored(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """uint8 [B, 3, H, W] -> the same shape."""
        moved = random_shift(images, generator, pixels=self.shift) if self.shift else images
        return self.mirrored(moved, generator)
