# SPDX-License-Identifier: GPL-3.0-or-later
"""Training end to end, on a handful of made-up pictures."""

from pathlib import Path

import pytest
import torch
from semcom_models import zoo
from semcom_models.adaptive import Adaptive
from semcom_models.order import sending_order
from semcom_models.resnet import ResNet20
from semcom_models.semcc import SemCC as Networks
from semcom_training.channels import Channel, MixedChannel, RayleighChannel, TdlChannel
from semcom_training.classifier import Classifier
from semcom_training.config import ConfigError, NetworksConfig
from semcom_training.data import LabelledImages, random_flip, to_unit
from semcom_training.deepjscc import DeepJSCC
from semcom_training.jscc import FRAGMENTS, Conditions, Link, Point, psnr_at
from semcom_training.loop import Schedule, fit
from semcom_training.semcc import LossWeights, SemCC, info_nce
from semcom_training.train import build_networks
from torch.nn import functional as F

CONDITIONS = Conditions(snr_db=(0, 20), erasure_rate=0.1)
AT_10_DB = Point(snr_db=10, symbols_per_cell=8)


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
    before = psnr_at(method.trained.eval(), images, at=AT_10_DB)
    fit(method, Schedule(epochs=12, batch=16, learning_rate=5e-3), blobs, blobs, seed=1, run=tmp_path)
    assert psnr_at(method.trained, images, at=AT_10_DB) > before + 6


@pytest.mark.parametrize(
    "channel",
    [
        RayleighChannel(kind="rayleigh", coherence="block"),
        RayleighChannel(kind="rayleigh", coherence="fast"),
        TdlChannel(kind="tdl", profile="tdl_c", delay_spread_s=1e-6, doppler_hz=50.0),
        MixedChannel(kind="mixed"),
    ],
    ids=lambda channel: getattr(channel, "coherence", channel.kind),
)
def test_deepjscc_learns_over_fading(blobs: LabelledImages, tmp_path: Path, channel: Channel) -> None:
    conditions = Conditions(snr_db=(0, 20), erasure_rate=0, channel=channel)
    method = DeepJSCC(networks(), conditions, compiled=False)
    images = to_unit(blobs.images)
    point = Point(snr_db=10, symbols_per_cell=8, channel=channel)
    before = psnr_at(method.trained.eval(), images, at=point)
    fit(method, Schedule(epochs=12, batch=16, learning_rate=5e-3), blobs, blobs, seed=1, run=tmp_path)
    after = psnr_at(method.trained, images, at=point)
    assert after > before + 4
    assert psnr_at(method.trained, images, at=AT_10_DB) != after


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
    weights = LossWeights(alpha=1 / 6, reconstruction_scale=100)
    method = SemCC(networks(), downstream, CONDITIONS, weights, stage=stage, compiled=False)
    start = {name: value.clone() for name, value in method.trained.named_parameters()}
    assert any(name.startswith("projection") for name in start) == (stage == "pretraining")
    fit(method, Schedule(epochs=1, batch=16, learning_rate=1e-3), blobs, blobs, seed=1, run=tmp_path)
    for name, value in downstream.state_dict().items():
        torch.testing.assert_close(value, frozen[name], rtol=0, atol=0)
    still = [name for name, value in method.trained.named_parameters() if torch.equal(value, start[name])]
    assert not still


@pytest.mark.parametrize("stage", ["pretraining", "fine_tuning"])
def test_semcc_weighs_its_two_terms(blobs: LabelledImages, stage: str) -> None:
    """Eq. 10 and eq. 11 written out, over a link that hands every symbol on."""
    torch.manual_seed(0)
    downstream, alpha, scale = ResNet20().eval(), 0.25, 30.0
    weights = LossWeights(alpha=alpha, reconstruction_scale=scale, temperature=0.3)
    conditions = Conditions(snr_db=(90, 90), erasure_rate=0)
    method = SemCC(networks().eval(), downstream, conditions, weights, stage=stage, compiled=False)
    mirrored = LabelledImages(torch.cat([blobs.images, blobs.images.flip(-1)]), blobs.labels.repeat(2))
    loss = method.loss(mirrored.images, mirrored.labels, torch.Generator().manual_seed(1))

    sent = to_unit(random_flip(mirrored.images, torch.Generator().manual_seed(1)))
    received = Link(method.networks, conditions, compiled=False)(sent, torch.Generator().manual_seed(2))
    l_rec = (received - sent).square().mean()
    if stage == "pretraining":
        semantic = info_nce(
            method.projection(downstream.features(sent)),
            method.projection(downstream.features(received)),
            temperature=0.3,
        )
    else:
        semantic = F.cross_entropy(downstream(received), mirrored.labels)
    torch.testing.assert_close(loss, alpha * scale * l_rec + (1 - alpha) * semantic, rtol=1e-4, atol=0)


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


