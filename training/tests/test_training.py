# SPDX-License-Identifier: GPL-3.0-or-later
"""Training end to end, on a handful of made-up pictures."""

from pathlib import Path

import pytest
import torch
from semcom_models import zoo
from semcom_models.adaptive import Adaptive
from semcom_models.errors import CodecError
from semcom_models.order import sending_order
from semcom_models.resnet import ResNet20
from semcom_training.channels import Channel, MixedChannel, RayleighChannel, TdlChannel
from semcom_training.classifier import Classifier
from semcom_training.config import ConfigError, NetworksConfig
from semcom_training.data import Cifar10, LabelledImages, to_unit
from semcom_training.deepjscc import DeepJSCC
from semcom_training.jscc import FRAGMENTS, Conditions, Link, Point, psnr_at, to_stride
from semcom_training.loop import Schedule, fit
from semcom_training.losses import LossWeights, info_nce, squared_error, supervised_contrast
from semcom_training.semre import SemRE, SoftUpdate
from semcom_training.train import build_networks
from small import CONDITIONS, HOW, METHODS, networks, semantic
from torch.nn import functional as F

AT_10_DB = Point(snr_db=10, symbols_per_cell=8)


def test_deepjscc_learns(blobs: LabelledImages, tmp_path: Path) -> None:
    method = DeepJSCC(networks(), CONDITIONS, **HOW)
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
    method = DeepJSCC(networks(), conditions, **HOW)
    images = to_unit(blobs.images)
    point = Point(snr_db=10, symbols_per_cell=8, channel=channel)
    before = psnr_at(method.trained.eval(), images, at=point)
    fit(method, Schedule(epochs=12, batch=16, learning_rate=5e-3), blobs, blobs, seed=1, run=tmp_path)
    after = psnr_at(method.trained, images, at=point)
    assert after > before + 4
    assert psnr_at(method.trained, images, at=AT_10_DB) != after


def test_a_checkpoint_of_another_version_is_refused_in_a_sentence(blobs: LabelledImages, tmp_path: Path) -> None:
    torch.save({"epochs_done": 1, "trained": {}, "optimizer": {}, "one_cycle": {}}, tmp_path / "checkpoint.pt")
    schedule = Schedule(epochs=2, batch=16, learning_rate=1e-3)
    with pytest.raises(ConfigError, match="checkpoint.pt is of another version of gr-semcom: go on with that"):
        fit(DeepJSCC(networks(), CONDITIONS, **HOW), schedule, blobs, blobs, seed=1, run=tmp_path)


@pytest.mark.parametrize(("name", "shards"), [("DeepJSCC", 1), ("SemRE", 1), ("SemRE", 2)])
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(
    blobs: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, shards: int
) -> None:
    """SemRE's copy of the encoder included."""

    def train(run: str) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        if name == "DeepJSCC":
            method = DeepJSCC(networks(), CONDITIONS, **HOW)
        else:
            method = semantic(name, LossWeights(reconstruction_scale=100), CONDITIONS, ResNet20())
        schedule = Schedule(epochs=3, batch=16, learning_rate=5e-3, shards=shards)
        fit(method, schedule, blobs, blobs, seed=1, run=tmp_path / run)
        return method.trained.state_dict()

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    whole = train("whole")
    with monkeypatch.context() as patched:
        patched.setattr(DeepJSCC if name == "DeepJSCC" else SemRE, "report", cut_off)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                train("cut")
    for one, other in zip(whole.values(), train("cut").values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"warmup": 0.5}, [0.04, 0.52, 1.0]),
        ({"halved_every": 2}, [1.0, 1.0, 0.5]),
    ],
)
def test_the_learning_rate_is_that_of_the_schedule(schedule: dict, expected: list[float]) -> None:
    """At the beginning of four epochs, after one and two of them: up and down a cosine, or halved."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    rates, seen = Schedule(epochs=4, batch=1, learning_rate=1.0, **schedule).learning_rates(optimizer, steps=101), []
    for _ in range(3):
        seen.append(rates.get_last_lr()[0])
        for _ in range(101):
            optimizer.step()
            rates.step()
    assert seen == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("epochs", [1, 4, 5, 6])
def test_few_steps_have_learning_rates_too(epochs: int) -> None:
    """Five, of which the default warmup is one, divided by zero."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    rates = Schedule(epochs=epochs, batch=1, learning_rate=1.0).learning_rates(optimizer, steps=1)
    for _ in range(epochs):
        assert 0 <= rates.get_last_lr()[0] <= 1
        optimizer.step()
        rates.step()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_trains_the_codec_and_leaves_the_downstream_network_alone(
    blobs: LabelledImages, tmp_path: Path, name: str
) -> None:
    torch.manual_seed(0)
    downstream = ResNet20()
    frozen = {key: value.clone() for key, value in downstream.state_dict().items()}
    method = semantic(name, LossWeights(alpha=1 / 6, reconstruction_scale=100), CONDITIONS, downstream)
    start = {key: value.clone() for key, value in method.trained.named_parameters() if value.requires_grad}
    assert any(key.startswith("projection") for key in start) == (name != "DeepSC")
    fit(method, Schedule(epochs=1, batch=16, learning_rate=1e-3), blobs, blobs, seed=1, run=tmp_path)
    for key, value in downstream.state_dict().items():
        torch.testing.assert_close(value, frozen[key], rtol=0, atol=0)
    trained = dict(method.trained.named_parameters())
    assert not [key for key, value in start.items() if torch.equal(trained[key], value)]


