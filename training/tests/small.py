# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures, networks and methods small enough to train in a test."""

import torch
from semcom_models.resnet import ResNet20
from semcom_models.semcc import SemCC as Networks
from semcom_training.data import Cifar10, LabelledImages
from semcom_training.deepsc import DeepSC
from semcom_training.jscc import Conditions
from semcom_training.losses import LossWeights
from semcom_training.semantic import SemanticMethod
from semcom_training.semcc import Pretraining
from semcom_training.semre import SemRE, SoftUpdate

CONDITIONS = Conditions(snr_db=(0, 20), erasure_rate=0.1)
HOW = {"augmentation": Cifar10.augmentation, "compiled": False}
METHODS = {"SemCC's first stage": Pretraining, "DeepSC": DeepSC, "SemRE": SemRE}


def networks() -> Networks:
    torch.manual_seed(3)
    return Networks(widths=(8, 8, 16), symbols_per_cell=8, coding_blocks=0)


def semantic(
    name: str, weights: LossWeights, conditions: Conditions, downstream: ResNet20, *, side: int = 16
) -> SemanticMethod:
    """A method with a loss of two terms, on small networks."""
    torch.manual_seed(1)
    more = {"update": SoftUpdate(beta=0.75), "side": side} if name == "SemRE" else {}
    return METHODS[name](networks(), downstream, conditions, weights, **more, **HOW)


def gradients_of_colour() -> LabelledImages:
    """64 smooth pictures: two numbers a channel, so that a small network learns them at once; labelled by how red turns
    from left to right."""
    generator = torch.Generator().manual_seed(0)
    ramp = torch.linspace(0, 1, 16)
    slopes = torch.rand(64, 3, 2, generator=generator)
    pictures = slopes[..., 0, None, None] * ramp + slopes[..., 1, None, None] * ramp[:, None]
    return LabelledImages((pictures * 127).byte(), (slopes[:, 0, 0] > 0.5).long())
