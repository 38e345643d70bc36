# SPDX-License-Identifier: GPL-3.0-or-later
"""Downstream networks, trained with cross-entropy."""

import torch
from semcom_models.downstream import Downstream
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import record_function

from semcom_training.data import Augmentation, LabelledImages, batches_of, to_unit
from semcom_training.data.masks import VOID
from semcom_training.loop import Method


class Classifier(Method):
    """SGD with Nesterov momentum, pictures shifted and mirrored at random."""

    def __init__(self, network: Downstream, *, augmentation: Augmentation, weight_decay: float, compiled: bool) -> None:
        self.trained = network.to(memory_format=torch.channels_last)
        self.augmentation, self.weight_decay = augmentation, weight_decay
        self._forward = torch.compile(self.trained) if compiled else self.trained

    def optimizer(self, *, learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            self.trained.parameters(), learning_rate, momentum=0.9, nesterov=True, weight_decay=self.weight_decay
        )

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        with record_function("augmentation"):
            augmented = to_unit(self.augmentation.moved_and_mirrored(images, generator))
        with record_function("downstream network"):
            logits = self._forward(augmented)
        return F.cross_entropy(logits, labels)

    def report(self, held_out: LabelledImages) -> dict[str, float]:
        return {"accuracy": accuracy(self.trained, held_out)}


@torch.inference_mode()
def accuracy(classifier: nn.Module, labelled: LabelledImages) -> float:
    """The share of the labels of ``labelled`` that ``classifier`` names right, of masks those that are not void."""
    seen = torch.cat([classifier(to_unit(part)).argmax(1) for part in batches_of(labelled.images)])
    return (seen == labelled.labels).sum().item() / (labelled.labels != VOID).sum().item()
