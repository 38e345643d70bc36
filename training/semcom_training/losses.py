# SPDX-License-Identifier: GPL-3.0-or-later
"""The losses of Tang et al., one value an image; means over the batch are taken where terms are joined."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

PROJECTION = 32


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The two terms of eq. 10 and 11: alpha * reconstruction_scale * L_rec + (1 - alpha) * (L_sem or L_task).

    ``alpha`` is a1 of eq. 10 or a2 of eq. 11; without it, it is k/n, that of each image, as the paper proposes.  With
    pixels in [0, 1], as the decoder's sigmoid has them, the mean squared error of eq. 9 is a hundredth of the other
    term and the pictures come to nothing: ``reconstruction_scale`` brings it up, and is what to turn for more PSNR or
    more accuracy.  L_task is the cross-entropy of an image; eq. 12 divides it by the number of classes as well, which
    is a reconstruction_scale so many times larger.
    """

    reconstruction_scale: Annotated[float, Field(ge=0)]
    alpha: Annotated[float, Field(ge=0, le=1)] | None = None
    temperature: Annotated[float, Field(gt=0)] = 0.5

    def join(self, *, reconstruction: Tensor, semantic: Tensor, ratio: Tensor) -> Tensor:
        """The scalar loss of a batch from its two terms and k/n, [B] each."""
        alpha = ratio if self.alpha is None else self.alpha
        return (alpha * self.reconstruction_scale * reconstruction + (1 - alpha) * semantic).mean()


def squared_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Eq. 9: the mean squared error of each image of [B, C, H, W], [B]."""
    return (images - reconstructions).square().flatten(1).mean(1)


def info_nce(anchors: Tensor, positives: Tensor, *, temperature: float) -> Tensor:
    """Eq. 8 over a batch and its reconstructions: [N], the mean of the two terms in which a row is the anchor.

    ``anchors`` and ``positives`` are unit vectors [N, D]; row i of the one is the positive of row i of the other, and
    each of the 2N rows serves as anchor once, with the remaining 2N - 2 as its negatives.
    """
    every = torch.cat([anchors, positives])
    similarity = (every @ every.T / temperature).fill_diagonal_(-torch.inf)
    terms = F.cross_entropy(similarity, torch.arange(len(every)).roll(len(anchors)), reduction="none")
    return terms.view(2, -1).mean(0)


def supervised_contrast(anchors: Tensor, positives: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Eq. 13 over a batch and its reconstructions: [N], the mean of the two terms in which a row is the anchor.

    ``anchors`` and ``positives`` are unit vectors [N, D], ``labels`` int64 [N].  The positives of each of the 2N rows
    are the other rows of its class; as eq. 13 has it, and other than Khosla et al., its denominator is the sum over the
    rows of other classes alone.  Where all are of one class there is nothing to tell apart, and the loss is 0.
    """
    every, classes = torch.cat([anchors, positives]), labels.repeat(2)
    similarity = every @ every.T / temperature
    same = classes.unsqueeze(1) == classes
    others = torch.logsumexp(similarity.masked_fill(same, -torch.inf), dim=1, keepdim=True)
    positive = same.float().fill_diagonal_(0)
    terms = (positive * (others - similarity)).sum(1) / positive.sum(1)
    return torch.where(same.all(1), 0, terms).view(2, -1).mean(0)


class Projection(nn.Sequential):
    """Two fully connected layers to the semantic space: [B, features] -> unit vectors [B, 32]."""

    HIDDEN = 64

    def __init__(self, features: int) -> None:
        super().__init__(nn.Linear(features, self.HIDDEN), nn.ReLU(), nn.Linear(self.HIDDEN, PROJECTION))

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(super().forward(features), dim=1)
