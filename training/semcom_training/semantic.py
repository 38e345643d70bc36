# SPDX-License-Identifier: GPL-3.0-or-later
"""What SemCC, SemRE and DeepSC share: a loss of two terms, for the picture and for what it means."""

from abc import abstractmethod

import torch
from semcom_models.architecture import Architecture
from semcom_models.downstream import Downstream
from torch import Tensor, nn
from torch.profiler import record_function

from semcom_training.classifier import accuracy
from semcom_training.data import Augmentation, LabelledImages, to_unit
from semcom_training.jscc import Conditions, Link, Passage, psnr_db, report_points, sent_over
from semcom_training.loop import Method
from semcom_training.losses import LossWeights, squared_error


class SemanticMethod(Method):
    """Eq. 10 and 11: the squared error, joined with the term that a subclass has."""

    def __init__(
        self,
        networks: Architecture,
        downstream: Downstream,
        conditions: Conditions,
        weights: LossWeights,
        *,
        augmentation: Augmentation,
        compiled: bool,
    ) -> None:
        self.networks = networks.to(memory_format=torch.channels_last)
        self.downstream = downstream.to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self.weights, self.conditions, self.augmentation = weights, conditions, augmentation
        self.trained = nn.ModuleDict({"networks": networks})
        self._link = Link(networks, conditions, compiled=compiled)
        self._features = torch.compile(downstream.features) if compiled else downstream.features

    def features(self, images: Tensor) -> Tensor:
        """What the backbone of the downstream network makes of pictures [B, 3, H, W] in [0, 1]: [B, features]."""
        with record_function("downstream network"):
            return self._features(images)

    @abstractmethod
    def semantic(self, sent: Tensor, passage: Passage, labels: Tensor) -> Tensor:
        """L_sem or L_task of each image, [B]."""

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        with record_function("augmentation"):
            sent = to_unit(self.augmentation.moved_and_mirrored(images, generator))
        passage = self._link(sent, generator)
        return self.weights.join(
            reconstruction=squared_error(sent, passage.received),
            semantic=self.semantic(sent, passage, labels),
            ratio=passage.ratio,
        )

    def report(self, held_out: LabelledImages) -> dict[str, float]:
        """Accuracy and PSNR on the first 1,000 images."""
        part = held_out[:1000]
        images, figures = to_unit(part.images), {}
        for point in report_points(self.conditions, self.networks):
            received = sent_over(self.networks, images, at=point)
            seen = LabelledImages((received * 255).round().byte(), part.labels)
            figures[f"accuracy@{point}"] = accuracy(self.downstream, seen)
            figures[f"psnr_db@{point}"] = psnr_db(images, received).mean().item()
        return figures
