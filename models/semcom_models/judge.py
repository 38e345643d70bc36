# SPDX-License-Identifier: GPL-3.0-or-later
"""What a downstream network sees in pictures of any size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from semcom_models import zoo
from semcom_models.digital.separate import is_separate
from semcom_models.downstream import CIFAR10_CLASSES
from semcom_models.errors import CodecError


@dataclass(frozen=True)
class _Subject:
    """The classes of a data set, and the side of its pictures in pixels."""

    classes: Sequence[str]
    side: int


SUBJECTS = {"cifar10": _Subject(CIFAR10_CLASSES, 32), "mnist": _Subject("0123456789", 28)}
"""By the names that cards have for the data that a network was trained on."""


class Judge:
    """Names what is in pictures, as one of the classes that a downstream network was trained on.

    Args:
        downstream: a network of the zoo, or a folder.

    Raises:
        CodecError: there is none, or nobody here knows the names of its classes.
    """

    def __init__(self, downstream: str = zoo.CLASSIFIER) -> None:
        self._network = zoo.load_classifier(downstream)
        kind = zoo.trained_on(zoo.read_card(zoo.find(downstream)))
        if kind not in SUBJECTS:
            raise CodecError(f"The classes of {kind}, which {downstream} was trained on, have no names here.")
        self._subject = SUBJECTS[kind]

    @torch.inference_mode()
    def names(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """The class of each picture, uint8 [H, W, 3], which is first shrunk whole to the size that was trained on."""
        seen = self._network(shrunk(pictures, self._subject.side)).argmax(1)
        return [self._subject.classes[number] for number in seen.tolist()]


def judge_of(codec: str) -> str:
    """The network that a codec was trained for, if the zoo has it and its classes have names here; else that for
    CIFAR-10.  Raises CodecError where there is no such codec."""
    if is_separate(codec):
        return zoo.CLASSIFIER
    downstream = zoo.read_card(zoo.find(codec)).training.get("config", {}).get("downstream")
    known = downstream in zoo.names() and zoo.trained_on(zoo.read_card(zoo.find(downstream))) in SUBJECTS
    return downstream if known else zoo.CLASSIFIER


def shrunk(pictures: Sequence[NDArray[np.uint8]], side: int) -> Tensor:
    """Pictures uint8 [H, W, 3] of any size, each whole -> [B, 3, side, side] in [0, 1]."""
    planes = (torch.from_numpy(each).permute(2, 0, 1).float() for each in pictures)
    return torch.stack([adaptive_avg_pool2d(each, side) for each in planes]) / 255