@pytest.mark.parametrize("name", METHODS)
def test_a_loss_is_that_of_the_paper(blobs: LabelledImages, name: str) -> None:
    """Eq. 10 and 11 written out, with the default alpha of k/n: 1/6 here."""
    torch.manual_seed(0)
    downstream, scale, conditions = ResNet20().eval(), 30.0, Conditions(snr_db=(5, 5), erasure_rate=0)
    method = semantic(name, LossWeights(reconstruction_scale=scale, temperature=0.3), conditions, downstream)
    method.trained.eval()
    if name == "SemRE":
        torch.nn.init.normal_(method.copy.head[0].weight, std=0.3)  # tells it from the encoder
    loss = method.loss(blobs.images, blobs.labels, torch.Generator().manual_seed(1))

    generator = torch.Generator().manual_seed(1)
    sent = to_unit(Cifar10.augmentation.moved_and_mirrored(blobs.images, generator))
    codec = method.networks
    passage = Link(codec, conditions, compiled=False)(sent, generator)
    if name == "SemRE":
        symbols = method.copy(passage.received, passage.snr_db).unflatten(1, (2, -1)).permute(0, 2, 3, 4, 1)
        again = symbols / symbols.square().sum(-1).mean((1, 2, 3)).sqrt().view(-1, 1, 1, 1, 1)
        projected = method.projection(passage.symbols.flatten(1)), method.projection(again.flatten(1))
        term = supervised_contrast(*projected, blobs.labels, temperature=0.3).mean()
    elif name == "DeepSC":
        term = F.cross_entropy(downstream(passage.received), blobs.labels)
    else:
        features = downstream.features(sent), downstream.features(passage.received)
        term = info_nce(*map(method.projection, features), temperature=0.3).mean()
    expected = scale / 6 * squared_error(sent, passage.received).mean() + 5 / 6 * term
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=0)


def test_a_mixed_channel_is_awgn_for_half_of_the_images_and_fades_for_a_quarter_each() -> None:
    symbols = torch.ones(4000, 8, dtype=torch.complex64)
    channel = MixedChannel(kind="mixed").layer()
    received, noise_var = channel(symbols, torch.full((4000,), 10.0), torch.Generator().manual_seed(1))
    alike = (noise_var == noise_var[:, :1]).all(1)
    awgn = torch.isclose(noise_var, torch.tensor(0.1)).all(1)
    for share, expected in ((awgn, 0.5), (alike & ~awgn, 0.25), (~alike, 0.25)):
        assert share.float().mean().item() == pytest.approx(expected, abs=0.03)
    error = (received - symbols).abs().square() / noise_var  # each as noisy as is said
    for share in (awgn, alike & ~awgn, ~alike):
        assert error[share].mean().item() == pytest.approx(1, rel=0.05)


def test_alpha_is_the_ratio_of_each_image_unless_it_is_given() -> None:
    terms = {"reconstruction": torch.tensor([1.0, 2.0]), "semantic": torch.tensor([3.0, 5.0])}
    ratio = torch.tensor([0.25, 0.5])
    by_ratio = LossWeights(reconstruction_scale=10).join(**terms, ratio=ratio)
    assert by_ratio.item() == pytest.approx((0.25 * 10 * 1 + 0.75 * 3 + 0.5 * 10 * 2 + 0.5 * 5) / 2)
    given = LossWeights(reconstruction_scale=10, alpha=0.1).join(**terms, ratio=ratio)
    assert given.item() == pytest.approx((0.1 * 10 * 1.5) + 0.9 * 4)


def test_the_copy_of_the_encoder_follows_softly(blobs: LabelledImages) -> None:
    """Eq. 14, every second epoch, for weights and for the statistics of batch normalisation."""
    method = semantic("SemRE", LossWeights(reconstruction_scale=1), CONDITIONS, ResNet20())
    method.update = SoftUpdate(beta=0.75, epochs=2)
    before = {key: value.clone() for key, value in method.copy.state_dict().items()}
    for value in method.networks.encoder.state_dict().values():
        value.add_(1)
    method.end_epoch(1)
    for key, value in method.copy.state_dict().items():
        assert torch.equal(value, before[key])
    method.end_epoch(2)
    for key, value in method.copy.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, before[key] + 0.25)


