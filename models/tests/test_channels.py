# SPDX-License-Identifier: GPL-3.0-or-later
"""The conventions of the channel layers, held against theory."""

import math

import pytest
import torch
from semcom_models.channels import Awgn, Rayleigh, complex_normal, unit_power

SNRS_DB = (-5.0, 0.0, 10.0, 30.0)


def qpsk(batch: int, k: int, seed: int = 1) -> torch.Tensor:
    bits = torch.randint(0, 2, (batch, k, 2), generator=torch.Generator().manual_seed(seed)) * 2.0 - 1
    return torch.view_as_complex(bits / math.sqrt(2))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_power_is_one_for_each_image_whatever_its_neighbours(scale: float) -> None:
    torch.manual_seed(0)
    symbols = torch.randn(5, 4, 8, 8, 2) * scale * torch.logspace(-2, 2, 5).view(-1, 1, 1, 1, 1)
    power = unit_power(symbols, torch.ones(5, 4, 8, 8)).double().square().sum(-1).flatten(1).mean(1)
    torch.testing.assert_close(power, torch.ones(5, dtype=torch.double), rtol=0, atol=1e-6)


def test_power_normalisation_keeps_the_direction() -> None:
    symbols = torch.randn(3, 10, 2)
    scaled = unit_power(symbols, torch.ones(3, 10))
    ratio = scaled / symbols
    assert torch.all(ratio > 0)
    torch.testing.assert_close(ratio.flatten(1).std(1), torch.zeros(3), rtol=0, atol=1e-5)


