# SPDX-License-Identifier: GPL-3.0-or-later
"""DeepSC, the baseline of Tang et al. after Zhang et al. 2023: reconstruction, and the task through its network.

Its loss, eq. 11, is that of SemCC's second stage too.
"""

from torch import Tensor
from torch.nn import functional as F

from semcom_training.jscc import Passage
from semcom_training.semantic import SemanticMethod


class DeepSC(SemanticMethod):
    """Eq. 11, with the cross-entropy (eq. 12) of what the frozen downstream network sees in the reconstruction."""

    def semantic(self, sent: Tensor, passage: Passage, labels: Tensor) -> Tensor:
        logits = self.downstream.classifier(self.features(passage.received))
        return F.cross_entropy(logits, labels, reduction="none")
