# SPDX-License-Identifier: GPL-3.0-or-later
"""Algorithm 2 of Zhang et al.: two generators and two discriminators, at the transmitter alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from semcom_models.generator import Generator
from semcom_models.layers import planes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import record_function

from semcom_training.classifier import accuracy
from semcom_training.data import LabelledImages, to_unit
from semcom_training.data.pair import OBSERVED, UNKNOWN
from semcom_training.loop import Method

BETAS = (0.5, 0.999)  # of Adam, as is usual for these networks


@dataclass(frozen=True, kw_only=True)
class AdversarialWeights:
    """What is joined with the adversarial losses of eqs. 11 to 13: ``cycle`` times that of eq. 15, a mean over pixels,
    which eq. 14 takes once as a sum; and ``semantic`` times the cross-entropy of the pictures whose class is known, if
    the generator is an SGAN's."""

    cycle: Annotated[float, Field(gt=0)]
    semantic: Annotated[float, Field(ge=0)] = 0


class Discriminator(nn.Module):
    """Whether each part of a picture is of the kind; of the picture, too, which of ``classes`` it is, for an SGAN."""

    def __init__(self, *, channels: int, width: int, classes: int) -> None:
        super().__init__()
        self.channels = channels
        self.body = nn.Sequential(
            *(nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), nn.InstanceNorm2d(2 * width), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(2 * width, 4 * width, 3, padding=1), nn.InstanceNorm2d(4 * width), nn.LeakyReLU(0.2)),
        )
        self.kind, self.classifier = nn.Conv2d(4 * width, 1, 3, padding=1), nn.Linear(4 * width, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] in [0, 1] -> logits [B, 1, h, w], and of the classes [B, classes]."""
        features = self.body(planes(images, self.channels) * 2 - 1)
        return self.kind(features), self.classifier(features.amax((2, 3)))


class CycleGan(Method):
    """Eqs. 11 to 16; the generators' logarithm has the other sign, so that they learn from the start, and generators
    and discriminators take their steps together.

    ``generator`` makes observed pictures like the library's, ``back`` the other way round; ``width`` is of the
    discriminators, ``classes`` those of the library.  ``judge`` shows in the log how far it is, of what is received of
    pictures when they are ``sent``, [B, 3, H, W] in [0, 1] -> the same; neither takes part.
    """

    def __init__(
        self,
        generator: Generator,
        back: Generator,
        weights: AdversarialWeights,
        *,
        width: int,
        classes: int,
        judge: nn.Module,
        sent: Callable[[Tensor], Tensor],
    ) -> None:
        self.weights, self.judge, self._sent = weights, judge, sent
        how = {"channels": generator.channels, "width": width, "classes": classes}
        self.to_library, self.to_observed = generator, back
        self.of_library, self.of_observed = Discriminator(**how), Discriminator(**how)
        self.trained = nn.ModuleList([generator, back, self.of_library, self.of_observed])

    def optimizer(self, *, learning_rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.trained.parameters(), learning_rate, betas=BETAS)

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Of a batch of both kinds, labelled as :class:`semcom_training.data.Pair` has it."""
        is_observed = labels >= OBSERVED
        library, observed = to_unit(images[~is_observed]), to_unit(images[is_observed])
        classes_of_library, classes_observed = labels[~is_observed], labels[is_observed] - OBSERVED
        with record_function("generators"):
            like_library, like_observed = self.to_library(observed), self.to_observed(library)
            cycle = F.l1_loss(self.to_observed(like_library), observed)
            cycle = cycle + F.l1_loss(self.to_library(like_observed), library)
        with record_function("discriminators"):
            with _frozen(self.of_library), _frozen(self.of_observed):
                kind, seen = self.of_library(like_library)
                other_kind, _ = self.of_observed(like_observed)
            fooling = _says(kind, 1) + _says(other_kind, 1) + self._known(seen, classes_observed)
            kind, seen = self.of_library(library)
            other_kind, _ = self.of_observed(observed)
            telling = _says(kind, 1) + _says(other_kind, 1) + self._known(seen, classes_of_library)
            telling = telling + _says(self.of_library(like_library.detach())[0], 0)
            telling = telling + _says(self.of_observed(like_observed.detach())[0], 0)
        return self.weights.cycle * cycle + fooling + telling

    def _known(self, seen: Tensor, classes: Tensor) -> Tensor:
        """What an SGAN has beside: the cross-entropy where the class is known; a zero with gradients where none is, as
        processes that share a step out have the same ones."""
        known = classes != UNKNOWN
        loss = F.cross_entropy(seen[known], classes[known], reduction="sum") / known.sum().clamp_min(1)
        return self.weights.semantic * loss

    @torch.inference_mode()
    def report(self, held_out: LabelledImages) -> dict[str, float]:
        """How many observed pictures the judge knows when they are sent as they are, and adapted."""
        observed = held_out[held_out.labels >= OBSERVED]
        images, labels = to_unit(observed.images), observed.labels - OBSERVED
        received = {"as_observed": self._sent(images), "accuracy": self._sent(self.to_library(images))}
        seen = {name: LabelledImages((each * 255).round().byte(), labels) for name, each in received.items()}
        return {name: accuracy(self.judge, each) for name, each in seen.items()}


def _says(logits: Tensor, answer: int) -> Tensor:
    """The cross-entropy of logits that all should say 1, or 0."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, answer))


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """What goes through it inside gets gradients, and the network none."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
