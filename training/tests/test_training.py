# SPDX-License-Identifier: GPL-3.0-or-later
"""Training end to end, on a handful of made-up pictures."""

from pathlib import Path

import pytest
import torch
from semcom_models import zoo
from semcom_models.resnet import ResNet20
from semcom_models.semcc import SemCC as Networks
from semcom_training.classifier import Classifier
from semcom_training.config import NetworksConfig
from semcom_training.data import LabelledImages
from semcom_training.deepjscc import DeepJSCC
from semcom_training.jscc import Conditions, Link, psnr_at
from semcom_training.loop import Schedule, fit
from semcom_training.semcc import SemCC, Weights
from semcom_training.train import build_networks

CONDITIONS = Conditions(snr_db=(0, 20))


def networks() -> Networks:
    torch.manual_seed(3)
    return Networks(widths=(8, 8, 16), symbols_per_cell=8, coding_blocks=0)


@pytest.fixture(scope="module")
def blobs() -> LabelledImages:
    """Smooth colour gradients: two numbers a channel, so that a small network learns them at once; labelled by how
    red turns from left to right."""
    generator = torch.Generator().manual_seed(0)
    ramp = torch.linspace(0, 1, 16)
    slopes = torch.rand(64, 3, 2, generator=generator)
    pictures = slopes[..., 0, None, None] * ramp + slopes[..., 1, None, None] * ramp[:, None]
    return LabelledImages((pictures * 127).byte(), (slopes[:, 0, 0] > 0.5).long())


def test_deepjscc_learns(blobs: LabelledImages, tmp_path: Path) -> None:
    method = DeepJSCC(networks(), CONDITIONS, compiled=False)
    images = blobs.images.float() / 255
    before = psnr_at(method.trained.eval(), images, snr_db=10)
    fit(method, Schedule(epochs=12, batch=16, learning_rate=5e-3), blobs, blobs, seed=1, run=tmp_path)
    assert psnr_at(method.trained, images, snr_db=10) > before + 6


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(blobs: LabelledImages, tmp_path: Path) -> None:
    schedule = Schedule(epochs=3, batch=16, learning_rate=5e-3)

    class CutOff(DeepJSCC):
        def report(self, held_out: LabelledImages) -> dict[str, float]:
            raise KeyboardInterrupt

    whole = DeepJSCC(networks(), CONDITIONS, compiled=False)
    fit(whole, schedule, blobs, blobs, seed=1, run=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(CutOff(networks(), CONDITIONS, compiled=False), schedule, blobs, blobs, seed=1, run=tmp_path / "cut")
    resumed = DeepJSCC(networks(), CONDITIONS, compiled=False)
    fit(resumed, schedule, blobs, blobs, seed=1, run=tmp_path / "cut")
    for one, other in zip(whole.trained.state_dict().values(), resumed.trained.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("stage", ["pretraining", "fine_tuning"])
def test_semcc_trains_the_codec_and_leaves_the_downstream_network_alone(
    blobs: LabelledImages, tmp_path: Path, stage: str
) -> None:
    torch.manual_seed(0)
    downstream = ResNet20()
    frozen = {name: value.clone() for name, value in downstream.state_dict().items()}
    weights = Weights(alpha=1 / 6, reconstruction_scale=100)
    method = SemCC(networks(), downstream, CONDITIONS, weights, stage=stage, compiled=False)
    start = {name: value.clone() for name, value in method.networks.named_parameters()}
    fit(method, Schedule(epochs=1, batch=16, learning_rate=1e-3), blobs, blobs, seed=1, run=tmp_path)
    for name, value in downstream.state_dict().items():
        torch.testing.assert_close(value, frozen[name], rtol=0, atol=0)
    still = [name for name, value in method.networks.named_parameters() if torch.equal(value, start[name])]
    assert not still


def test_classifier_learns(blobs: LabelledImages, tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = Classifier(weight_decay=0, compiled=False)
    fit(method, Schedule(epochs=6, batch=16, learning_rate=0.02), blobs, blobs, seed=1, run=tmp_path)
    assert method.report(blobs)["accuracy"] > 0.8


def test_a_diverging_loss_stops_with_a_sentence(blobs: LabelledImages, tmp_path: Path) -> None:
    class Diverging(DeepJSCC):
        def loss(self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            return super().loss(images, labels, generator) * torch.nan

    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        fit(
            Diverging(networks(), CONDITIONS, compiled=False),
            Schedule(epochs=1, batch=16, learning_rate=1e-3),
            blobs,
            blobs,
            seed=1,
            run=tmp_path,
        )


def test_erasures_are_part_of_the_conditions(blobs: LabelledImages) -> None:
    """A link that loses symbols reconstructs worse than the same link that does not."""
    trained = networks().eval()
    images = blobs.images.float() / 255
    received = [
        Link(trained, Conditions(snr_db=(90, 90), erasure_rate=rate), compiled=False)(
            images, torch.Generator().manual_seed(1)
        )
        for rate in (0, 1)
    ]
    assert not torch.equal(*received)


def test_start_from_copies_what_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = networks()
    arguments = {"widths": [8, 8, 16], "symbols_per_cell": 8, "coding_blocks": 0}
    card = zoo.Card(
        name="known",
        method="none",
        architecture="semcc",
        arguments=arguments,
        ratio="1/6",
        training={},
        results=[],
        weights_sha256="",
    )
    zoo.save(tmp_path / "known", known, card)
    monkeypatch.setenv("SEMCOM_ZOO", str(tmp_path))
    narrower = NetworksConfig(architecture="semcc", arguments=arguments | {"symbols_per_cell": 4}, start_from="known")
    started = build_networks(narrower)
    torch.testing.assert_close(started.encoder.head[0].weight, known.encoder.head[0].weight)
    assert started.decoder.head[0].weight.shape != known.decoder.head[0].weight.shape
