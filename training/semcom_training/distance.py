# SPDX-License-Identifier: GPL-3.0-or-later
"""How far apart two data sets are: Zhang et al., sec. V-B."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from semcom_models import zoo
from semcom_models.downstream import Downstream
from semcom_models.generator import resized
from torch import Tensor, nn
from torch.nn import functional as F

from semcom_training.config import CONFIGS
from semcom_training.data import DATA_SETS, batches_of, check_kind, to_unit
from semcom_training.data.images import Split
from semcom_training.evaluate import Interval, wilson
from semcom_training.observed import adapter_of

PENALTY = 1e-3  # times the squared weights of the linear classifier
STEPS = 200
PIXELS = "pixels"
HARDLY_APART = 0.2  # PAD: a linear classifier is right for 55 of 100
FAR_APART = 1.0  # two networks disagree on half of the pictures more


@dataclass(frozen=True, kw_only=True)
class Distance:
    """``proxy_a_distance`` is that of eq. 23, about 0 where no linear classifier tells the data sets apart, else up to
    2, with its interval of 95 % over the pictures; ``features`` are what the classifier sees of them.
    ``hdh_lower_bound`` is that of eq. 20, from 0 to 2, the highest over pairs of ``hypotheses``, None where there are
    less than two.  The former is of so many training ``images`` of each, the latter of ``hdh_images`` for tests."""

    observed: str
    library: str
    proxy_a_distance: float
    proxy_a_distance_ci95: Interval
    features: str
    hdh_lower_bound: float | None
    hypotheses: tuple[str, ...]
    images: int
    hdh_images: int
    seed: int

    @property
    def advice(self) -> str:
        """What to do about it; where to draw the lines is ours, not the paper's."""
        if self.proxy_a_distance < HARDLY_APART:
            return "They can hardly be told apart: send them as they are."
        adapt = f"Adapt them: {_training(adapter_of(self.observed, self.library), self.observed, self.library)}"
        if (self.hdh_lower_bound or 0) < FAR_APART:
            return f"{adapt}."
        compared = f"./semcom eval --codec CODEC --observed {self.observed} compares it with training anew"
        return f"{adapt}; it may not be enough: {compared}."


def _training(name: str, observed: str, library: str) -> str:
    """The command that trains the adapter, by its own config or that of another one to the library."""
    if (CONFIGS / f"{name}.toml").is_file():
        return f"./semcom train {name}"
    others = sorted(path.stem for path in CONFIGS.glob(f"*-to-{library}.toml"))
    if others:
        return f"./semcom train {others[0]} name={name} data.observed={observed}"
    return f"a config of one to {library} is to be written, like {CONFIGS.name}/usps-to-mnist.toml"


def distance(observed: str, library: str, *, features: str, images: int, seed: int) -> Distance:
    """Between the first ``images`` training pictures of each of two of ``DATA_SETS``, at the size of the library's.

    ``features`` is ``PIXELS``, or a downstream network of the zoo whose features the classifier sees.  The hypotheses
    are networks that were trained on the library, and asked about test pictures.

    Raises:
        CodecError, DataError: a network or a data set is not there.
    """
    for kind in (observed, library):
        check_kind(kind)
    pictures = _pictures(library, observed, "train", most=images)
    seen = [_features(each, None if features == PIXELS else zoo.load_classifier(features)) for each in pictures]
    wrong, of = _wrongly_told(*seen, seed=seed)
    names = [name for name in zoo.classifiers() if zoo.trained_on(zoo.read_card(zoo.find(name))) == library]
    low, high = wilson(wrong / of, of)
    unseen = _pictures(library, observed, "test", most=images)  # on those trained on, networks agree too much
    return Distance(
        observed=observed,
        library=library,
        proxy_a_distance=round(2 - 4 * wrong / of, 3),
        proxy_a_distance_ci95=(round(2 - 4 * high, 3), round(2 - 4 * low, 3)),
        features=features,
        hdh_lower_bound=_lower_bound([zoo.load_classifier(name) for name in names], unseen),
        hypotheses=tuple(names),
        images=len(pictures[0]),
        hdh_images=len(unseen[0]),
        seed=seed,
    )


def _pictures(library: str, observed: str, split: Split, *, most: int) -> tuple[Tensor, Tensor]:
    """As many of each, uint8 [N, 3, H, W], at the size of the library's."""
    ours, theirs = (DATA_SETS[kind]().load(split)[:most].images for kind in (library, observed))
    count = min(len(ours), len(theirs))
    return ours[:count], resized(theirs[:count], ours.shape[-1])


@torch.inference_mode()
def _features(images: Tensor, network: Downstream | None) -> Tensor:
    """[N, features] of uint8 [N, 3, H, W]."""
    parts = (to_unit(part) for part in batches_of(images))
    return torch.cat([part.flatten(1) if network is None else network.features(part) for part in parts])


def _wrongly_told(ours: Tensor, theirs: Tensor, *, seed: int) -> tuple[int, int]:
    """Of how many pictures, which are half of all, a linear classifier that saw the others takes the wrong kind."""
    order = torch.randperm(len(ours), generator=torch.Generator().manual_seed(seed))
    half = len(ours) // 2
    known, asked = (torch.cat([ours[part], theirs[part]]) for part in (order[:half], order[half : 2 * half]))
    labels = torch.arange(2).repeat_interleave(half)
    mean, scale = known.mean(0), known.std(0).clamp_min(1e-6)
    classifier = _linear((known - mean) / scale, labels)
    with torch.inference_mode():
        told = classifier((asked - mean) / scale).argmax(1)
    return (told != labels).sum().item(), 2 * half


def _linear(features: Tensor, labels: Tensor) -> nn.Linear:
    classifier = nn.Linear(features.shape[1], 2)
    nn.init.zeros_(classifier.weight)
    nn.init.zeros_(classifier.bias)
    optimizer = torch.optim.LBFGS(classifier.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(classifier(features), labels) + PENALTY * classifier.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return classifier


@torch.inference_mode()
def _lower_bound(hypotheses: Sequence[Downstream], pictures: Sequence[Tensor]) -> float | None:
    """Eq. 20 for each pair: by how much the share of pictures on which the two disagree differs between the kinds."""
    told = [
        [torch.cat([each(to_unit(part)).argmax(1) for part in batches_of(images)]) for images in pictures]
        for each in hypotheses
    ]
    shares = [
        [(of_one != of_other).float().mean().item() for of_one, of_other in zip(one, other, strict=True)]
        for one, other in combinations(told, 2)
    ]
    return max((round(2 * abs(ours - theirs), 3) for ours, theirs in shares), default=None)
