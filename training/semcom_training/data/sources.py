# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of several data sets, to tell these apart."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from semcom_models.choice import SIDE
from semcom_models.judge import shrunk

from semcom_training.data.camera import CheapCamera
from semcom_training.data.cifar import Cifar10
from semcom_training.data.idx import FashionMnist, Mnist
from semcom_training.data.images import Augmentation, LabelledImages, Split
from semcom_training.data.stl import Stl10
from semcom_training.data.svhn import Svhn
from semcom_training.data.usps import Usps
from semcom_training.errors import DataError

DATA_SETS = {each().kind: each for each in (Cifar10, CheapCamera, Mnist, FashionMnist, Usps, Svhn, Stl10)}
Kind = Literal["cifar10", "cheap-camera", "mnist", "fashion-mnist", "usps", "svhn", "stl10"]
"""Of one of ``DATA_SETS``."""


def check_kind(kind: str) -> None:
    """Raises DataError where none of ``DATA_SETS`` has that name."""
    if kind not in DATA_SETS:
        raise DataError(f"There is no data set {kind!r}; there are {', '.join(DATA_SETS)}.")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The first ``each`` pictures of several data sets, shrunk whole to 32x32 pixels; the class is the data set.

    Held-out and test images are a tenth of that, or all there are.
    """

    kind: Literal["sources"] = "sources"
    of: Annotated[
        tuple[Kind, ...],
        Field(min_length=2),
    ]
    each: Annotated[int, Field(ge=10)] = 5000
    augmentation = Augmentation(shift=4, mirror=True)

    @property
    def name(self) -> str:
        return " and ".join(DATA_SETS[kind].name for kind in self.of)

    @property
    def classes(self) -> int:
        return len(self.of)

    def load(self, split: Split) -> LabelledImages:
        """As of the data sets; raises DataError as they do."""
        most = self.each if split == "train" else self.each // 10
        parts = [DATA_SETS[kind]().load(split)[:most].images for kind in self.of]
        labels = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        return LabelledImages(torch.cat([_shrunk(part) for part in parts]), torch.from_numpy(labels))


def _shrunk(images: torch.Tensor) -> torch.Tensor:
    """uint8 [N, 3, H, W] -> uint8 [N, 3, 32, 32]."""
    return (shrunk(list(images.permute(0, 2, 3, 1).numpy()), SIDE) * 255).round().to(torch.uint8)
