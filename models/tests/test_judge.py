# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen has the names of the data set that a network was trained on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from semcom_models import zoo
from semcom_models.errors import CodecError
from semcom_models.judge import Judge, judge_of
from semcom_models.smallnet import SmallNet


def save(folder: Path, kind: str) -> Path:
    """A network that sees the class 3 in everything."""
    network = SmallNet(classes=10)
    with torch.no_grad():
        network.classifier.bias.copy_(1e3 * torch.eye(10)[3])
    card = {"method": "classifier", "architecture": "small", "arguments": {"classes": 10}, "ratio": None, "results": []}
    training = {"config": {"data": {"kind": kind}}}
    zoo.save(folder, network, zoo.Card(name=folder.name, training=training, weights_sha256="", **card))
    return folder


@pytest.mark.parametrize(("kind", "name"), [("cifar10", "cat"), ("mnist", "3")])
def test_classes_have_the_names_of_their_data_set(tmp_path: Path, kind: str, name: str) -> None:
    pictures = [np.zeros(size, np.uint8) for size in ((28, 28, 3), (7, 90, 3))]
    assert Judge(str(save(tmp_path / kind, kind))).names(pictures) == [name, name]


def test_classes_without_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="The classes of stl10, .* have no names here"):
        Judge(str(save(tmp_path / "birds", "stl10")))


def test_a_codec_is_judged_by_the_network_that_it_was_trained_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    for kind in ("mnist", "stl10"):
        save(tmp_path / f"{kind}-judge", kind)
    card = {"method": "none", "architecture": "x", "arguments": {}, "ratio": None, "results": [], "weights_sha256": ""}
    for name, judge in (("digits", "mnist-judge"), ("birds", "stl10-judge"), ("lost", "gone"), ("alone", None)):
        (tmp_path / name).mkdir()
        zoo.write_card(tmp_path / name, zoo.Card(name=name, training={"config": {"downstream": judge}}, **card))
    assert judge_of("digits") == "mnist-judge"
    assert {judge_of(name) for name in ("birds", "lost", "alone", "webp+ldpc@qpsk-1/2")} == {zoo.CLASSIFIER}
