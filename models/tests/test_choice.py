# SPDX-License-Identifier: GPL-3.0-or-later
"""Which codec a picture is for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from semcom_models import zoo
from semcom_models.aesc.autoencoders import MnistAutoencoder
from semcom_models.choice import Choice
from semcom_models.errors import CodecError
from semcom_models.smallnet import SmallNet

KEPT = {"ratio": None, "results": [], "weights_sha256": ""}


def save(folder: Path, *, data: dict) -> Path:
    """An autoencoder that says what it was trained on."""
    card = {
        "method": "aesc",
        "architecture": "aesc-mnist",
        "arguments": {"z_dims": 8},
        "training": {"config": {"data": data}},
    }
    zoo.save(folder, MnistAutoencoder(z_dims=8), zoo.Card(name=folder.name, **card, **KEPT))
    return folder


@pytest.fixture
def classifier(tmp_path: Path) -> str:
    """Calls bright pictures CIFAR-10's and dark ones MNIST's."""
    network = SmallNet(classes=2)
    with torch.no_grad():
        for layer in network.body:
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.fill_(0.05)
        network.classifier.weight.copy_(torch.tensor([[-1.0], [1.0]]).expand(2, 32))
        network.classifier.bias.copy_(torch.tensor([0.5, -0.5]))
    data = {"kind": "sources", "of": ["mnist", "cifar10"]}
    card = {"method": "classifier", "architecture": "small", "arguments": {"classes": 2}}
    zoo.save(
        tmp_path / "sources", network, zoo.Card(name="sources", training={"config": {"data": data}}, **card, **KEPT)
    )
    return str(tmp_path / "sources")


def test_each_picture_goes_by_the_codec_of_its_kind(tmp_path: Path, classifier: str) -> None:
    names = [str(save(tmp_path / kind, data={"kind": kind})) for kind in ("cifar10", "mnist")]
    pictures = np.stack([np.full((40, 50, 3), grey, np.uint8) for grey in (0, 255, 10, 250)])
    for order in (names, names[::-1]):
        choice = Choice(order, classifier=classifier)
        assert [codec.name for codec in choice.for_pictures(pictures)] == ["mnist", "cifar10"] * 2
        assert str(choice) == ",".join(Path(name).name for name in order)


def test_of_one_codec_there_is_no_choice() -> None:
    codec = zoo.load_codec("webp+ldpc")
    assert Choice([codec]).for_pictures(np.zeros((3, 8, 8, 3), np.uint8)) == [codec] * 3


def test_a_choice_that_nothing_decides_is_refused(tmp_path: Path, classifier: str) -> None:
    digits, others, stl = (
        str(save(tmp_path / name, data={"kind": kind}))
        for name, kind in (("digits", "mnist"), ("others", "mnist"), ("stl", "stl10"))
    )
    for names in ((digits, others), (digits, stl)):
        with pytest.raises(CodecError, match="tells mnist, cifar10 apart: each of .* another one of these"):
            Choice(names, classifier=classifier)
    for wrong in ("webp+ldpc", zoo.load_codec("webp+ldpc")):
        with pytest.raises(CodecError, match="for any source"):
            Choice([digits, wrong], classifier=classifier)
    with pytest.raises(CodecError, match="no codec or network 'oracle'"):
        Choice([digits, "oracle"], classifier=classifier)
