# SPDX-License-Identifier: GPL-3.0-or-later
"""DeepSC, the baseline of Tang et al. after Zhang et al. 2023: reconstruction, and the task through its network.

Its loss, eq. 11, is that of SemCC's second stage too.
"""

import torch
from semcom_models.architecture import Architecture
from semcom_models.downstream import Downstream
from torch import Tensor
from torch.nn import functional as F
from torch.profiler import record_function

from semcom_training.data import Augmentation
from semcom_training.jscc import Conditions, Passage
from semcom_training.losses import LossWeights
from semcom_training.semantic import SemanticMethod


class DeepSC(SemanticMethod):
    """Eq. 11, with the cross-entropy (eq. 12) of what the frozen downstream network sees in the reconstruction."""

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
        self._classify = torch.compile(downstream) if compiled else downstream

    def semantic(self, sent: Tensor, passage: Passage, labels: Tensor) -> Tensor:
        with record_function("downstream network"):
            logits = self._classify(passage.received)
        return F.cross_entropy(logits, labels, reduction="none")
