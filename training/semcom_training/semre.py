# SPDX-License-Identifier: GPL-3.0-or-later
"""SemRE (Tang et al., Algorithm 2): semantic re-encoding, for a downstream network that nobody can look into.

What a picture means is what the encoder itself makes of it: reconstructions are encoded again, by a copy of the encoder
that follows it slowly, and drawn together with the pictures of their class.
"""

import copy
import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from semcom_models.architecture import Architecture, Transmitter
from semcom_models.downstream import Downstream
from torch import Tensor
from torch.profiler import record_function

from semcom_training.data import Augmentation
from semcom_training.jscc import Conditions, Passage, to_stride
from semcom_training.losses import LossWeights, Projection, supervised_contrast
from semcom_training.semantic import SemanticMethod


@dataclass(frozen=True, kw_only=True)
class SoftUpdate:
    """Eq. 14: every so many ``epochs`` the copy's weights become beta times their own, 1 - beta times the encoder's."""

    beta: Annotated[float, Field(ge=0, le=1)]
    epochs: Annotated[int, Field(ge=1)] = 1


class SemRE(SemanticMethod):
    """Eq. 10 with the contrast of eq. 13, for square pictures of ``side`` pixels, which the projection is made for.

    The downstream network takes no part: it is asked for the log only.
    """

    def __init__(
        self,
        networks: Architecture,
        downstream: Downstream,
        conditions: Conditions,
        weights: LossWeights,
        update: SoftUpdate,
        *,
        side: int,
        augmentation: Augmentation,
        compiled: bool,
    ) -> None:
        super().__init__(networks, downstream, conditions, weights, augmentation=augmentation, compiled=compiled)
        self.update = update
        self.copy = copy.deepcopy(networks.encoder).requires_grad_(False)
        cells = math.ceil(side / networks.stride) ** 2
        self.projection = Projection(2 * networks.symbols_per_cell * cells)
        self.trained.update({"projection": self.projection, "copy": self.copy})
        self._encode_again = Transmitter(self.copy)
        if compiled:
            self._encode_again.compile()

    def semantic(self, sent: Tensor, passage: Passage, labels: Tensor) -> Tensor:
        self.copy.eval()  # it judges by what it has learnt, not by the batch
        received = to_stride(passage.received, self.networks.stride)
        with record_function("encoder"):
            again = self._encode_again(received, passage.snr_db, passage.sent)
        return supervised_contrast(
            self.projection(passage.symbols.flatten(1)),
            self.projection(again.flatten(1)),
            labels,
            temperature=self.weights.temperature,
        )

    def end_epoch(self, epoch: int) -> None:
        """The soft update."""
        if epoch % self.update.epochs:
            return
        theirs = self.networks.encoder.state_dict()
        for name, own in self.copy.state_dict().items():
            if own.is_floating_point():
                own.lerp_(theirs[name], 1 - self.update.beta)
