# SPDX-License-Identifier: GPL-3.0-or-later
"""Data adaptation, on pictures that differ by their brightness."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from semcom_models import zoo
from semcom_models.adaptation import Adapter
from semcom_models.errors import CodecError
from semcom_models.generator import Generator
from semcom_models.smallnet import SmallNet
from semcom_training.config import choose_config
from semcom_training.cyclegan import AdversarialWeights, CycleGan
from semcom_training.data import LabelledImages
from semcom_training.data.pair import OBSERVED, UNKNOWN
from semcom_training.errors import ConfigError
from semcom_training.loop import Schedule, fit
from semcom_training.train import build
from torch.nn import functional as F

SIDE = 16


@pytest.fixture(scope="module")
def pair(blobs: LabelledImages) -> LabelledImages:
    """The library is bright, what is observed is dark."""
    bright, dark = blobs.images // 2 + 127, blobs.images // 2
    labels = torch.full((len(blobs),), UNKNOWN)
    return LabelledImages(torch.cat([bright, dark]), torch.cat([labels, labels + OBSERVED]))


def method(*, semantic: float = 0) -> CycleGan:
    torch.manual_seed(0)
    generators = (Generator(side=SIDE, channels=3, width=4, blocks=1) for _ in range(2))
    weights = AdversarialWeights(cycle=1, semantic=semantic)
    judge = SmallNet(classes=2)
    return CycleGan(*generators, weights, width=4, classes=2, judge=judge, sent=lambda images: images)


def test_a_generator_begins_as_the_identity_and_knows_grey_pictures() -> None:
    images = torch.rand(2, 3, SIDE, SIDE)
    torch.testing.assert_close(Generator(side=SIDE, channels=3, width=4, blocks=1)(images), images)
    grey = Generator(side=SIDE, channels=1, width=4, blocks=1)(images)
    torch.testing.assert_close(grey, images.mean(1, keepdim=True).expand(-1, 3, -1, -1))
    for wrong in ({"side": 30, "channels": 1}, {"side": 28, "channels": 2}):
        with pytest.raises(ValueError, match="multiple of 4|1 or 3 channels"):
            Generator(width=4, blocks=1, **wrong)


@pytest.mark.slow
def test_what_is_observed_becomes_like_the_library(pair: LabelledImages, tmp_path: Path) -> None:
    made = method()
    fit(made, Schedule(epochs=40, batch=16, learning_rate=1e-2), pair, pair, seed=1, run=tmp_path)
    dark = pair.images[64:].float() / 255
    with torch.no_grad():
        adapted = made.to_library(dark)
    library = pair.images[:64].float().mean() / 255
    assert abs(adapted.mean() - library) < 0.3 * abs(dark.mean() - library)


def test_the_log_is_of_pictures_that_were_sent(pair: LabelledImages) -> None:
    """A judge of brightness, and a coder that makes all bright, or nothing."""
    made = method()
    made.judge = lambda images: torch.stack([0.5 - images.mean((1, 2, 3)), images.mean((1, 2, 3)) - 0.5], 1)
    bright = LabelledImages(pair.images, torch.full_like(pair.labels, OBSERVED + 1))
    for factor, expected in ((100, 1.0), (0, 0.0)):
        made._sent = lambda images, factor=factor: (images * factor).clamp(0, 1)
        assert made.report(bright) == {"as_observed": expected, "accuracy": expected}
    made._sent, made.to_library = lambda images: images, torch.ones_like
    assert made.report(bright) == {"as_observed": 0.5, "accuracy": 1}


def test_discriminators_learn_from_what_they_should_tell_alone(pair: LabelledImages) -> None:
    """And not from what the generators would have them say."""
    made = method()
    made.loss(pair.images[48:80], pair.labels[48:80], torch.Generator()).backward()
    given = made.of_library.kind.bias.grad.clone()
    assert made.to_library.network[-1].weight.grad.abs().sum() > 0
    made.trained.zero_grad()
    library, adapted = pair.images[48:64].float() / 255, made.to_library(pair.images[64:80].float() / 255).detach()
    loss = F.softplus(-made.of_library(library)[0]).mean() + F.softplus(made.of_library(adapted)[0]).mean()
    loss.backward()
    torch.testing.assert_close(given, made.of_library.kind.bias.grad)


def test_a_few_labels_take_part_where_they_are_known(pair: LabelledImages) -> None:
    labels = pair.labels.clone()
    labels[60], labels[70] = 1, OBSERVED
    batch = slice(48, 80)
    for given, differ in ((pair.labels, False), (labels, True)):
        losses = [method(semantic=each).loss(pair.images[batch], given[batch], torch.Generator()) for each in (0, 5)]
        assert (losses[0] != losses[1]).item() == differ
    made = method()
    like_library = made.to_library(pair.images[64:80].float() / 255)
    (_, seen), (_, other) = made.of_library(like_library), made.of_library(pair.images[48:64].float() / 255)
    expected = F.cross_entropy(seen[70 - 64], torch.tensor(0)) + F.cross_entropy(other[60 - 48], torch.tensor(1))
    torch.testing.assert_close((losses[1] - losses[0]) / 5, expected, rtol=1e-3, atol=1e-5)


def test_processes_have_the_same_gradients_wherever_the_labels_are(pair: LabelledImages) -> None:
    made = method(semantic=5)
    made.loss(pair.images[48:80], pair.labels[48:80], torch.Generator()).backward()
    assert all(each.grad is not None for each in made.of_library.parameters())


def test_an_adapter_takes_pictures_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    arguments = {"side": SIDE, "channels": 1, "width": 4, "blocks": 1}
    card = {"method": "cyclegan", "architecture": zoo.GENERATOR, "arguments": arguments, "ratio": None}
    made = zoo.Card(name="a-to-b", training={}, results=[], weights_sha256="", **card)
    zoo.save(tmp_path / "a-to-b", Generator(**arguments), made)
    grey = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 1), dtype=np.uint8).repeat(3, axis=3)
    adapter = Adapter("a-to-b")
    np.testing.assert_array_equal(adapter.adapted(grey), grey)
    assert adapter.adapted(np.zeros((2, 40, 30, 3), np.uint8)).shape == (2, SIDE, SIDE, 3)
    with pytest.raises(CodecError, match="no codec or network 'b-to-a'"):
        Adapter("b-to-a")
    zoo.write_card(tmp_path / "a-to-b", replace(made, architecture="small"))
    with pytest.raises(CodecError, match="generators that adapt pictures are generator"):
        Adapter("a-to-b")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("downstream=resnet20-cifar10", "resnet20-cifar10 was trained on cifar10, and the library is mnist"),
        ("coder=deepsc-tu-cifar10", "deepsc-tu-cifar10 was trained on cifar10, and the library is mnist"),
        ("arguments.width=0", "cannot be built so: width is 0 and blocks 3; they must be"),
        ("arguments.blocks=-1", "cannot be built so: width is 16 and blocks -1; they must be"),
        ("arguments.channels=2", "1 or 3 channels, not 2"),
    ],
)
def test_what_does_not_fit_is_told(wrong: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        build(choose_config("usps-to-mnist", file=None, overrides=[wrong]), side=28)


def test_what_is_too_large_can_be_framed_anew() -> None:
    """One map for all, learnt from where the pictures should have been."""
    generator, small = Generator(side=SIDE, channels=1, width=4, blocks=1), torch.zeros(1, 3, SIDE, SIDE)
    small[..., 4:12, 4:12] = 1
    large = torch.ones_like(small)
    optimizer = torch.optim.Adam([generator.frame], 0.03)
    for _ in range(100):
        optimizer.zero_grad()
        F.mse_loss(generator(large), small).backward()
        optimizer.step()
    torch.testing.assert_close(generator.frame[:, :2].detach(), 2 * torch.eye(2), atol=0.1, rtol=0)
