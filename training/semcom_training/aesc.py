# SPDX-License-Identifier: GPL-3.0-or-later
"""AESC-I of Dong et al.: an autoencoder that keeps what a classifier sees; no channel is in its training."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field
from semcom_models.aesc.autoencoders import Autoencoder
from semcom_models.downstream import Downstream
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights
from torch.profiler import record_function

from semcom_training.classifier import accuracy
from semcom_training.data import Augmentation, LabelledImages, to_unit
from semcom_training.jscc import psnr_db
from semcom_training.loop import Method

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@dataclass(frozen=True, kw_only=True)
class AescWeights:
    """Eq. 10, with the mean squared error, or eq. 14, with the binary cross-entropy of grey values (eq. 15)."""

    gamma: Annotated[float, Field(ge=0, le=1)]
    reconstruction: Literal["mse", "bce"]

    def join(self, images: Tensor, received: Tensor, features: Tensor, features_received: Tensor) -> Tensor:
        """The scalar loss: pictures [B, 3, H, W] in [0, 1], features [B, F]; eq. 9 is the error of the latter."""
        pixels = F.mse_loss if self.reconstruction == "mse" else F.binary_cross_entropy
        semantic = F.mse_loss(features_received, features)
        return self.gamma * semantic + (1 - self.gamma) * pixels(received, images)


class Aesc(Method):
    """Encoder and decoder by eq. 10 or 14; M of eq. 9 are the pooled features of ``downstream``.

    In training there is a batch normalisation behind each layer, without which so many layers hardly learn; at the end
    they go into the weights of ``network``, which is as the paper has it.  A network that learnt before is trained
    without (``normalised``), so that it begins as what it is, and its decoder stays near the one that receivers have.
    """

    def __init__(
        self,
        network: Autoencoder,
        downstream: Downstream,
        weights: AescWeights,
        *,
        augmentation: Augmentation,
        compiled: bool,
        normalised: bool = True,
    ) -> None:
        self.network = network
        self.trained = (_normalised(network) if normalised else copy.deepcopy(network)).to(
            memory_format=torch.channels_last
        )
        self.downstream = downstream.to(memory_format=torch.channels_last).eval().requires_grad_(False)
        self.weights, self.augmentation = weights, augmentation
        self._forward = torch.compile(self.trained) if compiled else self.trained
        self._features = torch.compile(downstream.features) if compiled else downstream.features

    def loss(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        with record_function("augmentation"):
            sent = to_unit(self.augmentation.mirrored(images, generator))
        with record_function("autoencoder"):
            received = self._forward(sent)
        with record_function("downstream network"):
            features = self._features(sent), self._features(received)
        return self.weights.join(sent, received, *features)

    def finish(self) -> None:
        _fold(self.trained, into=self.network)

    @torch.inference_mode()
    def report(self, held_out: LabelledImages) -> dict[str, float]:
        """Without quantised weights and channel."""
        part = held_out[:1000]
        images = to_unit(part.images)
        self.finish()
        received = self.network(images)
        seen = LabelledImages((received * 255).round().byte(), part.labels)
        return {
            "accuracy": accuracy(self.downstream, seen),
            "psnr_db": psnr_db(images, received).mean().item(),
        }


def _normalised(network: Autoencoder) -> Autoencoder:
    """A copy with a batch normalisation behind each layer but the decoder's last; codes begin amid their range."""
    trained = copy.deepcopy(network)
    trained.encoder = nn.Sequential(*_with_norms(trained.encoder))
    trained.decoder = nn.Sequential(*_with_norms(trained.decoder[:-2]), *trained.decoder[-2:])
    nn.init.constant_(trained.encoder[-2].weight, 0.25)
    nn.init.constant_(trained.encoder[-2].bias, 0.5)
    return trained


def _with_norms(layers: nn.Sequential) -> Iterator[nn.Module]:
    for layer in layers:
        yield layer
        if isinstance(layer, nn.Linear):
            yield nn.BatchNorm1d(layer.out_features)
        elif isinstance(layer, LAYERS):
            yield nn.BatchNorm2d(layer.out_channels)


@torch.no_grad()
def _fold(trained: Autoencoder, *, into: Autoencoder) -> None:
    """Give ``into`` the weights with which it is what ``trained`` is in evaluation mode."""
    for half, plain in ((trained.encoder, into.encoder), (trained.decoder, into.decoder)):
        layers = [layer for layer in plain if isinstance(layer, LAYERS)]
        for layer, norm in pairwise([*half, None]):
            if isinstance(layer, LAYERS):
                weight, bias = _folded(layer, norm)
                own = layers.pop(0)
                own.weight.copy_(weight)
                own.bias.copy_(bias)


def _folded(layer: nn.Module, norm: nn.Module | None) -> tuple[Tensor, Tensor]:
    if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
        return layer.weight, layer.bias
    of_norm = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    if isinstance(layer, nn.Linear):
        return fuse_linear_bn_weights(layer.weight, layer.bias, *of_norm)
    return fuse_conv_bn_weights(layer.weight, layer.bias, *of_norm, transpose=isinstance(layer, nn.ConvTranspose2d))
