# SPDX-License-Identifier: GPL-3.0-or-later
"""DeepJSCC: encoder and decoder trained for reconstruction alone.

The idea is that of Bourtsoulatze et al. (2019); the networks, the loss, and that the decoder knows the noise variance
and meets erasures in training, are ours.
"""

import torch
from semcom_models.architecture import Architecture
from torch import Tensor
from torch.profiler import record_function

from semcom_training.data import Augmentation, LabelledImages, to_unit
from semcom_training.jscc import Conditions, Link, psnr_at, psnr_db, report_points
from semcom_training.loop import Method


class DeepJSCC(Method):
    """Maximises the PSNR averaged over images in dB, the figure that is reported.

    Against the mean squared error this weighs every picture and every SNR alike, where otherwise the hardest
    pictures at the lowest SNR decide.
    """

    def __init__(
        self, networks: Architecture, conditions: Conditions, *, augmentation: Augmentation, compiled: bool
    ) -> None:
        self.trained = networks.to(memory_format=torch.channels_last)
        self.augmentation = augmentation
        self._link = Link(networks, conditions, compiled=compiled)

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        with record_function("augmentation"):
            sent = to_unit(self.augmentation.mirrored(images, generator))
        return -psnr_db(sent, self._link(sent, generator).received).mean()

    def report(self, held_out: LabelledImages) -> dict[str, float]:
        images = to_unit(held_out.images[:1000])
        return {
            f"psnr_db@{point}": psnr_at(self.trained, images, at=point)
            for point in report_points(self._link.conditions, self.trained)
        }