def seen_by_the_decoder(trained: torch.nn.Module, conditions: Conditions, images: torch.Tensor) -> tuple:
    """Symbols and trust that it gets, in the order of sending: [B, 2, k] and [B, k]."""
    seen = []
    trained.decoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    Link(trained, conditions, compiled=False)(images, torch.Generator().manual_seed(1))
    ((symbols, trust),) = seen
    order = torch.tensor(sending_order(*trust.shape[1:]))
    return symbols.unflatten(1, (2, -1)).flatten(2)[:, :, order], trust.flatten(1)[:, order]


def test_erasures_are_part_of_the_conditions(blobs: LabelledImages) -> None:
    """Lost symbols reach the decoder as zeros with no trust: the last fragments of some images, any of others."""
    images = to_unit(blobs.images).repeat(8, 1, 1, 1)
    conditions = Conditions(snr_db=(90, 90), erasure_rate=1)
    symbols, trust = seen_by_the_decoder(networks().eval(), conditions, images)
    lost = trust == 0
    assert not symbols.swapaxes(1, 2)[lost].any()
    assert symbols.swapaxes(1, 2)[~lost].abs().amax(-1).min() > 0
    fragments = lost.unflatten(1, (FRAGMENTS, -1))
    assert torch.equal(fragments.all(2), fragments.any(2))
    tails = (lost.long().diff(dim=1) >= 0).all(1)
    assert 0.45 < tails.float().mean() < 0.75  # half of them, and those of the others that happen to be tails
    assert lost[~tails].float().mean() == pytest.approx(0.2, abs=0.05)  # what has losses of the 0 to 30 % drawn
    assert not lost.all(1).any()


def test_so_many_symbols_are_sent_as_the_conditions_say(blobs: LabelledImages) -> None:
    """The first in the order of sending, of unit power; log-uniform, so that half of the images send fewer than the
    geometric mean."""
    torch.manual_seed(3)
    adaptive = Adaptive(widths=(8, 8, 16), symbols_per_cell=16, coding_blocks=0).eval()
    images = to_unit(blobs.images).repeat(8, 1, 1, 1)
    conditions = Conditions(snr_db=(90, 90), erasure_rate=0, symbols_per_cell=(1, 16))
    symbols, trust = seen_by_the_decoder(adaptive, conditions, images)
    sent = trust > 0
    assert (sent.long().diff(dim=1) <= 0).all()
    k = sent.sum(1)
    assert (k.min() >= 16, k.max() <= 16 * 16) == (True, True)
    assert (k < 4 * 16).float().mean() == pytest.approx(0.5, abs=0.06)
    power = symbols.square().sum((1, 2)) / k
    torch.testing.assert_close(power, torch.ones(len(k)), rtol=1e-3, atol=0)


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
    torch.testing.assert_close(started.encoder.head[0].weight, known.encoder.head[0].weight.half().float())
    assert started.decoder.head[0].weight.shape != known.decoder.head[0].weight.shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"widths": [8, 8]}, "cannot be built so"), ({"symbols_percell": 4}, "cannot be built so")],
)
def test_arguments_that_no_network_takes_are_told(arguments: dict, message: str) -> None:
    good = {"widths": [8, 8, 16], "symbols_per_cell": 8, "coding_blocks": 0}
    with pytest.raises(ConfigError, match=message):
        build_networks(NetworksConfig(architecture="semcc", arguments=good | arguments))
    with pytest.raises(ConfigError, match="'oracle'; registered: semcc, adaptive"):
        build_networks(NetworksConfig(architecture="oracle", arguments=good))