def test_power_is_one_over_what_is_sent() -> None:
    """The others are silent, and do not count."""
    sent = (torch.rand(5, 4, 8, 8, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    scaled = unit_power(torch.randn(5, 4, 8, 8, 2), sent)
    assert not scaled[sent == 0].any()
    power = scaled.square().flatten(1).sum(1) / sent.flatten(1).sum(1)
    torch.testing.assert_close(power, torch.ones(5), rtol=0, atol=1e-6)


@pytest.mark.parametrize("snr_db", SNRS_DB)
def test_awgn_shows_the_snr_asked_for(snr_db: float) -> None:
    sent = qpsk(4, 250_000)
    received, noise_var = Awgn()(sent, torch.full((4,), snr_db), torch.Generator().manual_seed(2))
    error = received - sent
    measured = -10 * math.log10(error.abs().square().mean().item())
    assert measured == pytest.approx(snr_db, abs=0.05)
    assert noise_var.shape == sent.shape
    assert 10 * math.log10(noise_var[0, 0].item()) == pytest.approx(-snr_db, abs=1e-4)
    assert error.real.var().item() == pytest.approx(error.imag.var().item(), rel=0.01)
    correlation = (error.real * error.imag).mean() / error.abs().square().mean()
    assert abs(correlation.item()) < 0.005


def test_awgn_takes_an_snr_for_each_image() -> None:
    sent = qpsk(3, 100_000)
    received, _ = Awgn()(sent, torch.tensor([0.0, 10.0, 20.0]), torch.Generator().manual_seed(3))
    measured = -10 * torch.log10((received - sent).abs().square().mean(1))
    torch.testing.assert_close(measured, torch.tensor([0.0, 10.0, 20.0]), rtol=0, atol=0.06)


@pytest.mark.parametrize("snr_db", [2.0, 6.0])
def test_qpsk_over_awgn_has_the_bit_errors_of_theory(snr_db: float) -> None:
    """Gray-coded QPSK: Pb = Q(sqrt(Es/N0)), within four standard deviations."""
    sent = qpsk(10, 100_000)
    received, _ = Awgn()(sent, torch.full((10,), snr_db), torch.Generator().manual_seed(4))
    bits = 2 * sent.numel()
    errors = ((received.real > 0) != (sent.real > 0)).sum() + ((received.imag > 0) != (sent.imag > 0)).sum()
    theory = 0.5 * math.erfc(math.sqrt(10 ** (snr_db / 10) / 2))
    assert errors.item() / bits == pytest.approx(theory, abs=4 * math.sqrt(theory / bits))


@pytest.mark.parametrize("coherence", ["block", "fast"])
def test_fading_is_a_complex_multiplication(coherence: str) -> None:
    """(h s + n) / h = s + n / h, written out in reals, with h and n drawn as the layer draws them."""
    sent, noise_var = qpsk(3, 40), 0.1
    received, _ = Rayleigh(coherence=coherence)(sent, torch.full((3,), 10.0), torch.Generator().manual_seed(11))
    generator = torch.Generator().manual_seed(11)
    gain = complex_normal(3, 1 if coherence == "block" else 40, generator=generator)
    noise = noise_var**0.5 * complex_normal(3, 40, generator=generator)
    faded_i = gain.real * sent.real - gain.imag * sent.imag + noise.real
    faded_q = gain.real * sent.imag + gain.imag * sent.real + noise.imag
    torch.testing.assert_close(received * gain, torch.complex(faded_i, faded_q), rtol=1e-4, atol=1e-5)


def test_silence_stays_silence() -> None:
    symbols = torch.zeros(2, 8, 2)
    symbols[1] = torch.randn(8, 2)
    symbols.requires_grad_(True)
    scaled = unit_power(symbols, torch.ones(2, 8))
    scaled.sum().backward()
    assert torch.equal(scaled[0], torch.zeros(8, 2))
    assert torch.isfinite(symbols.grad).all()


def test_rayleigh_gains_follow_their_law() -> None:
    """With perfect CSI, 1 / noise_var is exponential around the mean SNR: its mean, and its median ln 2 of that."""
    sent = qpsk(1, 200_000)
    _, noise_var = Rayleigh(coherence="fast")(sent, torch.tensor([10.0]), torch.Generator().manual_seed(5))
    snr = 1 / noise_var
    assert snr.mean().item() == pytest.approx(10, rel=0.02)
    assert snr.median().item() == pytest.approx(10 * math.log(2), rel=0.02)


@pytest.mark.parametrize(("coherence", "different"), [("block", 1), ("fast", 50)])
def test_rayleigh_draws_one_gain_an_image_or_a_symbol(coherence: str, different: int) -> None:
    _, noise_var = Rayleigh(coherence=coherence)(
        qpsk(2, 50), torch.tensor([10.0, 10.0]), torch.Generator().manual_seed(7)
    )
    assert len(noise_var[0].unique()) == different
    assert noise_var[0, 0] != noise_var[1, 0]


@pytest.mark.parametrize("coherence", ["block", "fast"])
def test_rayleigh_hands_on_the_noise_variance_that_is_there(coherence: str) -> None:
    sent = qpsk(400, 500)
    received, noise_var = Rayleigh(coherence=coherence)(
        sent, torch.full((400,), 12.0), torch.Generator().manual_seed(6)
    )
    assert ((received - sent).abs().square() / noise_var).mean().item() == pytest.approx(1, rel=0.01)


def test_rayleigh_rejects_an_unknown_coherence() -> None:
    with pytest.raises(ValueError, match="'block' or 'fast'"):
        Rayleigh(coherence="slow")


def test_complex_normal_has_unit_variance() -> None:
    assert complex_normal(200_000).abs().square().mean().item() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("layer", [Awgn(), Rayleigh(coherence="block"), Rayleigh(coherence="fast")])
def test_gradients_match_finite_differences(layer: torch.nn.Module) -> None:
    def through(pairs: torch.Tensor) -> torch.Tensor:
        symbols = torch.view_as_complex(unit_power(pairs, torch.ones(2, 6)))
        received, _ = layer(symbols, torch.tensor([3.0, 9.0]).double(), torch.Generator().manual_seed(8))
        return torch.view_as_real(received)

    pairs = torch.randn(2, 6, 2, dtype=torch.double, generator=torch.Generator().manual_seed(9), requires_grad=True)
    assert torch.autograd.gradcheck(through, pairs)
