# SPDX-License-Identifier: GPL-3.0-or-later
"""What a downstream network sees in pictures of any size."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d

from semcom_models import zoo
from semcom_models.downstream import CIFAR10_CLASSES
from semcom_models.errors import CodecError

SIDE = 32  # of the pictures that the network was trained on


class Judge:
    """Names what is in pictures, as one of the classes of CIFAR-10.

    Args:
        downstream: a network of the zoo, or a folder.

    Raises:
        CodecError: there is none, or it knows other classes.
    """

    def __init__(self, downstream: str = zoo.CLASSIFIER) -> None:
        self._network = zoo.load_classifier(downstream)
        classes = self._network.classifier.out_features
        if classes != len(CIFAR10_CLASSES):
            raise CodecError(f"{downstream} knows {classes} classes, not the {len(CIFAR10_CLASSES)} of CIFAR-10.")

    @torch.inference_mode()
    def names(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """The class of each picture, uint8 [H, W, 3], which is shrunk whole to 32x32 pixels first."""
        shrunk = [adaptive_avg_pool2d(torch.from_numpy(each).permute(2, 0, 1).float(), SIDE) for each in pictures]
        seen = self._network(torch.stack(shrunk) / 255).argmax(1)
        return [CIFAR10_CLASSES[number] for number in seen.tolist()]
