# SPDX-License-Identifier: GPL-3.0-or-later
"""ResNet-20 for 32x32 pictures (He et al. 2016, section 4.2): the downstream network."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions; where the shape changes, a 1x1 convolution on the shortcut."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class ResNet20(nn.Module):
    """Backbone and classifier; pictures enter as [B, 3, H, W] in [0, 1] and are standardised inside."""

    FEATURES = 64

    def __init__(self, *, classes: int = 10) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(CIFAR10_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(CIFAR10_STD).view(1, 3, 1, 1))
        self.head = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        stages = []
        in_channels = 16
        for channels, first_stride in ((16, 1), (32, 2), (64, 2)):
            for stride in (first_stride, 1, 1):
                stages.append(BasicBlock(in_channels, channels, stride))
                in_channels = channels
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(self.FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """The backbone F^b of the SemCC paper: [B, 3, H, W] in [0, 1] -> [B, 64], globally pooled."""
        return self.stages(self.head((images - self.mean) / self.std)).mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> class logits [B, classes]."""
        return self.classifier(self.features(images))
