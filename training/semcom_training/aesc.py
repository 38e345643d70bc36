# SPDX-License-Identifier: GPL-3.0-or-later
"""AESC-I of Dong et al.: an autoencoder that keeps what a classifier sees; no channel is in its training."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from semcom_models.aesc.autoencoders import Autoencoder
from semcom_models.downstream import Downstream
from torch import Tensor
from torch.nn import functional as F
from torch.profiler import record_function

from semcom_training.classifier import accuracy
from semcom_training.data import Augmentation, LabelledImages, to_unit
from semcom_training.jscc import psnr_db
from semcom_training.loop import Method


@dataclass(frozen=True, kw_only=True)
class AescWeights:
    """Eq. 10, with the mean squared error, or eq. 14, with the binary cross-entropy of grey values (eq. 15)."""

    gamma: Annotated[float, Field(ge=0, le=1)]
    reconstruction: Literal["mse", "bce"]

    def join(self, images: Tensor, received: Tensor, features: Tensor, features_received: Tensor) -> Tensor:
        """The scalar loss: pictures [B, 3, H, W] in [0, 1], features [B, F]; eq. 9 is the error of the latter."""
        pixels = F.mse_loss if self.reconstruction == "mse" else F.binary_cross_entropy
        semantic = F.mse_loss(features_received, features)
        return self.gamma * semantic + (1 - self.gamma) * pixels(received, images)


class Aesc(Method):
    """Encoder and decoder by eq. 10 or 14; M of eq. 9 are the pooled features of ``downstream``."""

    def __init__(
        self,
        network: Autoencoder,
        downstream: Downstream,
        weights: AescWeights,
        *,
        augmentation: Augmentation,
        compiled: bool,
    ) -> None:
        self.trained = network.to(memory_format=torch.channels_last)
        self.downstream = downstream.to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self.weights, self.augmentation = weights, augmentation
        self._forward = torch.compile(self.trained) if compiled else self.trained
        self._features = torch.compile(downstream.features) if compiled else downstream.features

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        with record_function("augmentation"):
            sent = to_unit(self.augmentation.mirrored(images, generator))
        with record_function("autoencoder"):
            received = self._forward(sent)
        with record_function("downstream network"):
            features = self._features(sent), self._features(received)
        return self.weights.join(sent, received, *features)

    @torch.inference_mode()
    def report(self, held_out: LabelledImages) -> dict[str, float]:
        """Without quantised weights and channel."""
        part = held_out[:1000]
        images = to_unit(part.images)
        received = self.trained(images)
        seen = LabelledImages((received * 255).round().byte(), part.labels)
        return {
            "accuracy": accuracy(self.downstream, seen),
            "psnr_db": psnr_db(images, received).mean().item(),
        }
