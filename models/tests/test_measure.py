# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures against what can be worked out by hand."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from semcom_models import measure
from semcom_models.adaptive import Adaptive
from semcom_models.codec import Codec
from semcom_models.errors import CodecError
from semcom_models.measure import CHANNELS, lpips, over_channel, psnr_db, ssim
from semcom_models.semcc import SemCC


def test_psnr_of_a_known_error() -> None:
    images = np.zeros((3, 4, 4, 3), np.uint8)
    received = np.stack([np.full((4, 4, 3), error, np.uint8) for error in (255, 51, 0)])
    np.testing.assert_allclose(psnr_db(images, received), [0, 20 * np.log10(5), np.inf])


def test_the_same_seed_draws_the_same_noise(networks: SemCC) -> None:
    codec = Codec(name="small", networks=networks, engine="torch")
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    once, again, other = (over_channel(codec, images, snr_db=0, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


@pytest.mark.parametrize("snr_db", [0.0, 12.0])
def test_noise_has_the_variance_of_the_snr(networks: SemCC, snr_db: float) -> None:
    class Recorder(Codec):
        def decode(self, symbols, csi, *, height, width):  # noqa: ANN001, ANN202
            self.seen, self.csi = symbols, csi
            return super().decode(symbols, csi, height=height, width=width)

    codec = Recorder(name="small", networks=networks, engine="torch")
    images = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), dtype=np.uint8)
    over_channel(codec, images, snr_db=snr_db, seed=1)
    noise = codec.seen - codec.encode(images, snr_db=snr_db)
    assert -10 * np.log10((np.abs(noise) ** 2).mean()) == pytest.approx(snr_db, abs=0.1)
    assert -10 * np.log10(codec.csi.noise_var.mean()) == pytest.approx(snr_db, abs=1e-4)


@pytest.mark.parametrize("channel", CHANNELS)
def test_pictures_go_over_each_channel(
    adaptive_networks: Adaptive, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "PIXELS", 4 * 64)
    codec = Codec(name="small", networks=adaptive_networks, engine="torch")
    images = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), dtype=np.uint8)
    received = over_channel(codec, images, channel=channel, snr_db=5, ratio=1 / 24, seed=1)
    assert received.shape == images.shape
    others = [over_channel(codec, images, channel=each, snr_db=5, ratio=1 / 24, seed=1) for each in CHANNELS]
    assert sum((received == other).all() for other in others) == 1
    other = over_channel(codec, images, channel=channel, snr_db=5, ratio=1 / 16, seed=1)
    assert (received != other).any()


@pytest.mark.parametrize(("channel", "gains_an_image"), [("rayleigh", 1), ("rayleigh_fast", 128)])
def test_the_decoder_is_told_the_fades(adaptive_networks: Adaptive, channel: str, gains_an_image: int) -> None:
    """As many as the channel has, around the mean that was asked for."""

    class Recorder(Codec):
        def decode(self, symbols, csi, *, height, width):  # noqa: ANN001, ANN202
            self.csi = csi
            return super().decode(symbols, csi, height=height, width=width)

    codec = Recorder(name="small", networks=adaptive_networks, engine="torch")
    images = np.random.default_rng(0).integers(0, 256, (200, 32, 32, 3), dtype=np.uint8)
    over_channel(codec, images, channel=channel, snr_db=10, ratio=1 / 24, seed=1)
    power = 1 / codec.csi.noise_var
    assert {len(set(row)) for row in power} == {gains_an_image}
    assert power.mean() == pytest.approx(10, rel=0.25 if gains_an_image == 1 else 0.05)


def test_an_unknown_channel_is_told(networks: SemCC) -> None:
    codec = Codec(name="small", networks=networks, engine="torch")
    with pytest.raises(CodecError, match="'copper'; there are awgn, rayleigh, rayleigh_fast"):
        over_channel(codec, np.zeros((1, 8, 8, 3), np.uint8), channel="copper", snr_db=5, seed=1)


def test_ssim_is_one_for_the_same_and_falls_with_noise() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    np.testing.assert_allclose(ssim(images, images), 1)
    noisy = np.stack([images[0], images[1] ^ 8, images[2] ^ 64])
    assert 1 == ssim(images, noisy)[0] > ssim(images, noisy)[1] > ssim(images, noisy)[2]


@pytest.mark.parametrize(("side", "known"), [(6, True), (3, True), (2, False)])
def test_ssim_of_small_pictures_has_a_smaller_window(side: int, known: bool) -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, side, 16, 3), dtype=np.uint8)
    assert np.isfinite(ssim(images, images)).all() == known


@pytest.fixture
def with_lpips(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In place of the package lpips, whose weights are not everywhere: how it is called, and none of its sense."""
    monkeypatch.setitem(sys.modules, "lpips", request.param)
    measure._lpips_network.cache_clear()
    yield
    measure._lpips_network.cache_clear()


class MeanDistance(torch.nn.Module):
    def __init__(self, *, net: str, verbose: bool) -> None:
        super().__init__()

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        assert one.shape[1] == other.shape[1] == 3
        return (one - other).abs().mean((1, 2, 3), keepdim=True)


@pytest.mark.parametrize("with_lpips", [SimpleNamespace(LPIPS=MeanDistance)], indirect=True)
def test_lpips_is_asked_about_pictures_from_minus_one_to_one(with_lpips: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "PIXELS", 2 * 32 * 40)
    black, received = np.zeros((2, 3, 32, 40, 3), np.uint8)
    received[1], received[2] = 51, 255
    np.testing.assert_allclose(lpips(black, received), [0, 0.4, 2], atol=1e-6)
    assert np.isnan(lpips(black[:, :31], received[:, :31])).all()


def _broken(**_: object) -> None:
    raise OSError("no network")


@pytest.mark.parametrize("with_lpips", [None, SimpleNamespace(LPIPS=_broken)], indirect=True)
def test_without_lpips_or_its_weights_there_is_no_figure(with_lpips: None) -> None:
    images = np.zeros((2, 32, 32, 3), np.uint8)
    assert np.isnan(lpips(images, images)).all()
