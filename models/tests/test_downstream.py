# SPDX-License-Identifier: GPL-3.0-or-later
"""Downstream networks with random weights."""

import pytest
import torch
from semcom_models.downstream import Downstream
from semcom_models.repvgg import RepVGG, RepVGGBlock
from semcom_models.resnet import ResNet20
from semcom_models.shufflenet import ShuffleBlock, ShuffleNetV2
from semcom_models.smallnet import SmallNet
from torch import nn

NETWORKS = {
    "resnet20": lambda: ResNet20(classes=7),
    "repvgg": lambda: RepVGG(widths=(4, 8, 8, 16), depths=(1, 2, 1, 1), classes=7),
    "shufflenetv2": lambda: ShuffleNetV2(widths=(8, 16, 16), last=12, classes=7),
    "small": lambda: SmallNet(classes=7),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Downstream:
    torch.manual_seed(0)
    return NETWORKS[request.param]().eval()


def test_logits_come_from_pooled_features(network: Downstream) -> None:
    images = torch.rand(3, 3, 32, 32)
    features = network.features(images)
    assert features.shape == (3, network.classifier.in_features)
    torch.testing.assert_close(network(images), network.classifier(features))
    assert network(images).shape == (3, 7)


def test_every_weight_takes_part(network: Downstream) -> None:
    network.train()(torch.rand(8, 3, 32, 32)).square().sum().backward()
    assert all(each.grad is not None and each.grad.any() for each in network.parameters())


def test_pictures_are_standardised_inside(network: Downstream) -> None:
    grey = network.mean.expand(1, 3, 32, 32)
    seen = []
    network.backbone = lambda standardised: seen.append(standardised) or torch.zeros(1, 1, 1, 1)
    network.features(grey)
    torch.testing.assert_close(seen[0], torch.zeros(1, 3, 32, 32))


def test_a_repvgg_block_is_the_sum_of_its_branches() -> None:
    block = RepVGGBlock(4, 4, 1).eval()
    x = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(block(x), (block.wide(x) + block.narrow(x) + block.identity(x)).relu())
    assert RepVGGBlock(4, 4, 2).identity is None


def test_a_shuffle_block_lets_half_of_the_channels_by() -> None:
    """They come out at every other place."""
    block = ShuffleBlock(8, 8, halves=False).eval()
    x = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(block(x)[:, ::2], x[:, :4])
    assert ShuffleBlock(8, 12, halves=True)(x).shape == (2, 12, 3, 3)


def test_sixteen_convolutions() -> None:
    shipped = RepVGG(widths=(32, 64, 128, 256), depths=(2, 4, 8, 1))
    assert sum(isinstance(each, nn.Conv2d) and each.kernel_size == (3, 3) for each in shipped.modules()) == 16
