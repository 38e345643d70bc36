# SPDX-License-Identifier: GPL-3.0-or-later
"""AESC-I's training: normalisations that go into the weights, and weights to start from."""

from pathlib import Path

import pytest
import torch
from semcom_models import zoo
from semcom_models.aesc.autoencoders import Autoencoder, Cifar10Autoencoder, MnistAutoencoder
from semcom_models.aesc.message import Model
from semcom_models.aesc.weights import DecoderWeights
from semcom_models.smallnet import SmallNet
from semcom_training.aesc import Aesc, AescWeights
from semcom_training.config import AescConfig
from semcom_training.data import Augmentation, LabelledImages
from semcom_training.loop import Schedule, fit
from semcom_training.train import build

KINDS = {"mnist": lambda: MnistAutoencoder(z_dims=20), "cifar10": lambda: Cifar10Autoencoder(z_dims=2)}


def method(network: Autoencoder, *, normalised: bool) -> Aesc:
    torch.manual_seed(1)
    how = {"augmentation": Augmentation(shift=0, mirror=False), "compiled": False, "normalised": normalised}
    return Aesc(network, SmallNet(classes=2), AescWeights(gamma=0.1, reconstruction="mse"), **how)


def pictures(side: int) -> LabelledImages:
    drawn = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (16, 3, side, side), generator=drawn).byte()
    return LabelledImages(images, torch.zeros(16, dtype=torch.int64))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalised", [True, False])
def test_what_was_trained_is_what_the_network_is(kind: str, normalised: bool, tmp_path: Path) -> None:
    """Also where the training was over before this run."""
    torch.manual_seed(0)
    networks = [KINDS[kind]() for _ in range(2)]
    data, schedule = pictures(networks[0].side), Schedule(epochs=2, batch=8, learning_rate=1e-2)
    images = data.images.float() / 255
    for network in networks:
        before = network.decoder[0 if kind == "mnist" else 1].weight.detach().clone()
        made = method(network, normalised=normalised)
        fit(made, schedule, data, data, seed=1, run=tmp_path)
        made.trained.eval()
        assert not torch.equal(network.decoder[0 if kind == "mnist" else 1].weight, before)
        with torch.no_grad():
            torch.testing.assert_close(network(images), made.trained(images), atol=1e-5, rtol=1e-4)
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, other)


def test_a_network_that_learnt_before_begins_as_it_is_and_stays_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder trained on a little goes as a difference that is smaller than the whole."""
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    torch.manual_seed(0)
    learnt = MnistAutoencoder(z_dims=20)
    kept = {"method": "aesc", "ratio": None, "training": {}, "results": [], "weights_sha256": ""}
    card = zoo.Card(name="learnt", architecture="aesc-mnist", arguments={"z_dims": 20}, **kept)
    zoo.save(tmp_path / "learnt", learnt, card)
    judge = {**kept, "method": "classifier", "architecture": "small", "arguments": {"classes": 10}}
    zoo.save(tmp_path / "judge", SmallNet(classes=10), zoo.Card(name="judge", **judge))
    config = AescConfig(
        name="later",
        method="aesc",
        data={"kind": "mnist"},
        compiled=False,
        downstream="judge",
        architecture="aesc-mnist",
        z_dims=20,
        start_from="learnt",
        weights={"gamma": 0.5, "reconstruction": "bce"},
        schedule={"epochs": 1, "batch": 8, "learning_rate": 1e-5},
    )
    network, _, [training] = build(config, side=28)
    made, data = training.method(), pictures(28)
    images, started = data.images.float() / 255, zoo.load_autoencoder("learnt")
    with torch.no_grad():
        torch.testing.assert_close(made.trained.train()(images), started(images))
    fit(made, training.schedule, data, data, seed=1, run=tmp_path / "run")
    base, later = (DecoderWeights.of(each, bits=8) for each in (started, network))
    whole, difference = (len(Model("digits", 2, later).pack(base=each)) for each in (None, base))
    assert difference < 0.5 * whole
