# SPDX-License-Identifier: GPL-3.0-or-later
"""DeepSC-TU of Zhang et al., trained in one place: what receiver-led training between two programs must come to."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from semcom_models.deepsc_tu import Coder, Vae
from semcom_models.downstream import Downstream
from semcom_models.segmenter import Segmenter
from torch import Tensor
from torch.nn import functional as F
from torch.profiler import record_function

from semcom_training.classifier import accuracy
from semcom_training.data import LabelledImages, batches_of, to_unit
from semcom_training.data.masks import VOID
from semcom_training.jscc import Conditions, Link, Point, psnr_db, sent_over
from semcom_training.loop import Method
from semcom_training.losses import squared_error


@dataclass(frozen=True, kw_only=True)
class SemanticDistortion:
    """Eqs. 4 and 5: lambda alpha D_ob, the mean squared error of the pixels, and (1 - lambda) D_pr, that of the task.

    ``tradeoff`` is lambda; without it, it is the lambda_s of eq. 6, 1 - CR.
    """

    alpha: Annotated[float, Field(gt=0)]
    tradeoff: Annotated[float, Field(ge=0, le=1)] | None = None

    def join(self, observed: Tensor, pragmatic: Tensor, *, compression_rate: float) -> Tensor:
        """The scalar loss of a batch from D_ob and D_pr, [B] each."""
        tradeoff = 1 - compression_rate if self.tradeoff is None else self.tradeoff
        return (tradeoff * self.alpha * observed + (1 - tradeoff) * pragmatic).mean()


class Classification:
    """The pragmatic function of eq. 8, which the receiver alone knows: a classifier, and the cross-entropy of what it
    sees."""

    def __init__(self, downstream: Downstream) -> None:
        self.downstream = downstream.to(memory_format=torch.channels_last).eval().requires_grad_(False)

    def distortion(self, received: Tensor, labels: Tensor) -> Tensor:
        """D_pr of each picture of [B, 3, H, W] in [0, 1], [B]."""
        return F.cross_entropy(self.downstream(received), labels, reduction="none")

    def figures(self, received: LabelledImages) -> dict[str, float]:
        """How well the task is done, on pictures as received."""
        return {"accuracy": accuracy(self.downstream, received)}


class Segmentation:
    """The pragmatic function of eq. 10: what each pixel is part of, as probabilities, and their squared error."""

    def __init__(self, downstream: Segmenter) -> None:
        self.downstream = downstream.to(memory_format=torch.channels_last).eval().requires_grad_(False)

    def distortion(self, received: Tensor, labels: Tensor) -> Tensor:
        """D_pr of each picture of [B, 3, H, W] in [0, 1], [B]: a mean over classes, and pixels of labels [B, H, W]."""
        seen = self.downstream(received).softmax(1)
        known = (labels != VOID).unsqueeze(1)
        truth = F.one_hot(labels.clamp_min(0), seen.shape[1]).movedim(-1, 1)
        error = ((seen - truth).square() * known).flatten(1).sum(1)
        return error / (known.flatten(1).sum(1) * seen.shape[1]).clamp_min(1)

    @torch.inference_mode()
    def figures(self, received: LabelledImages) -> dict[str, float]:
        """The mean intersection over union of the classes that are there, or seen, in pictures as received."""
        seen = torch.cat([self.downstream(to_unit(part)).argmax(1) for part in batches_of(received.images)])
        return {"iou": mean_iou(seen, received.labels, classes=self.downstream.classifier.out_features)}


Task = Classification | Segmentation


def task_of(downstream: Downstream) -> Task:
    """What a receiver does with this network."""
    return Segmentation(downstream) if isinstance(downstream, Segmenter) else Classification(downstream)


def mean_iou(seen: Tensor, truth: Tensor, *, classes: int) -> float:
    """Pixels that are seen as what they are over those that are or are seen as it, a mean over the classes of which
    there are any; int64 of one shape, void pixels left out."""
    known = truth != VOID
    pairs = torch.bincount(classes * truth[known] + seen[known], minlength=classes**2).view(classes, classes)
    union = pairs.sum(0) + pairs.sum(1) - pairs.diagonal()
    return (pairs.diagonal()[union > 0] / union[union > 0]).mean().item()


class DeepScTu(Method):
    """Eq. 8 or 10 over a :class:`Link`."""

    def __init__(
        self, coder: Coder, task: Task, conditions: Conditions, weights: SemanticDistortion, *, compiled: bool
    ) -> None:
        self.trained, self.task, self.weights = coder, task, weights
        self.link = Link(coder, conditions, compiled=compiled)
        self._pragmatic = torch.compile(task.distortion) if compiled else task.distortion

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        sent = to_unit(images)
        return self.distortion(sent, self.link(sent, generator).received, labels)

    def distortion(self, sent: Tensor, received: Tensor, labels: Tensor) -> Tensor:
        """The scalar loss, from pictures [B, 3, H, W] in [0, 1]."""
        alone = self.weights.tradeoff == 1  # no task, as in pretraining
        with record_function("downstream network"):
            pragmatic = torch.zeros(len(sent)) if alone else self._pragmatic(received, labels)
        observed = squared_error(sent, received)
        return self.weights.join(observed, pragmatic, compression_rate=self.trained.compression_rate)

    def report(self, held_out: LabelledImages) -> dict[str, float]:
        return figures(self.trained, self.task, held_out, self.link.conditions)


class VariationalAutoencoder(Method):
    """The baseline: the mean squared error of the pixels, and ``kl_weight`` times the Kullback-Leibler divergence of
    all latent values of a picture from N(0, 1).  The task takes no part: it is asked for the log only."""

    def __init__(self, coder: Vae, task: Task, conditions: Conditions, *, kl_weight: float, compiled: bool) -> None:
        self.trained, self.task, self.kl_weight = coder, task, kl_weight
        self.link = Link(coder, conditions, compiled=compiled)

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        sent = to_unit(images)
        mean, log_var = self.trained.encoder.posterior(sent)
        divergence = (mean.square() + log_var.exp() - 1 - log_var).flatten(1).sum(1) / 2
        received = self.link(sent, generator).received
        return (squared_error(sent, received) + self.kl_weight * divergence).mean()

    def report(self, held_out: LabelledImages) -> dict[str, float]:
        return figures(self.trained, self.task, held_out, self.link.conditions)


def figures(coder: Coder, task: Task, held_out: LabelledImages, conditions: Conditions) -> dict[str, float]:
    """Of the first 1,000 pictures, at the middle of the SNRs: how well the task is done, and the PSNR."""
    part, snr_db = held_out[:1000], sum(conditions.snr_db) / 2
    images, at = to_unit(part.images), Point(snr_db=snr_db, symbols_per_cell=coder.symbols_per_cell)
    received = sent_over(coder, images, at=at)
    seen = LabelledImages((received * 255).round().byte(), part.labels)
    return {**task.figures(seen), "psnr_db": psnr_db(images, received).mean().item()}
