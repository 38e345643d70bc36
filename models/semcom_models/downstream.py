# SPDX-License-Identifier: GPL-3.0-or-later
"""What a downstream network of the zoo is: a backbone with features, and a classifier on top."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


class Downstream(nn.Module):
    """Pictures enter as [B, 3, H, W] in [0, 1] and are standardised inside."""

    def __init__(self, *, features: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(CIFAR10_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(CIFAR10_STD).view(1, 3, 1, 1))
        self.classifier = nn.Linear(features, classes)

    @abstractmethod
    def backbone(self, standardised: Tensor) -> Tensor:
        """Standardised pictures to features [B, features, h, w]."""

    def feature_maps(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> [B, features, h, w]."""
        return self.backbone((images - self.mean) / self.std)

    def features(self, images: Tensor) -> Tensor:
        """The backbone F^b of the SemCC paper: [B, 3, H, W] in [0, 1] -> [B, features], globally pooled."""
        return self.feature_maps(images).mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> class logits [B, classes]."""
        return self.classifier(self.features(images))
