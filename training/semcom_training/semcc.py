# SPDX-License-Identifier: GPL-3.0-or-later
"""SemCC (Tang et al., Algorithm 1): contrastive pre-training, then fine-tuning through the downstream network.

Stage 1 is here; stage 2 has the loss of DeepSC, :mod:`semcom_training.deepsc`.
"""

import torch
from semcom_models.architecture import Architecture
from semcom_models.downstream import Downstream
from torch import Tensor

from semcom_training.data import Augmentation
from semcom_training.jscc import Conditions, Passage
from semcom_training.losses import LossWeights, Projection, info_nce
from semcom_training.semantic import SemanticMethod


class Pretraining(SemanticMethod):
    """Eq. 10: a picture and its reconstruction are drawn together in the space of the downstream features."""

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
        super().__init__(networks, downstream, conditions, weights, augmentation=augmentation, compiled=compiled)
        self.projection = Projection(downstream.classifier.in_features)
        self.trained["projection"] = self.projection

    def semantic(self, sent: Tensor, passage: Passage, labels: Tensor) -> Tensor:
        with torch.no_grad():
            of_sent = self.features(sent)
        of_received = self.features(passage.received)
        return info_nce(self.projection(of_sent), self.projection(of_received), temperature=self.weights.temperature)