def test_classifier_learns(blobs: LabelledImages, tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = Classifier(ResNet20(), weight_decay=0, **HOW)
    fit(method, Schedule(epochs=10, batch=16, learning_rate=0.02), blobs, blobs, seed=1, run=tmp_path)
    assert method.report(blobs)["accuracy"] > 0.8


def test_a_diverging_loss_stops_with_a_sentence(blobs: LabelledImages, tmp_path: Path) -> None:
    class Diverging(DeepJSCC):
        def loss(self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            return super().loss(images, labels, generator) * torch.nan

    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        fit(
            Diverging(networks(), CONDITIONS, **HOW),
            Schedule(epochs=1, batch=16, learning_rate=1e-3),
            blobs,
            blobs,
            seed=1,
            run=tmp_path,
        )


@pytest.mark.parametrize("name", METHODS)
def test_sides_that_the_stride_does_not_divide_are_padded_and_cropped(blobs: LabelledImages, name: str) -> None:
    method = semantic(name, LossWeights(reconstruction_scale=1), CONDITIONS, ResNet20(), side=14)
    smaller = blobs.images[..., :13, :14]
    assert method.loss(smaller, blobs.labels, torch.Generator().manual_seed(1)).isfinite()
    passage = Link(networks(), CONDITIONS, compiled=False)(to_unit(smaller), torch.Generator())
    assert passage.received.shape == (len(blobs), 3, 13, 14)
    assert passage.symbols.shape[2:4] == (4, 4)
    assert passage.ratio[0] == 8 * 4 * 4 / (3 * 13 * 14)


def test_padding_repeats_the_last_row_and_column() -> None:
    image = torch.arange(6.0).view(1, 1, 2, 3)
    assert to_stride(image, 4)[0, 0].tolist() == [[0, 1, 2, 2]] + 3 * [[3, 4, 5, 5]]


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
    assert k.min() >= 16
    assert k.max() <= 16 * 16
    assert (k < 4 * 16).float().mean() == pytest.approx(0.5, abs=0.06)
    power = symbols.square().sum((1, 2)) / k
    torch.testing.assert_close(power, torch.ones(len(k)), rtol=1e-3, atol=0)


@pytest.mark.parametrize("symbols", [(1, 8), (8, 9), (8, 7)])
def test_symbols_that_the_networks_have_not_are_told(symbols: tuple[float, float]) -> None:
    conditions = Conditions(snr_db=(0, 20), erasure_rate=0, symbols_per_cell=symbols)
    with pytest.raises(CodecError, match="The networks send 8 to 8 symbols a cell; symbols_per_cell is"):
        Link(networks(), conditions, compiled=False)


def test_networks_that_send_nothing_are_told() -> None:
    silent = networks()
    silent.symbols_per_cell = silent.fewest_symbols_per_cell = 0
    with pytest.raises(CodecError, match="The networks send 0 to 0 symbols a cell"):
        Link(silent, Conditions(snr_db=(0, 20), erasure_rate=0), compiled=False)


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


def test_the_backbone_is_that_of_the_downstream_network() -> None:
    arguments = {"widths": [8, 8, 16], "symbols_per_cell": 8, "coding_blocks": 0}
    seeing = NetworksConfig(
        architecture="adaptive", arguments=arguments | {"backbone": "resnet20"}, backbone_from=zoo.CLASSIFIER
    )
    images, known = torch.rand(1, 3, 32, 32), zoo.load_classifier(zoo.CLASSIFIER)
    backbone = build_networks(seeing).eval().encoder.backbone
    torch.testing.assert_close(backbone.network.features(images), known.features(images))
    for wrong in ({"arguments": arguments}, {"architecture": "semcc", "arguments": arguments}):
        with pytest.raises(ConfigError, match="has no backbone that resnet20-cifar10 fits"):
            build_networks(seeing.model_copy(update=wrong))


@pytest.mark.parametrize("arguments", [{"widths": [8, 8]}, {"widths": [8, 8, -16]}, {"symbols_percell": 4}])
def test_arguments_that_no_network_takes_are_told(arguments: dict) -> None:
    good = {"widths": [8, 8, 16], "symbols_per_cell": 8, "coding_blocks": 0}
    with pytest.raises(ConfigError, match="cannot be built so"):
        build_networks(NetworksConfig(architecture="semcc", arguments=good | arguments))
    with pytest.raises(ConfigError, match="'oracle'; registered: adaptive, deepsc-tu, "):
        build_networks(NetworksConfig(architecture="oracle", arguments=good))
