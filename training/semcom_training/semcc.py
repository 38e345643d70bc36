# SPDX-License-Identifier: GPL-3.0-or-later
"""SemCC (Tang et al., Algorithm 1): contrastive pre-training, then fine-tuning through the downstream network.

What differs from the paper beside the networks: the SNR is drawn for each image, symbols may be erased, and the scale
of the reconstruction, see :class:`LossWeights`.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from semcom_models.architecture import Architecture
from semcom_models.resnet import ResNet20
from torch import Tensor, nn
from torch.nn import functional as F

from semcom_training.classifier import accuracy
from semcom_training.data import LabelledImages, random_flip, to_unit
from semcom_training.jscc import Conditions, Link, psnr_db, report_points, sent_over

PROJECTION = 32


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The two terms of a stage: alpha * reconstruction_scale * L_rec + (1 - alpha) * (L_sem or L_task).

    ``alpha`` is a1 of eq. 10 or a2 of eq. 11.  With pixels in [0, 1], as the decoder's sigmoid has them, the mean
    squared error of eq. 9 is a hundredth of the other term and the pictures come to nothing: ``reconstruction_scale``
    brings it up.  L_task is the cross-entropy of an image; eq. 12 divides it by the number of classes as well, which
    is a reconstruction_scale so many times larger.
    """

    alpha: Annotated[float, Field(ge=0, le=1)]
    reconstruction_scale: Annotated[float, Field(ge=0)]
    temperature: Annotated[float, Field(gt=0)] = 0.5


class SemCC:
    """One stage of Algorithm 1: ``"pretraining"`` with eq. 10, or ``"fine_tuning"`` with eq. 11."""

    def __init__(
        self,
        networks: Architecture,
        downstream: ResNet20,
        conditions: Conditions,
        weights: LossWeights,
        *,
        stage: Literal["pretraining", "fine_tuning"],
        compiled: bool,
    ) -> None:
        self.networks = networks.to(memory_format=torch.channels_last)
        self.downstream = downstream.to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self.weights = weights
        self._link = Link(networks, conditions, compiled=compiled)
        self._backbone = torch.compile(downstream.features) if compiled else downstream.features
        if stage == "pretraining":
            self.projection = Projection(ResNet20.FEATURES)
            self.trained = nn.ModuleDict({"networks": networks, "projection": self.projection})
            self._semantic_loss = self._contrast
        else:
            self.trained = nn.ModuleDict({"networks": networks})
            self._semantic_loss = self._classify

    def optimizer(self, *, learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.trained.parameters(), learning_rate)

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        sent = to_unit(random_flip(images, generator))
        received = self._link(sent, generator)
        alpha = self.weights.alpha
        reconstruction = self.weights.reconstruction_scale * F.mse_loss(received, sent)
        return alpha * reconstruction + (1 - alpha) * self._semantic_loss(sent, received, labels)

    def report(self, held_out: LabelledImages) -> dict[str, float]:
        part = held_out[:1000]
        images, figures = to_unit(part.images), {}
        for point in report_points(self._link.conditions, self.networks):
            received = sent_over(self.networks, images, at=point)
            seen = LabelledImages((received * 255).round().byte(), part.labels)
            figures[f"accuracy@{point}"] = accuracy(self.downstream, seen)
            figures[f"psnr_db@{point}"] = psnr_db(images, received).mean().item()
        return figures

    def _contrast(self, sent: Tensor, received: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            features = self._backbone(sent)
        return info_nce(
            self.projection(features), self.projection(self._backbone(received)), temperature=self.weights.temperature
        )

    def _classify(self, sent: Tensor, received: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.downstream.classifier(self._backbone(received)), labels)


class Projection(nn.Sequential):
    """Two fully connected layers from features to the semantic space: [B, features] -> unit vectors [B, 32]."""

    def __init__(self, features: int) -> None:
        super().__init__(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, PROJECTION))

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(super().forward(features), dim=1)


def info_nce(anchors: Tensor, positives: Tensor, *, temperature: float) -> Tensor:
    """Eq. 8 over a batch and its reconstructions.

    ``anchors`` and ``positives`` are unit vectors [N, D]; row i of the one is the positive of row i of the other, and
    each of the 2N rows serves as anchor once, with the remaining 2N - 2 as its negatives.
    """
    every = torch.cat([anchors, positives])
    similarity = (every @ every.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(similarity, torch.arange(len(every)).roll(len(anchors)))
