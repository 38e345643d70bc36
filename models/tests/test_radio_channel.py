# SPDX-License-Identifier: GPL-3.0-or-later
"""The radio channel's parameters and layers; its statistics: gr-semcom/python/semcom/qa_radio_channel.py."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import semcom_models
import torch
from semcom_models.radio import LEAD, SINUSOIDS, RadioParameters, interpolator
from semcom_models.radio_channel import Fading, FadingCarriers, RadioChannel, default_carriers

RATE = 1e6
TDLS = ("tdl_a", "tdl_b", "tdl_c")
EVERYTHING = RadioParameters(
    samp_rate=RATE,
    profile="tdl_b",
    delay_spread_s=0.8e-6,
    doppler_hz=9000.0,
    phase_noise_rad=0.2,
    iq_gain_db=1.0,
    iq_phase_deg=-3.0,
    cfo_hz=-4000.0,
    clock_ppm=500.0,
)


def tdl(profile: str = "tdl_a", *, doppler_hz: float = 0.0) -> RadioParameters:
    return RadioParameters(samp_rate=RATE, profile=profile, delay_spread_s=1.5e-6, doppler_hz=doppler_hz)


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("profile", "paths"), [("tdl_a", 23), ("tdl_b", 23), ("tdl_c", 24)])
def test_tables_have_delay_spread_and_power_1(profile: str, paths: int) -> None:
    """A mistyped delay or power shows: 3GPP scaled the delays so that their rms spread is 1."""
    delays, amplitudes = RadioParameters(samp_rate=1e6, profile=profile, delay_spread_s=1e-6).paths()
    assert len(delays) == paths
    powers = amplitudes**2
    assert powers.sum() == pytest.approx(1, abs=1e-12)
    assert math.sqrt(powers @ delays**2 - (powers @ delays) ** 2) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.5, 0.9])
def test_interpolation_is_a_pure_delay_over_the_used_band(delay: float) -> None:
    frequencies = np.linspace(-52, 52, 401) / 128
    taps = np.arange(40) - LEAD
    response = np.exp(-2j * np.pi * np.outer(frequencies, taps - delay)) @ interpolator(taps - delay)
    assert 20 * math.log10(np.abs(response - 1).max() + 1e-12) < -70


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("samp_rate", 0.0),
        ("profile", "tdl_d"),
        ("delay_spread_s", -1e-9),
        ("delay_spread_s", 1e-3),
        ("doppler_hz", -1.0),
        ("doppler_hz", RATE / 60),
        ("phase_noise_rad", 4.0),
        ("phase_noise_bandwidth_hz", 0.5),
        ("iq_gain_db", 21.0),
        ("iq_phase_deg", 46.0),
        ("cfo_hz", RATE / 2),
        ("clock_ppm", 1001.0),
        ("clock_ppm", math.nan),
    ],
)
def test_a_value_out_of_range_is_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field} is {value}|^{field} is '{value}'"):
        RadioParameters(**{"samp_rate": RATE, "profile": "tdl_a", "phase_noise_rad": 0.1, field: value})


def test_the_bandwidth_of_no_phase_noise_does_not_matter() -> None:
    RadioParameters(samp_rate=1.0)


def test_parameters_need_no_pytorch() -> None:
    script = "import sys, semcom_models.radio; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(semcom_models.__file__).parents[1])


def test_gradients_match_finite_differences() -> None:
    channel = RadioChannel(EVERYTHING)

    def through(samples: torch.Tensor) -> torch.Tensor:
        return channel(samples, torch.Generator().manual_seed(3))[0]

    samples = noise(2, 9).requires_grad_(True)
    assert torch.autograd.gradcheck(through, samples)


def test_the_generator_draws_everything() -> None:
    channel, samples = RadioChannel(EVERYTHING), noise(3, 500).to(torch.complex64)
    one, other, third = (channel(samples, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
    assert one.dtype == torch.complex64
    assert one.shape == samples.shape
    assert torch.equal(one, other)
    assert (one - third).abs().mean() > 0.1
    same = channel(samples[:1].expand(2, -1), torch.Generator().manual_seed(1))[0]
    assert (same[0] - same[1]).abs().mean() > 0.1


@pytest.mark.parametrize("profile", TDLS)
def test_fading_is_what_was_heard(profile: str) -> None:
    """The response that a genie is given is that of the samples; with Doppler, at the time of an impulse."""
    carriers = torch.arange(-52, 53)
    echoes = torch.arange(-LEAD, 113)
    turns = torch.exp(-2j * math.pi * torch.outer(echoes.double(), carriers.double()) / 128)
    for doppler_hz in (0.0, 500.0):
        times = torch.tensor([100, 400, 700])
        samples = torch.zeros(4, 1000, dtype=torch.complex128)
        samples[:, times] = 1
        received, fading = RadioChannel(tdl(profile, doppler_hz=doppler_hz))(samples, torch.Generator().manual_seed(4))
        response = fading.response(times / RATE, carriers * RATE / 128)
        assert (received[:, times[:, None] + echoes] @ turns - response).abs().max() < (
            1e-3 if doppler_hz == 0 else 0.1
        )


def test_a_channel_that_stands_still_has_one_gain_an_image() -> None:
    channel = RadioChannel(RadioParameters(samp_rate=RATE, profile="flat"))
    samples = noise(4, 600)
    received, fading = channel(samples, torch.Generator().manual_seed(5))
    gain = fading.gains(torch.zeros(1))[:, :, 0]
    torch.testing.assert_close(received, gain * samples)
    assert len(gain.abs().unique()) == 4


def test_default_carriers_are_those_of_the_air_interface() -> None:
    """docs/air-interface.md: 104 used carriers, 8 of them pilots, no DC."""
    carriers = default_carriers()
    assert len(carriers) == 96
    pilots = set([*range(-52, 0), *range(1, 53)]) - set(carriers.tolist())
    assert pilots == {-46, -33, -20, -7, 7, 20, 33, 46}


@pytest.mark.parametrize("profile", ["flat", *TDLS])
def test_carriers_hand_on_the_noise_variance_that_is_there(profile: str) -> None:
    symbols = noise(4000, 200)
    layer = FadingCarriers(tdl(profile, doppler_hz=100.0))
    received, noise_var = layer(symbols, torch.full((4000,), 12.0).double(), torch.Generator().manual_seed(6))
    error = received - symbols
    assert (error.abs().square() / noise_var).mean().item() == pytest.approx(1, rel=0.01)
    power = 10**-1.2 / noise_var  # |h|^2, of which symbols of an image share much
    scale = 5 / math.sqrt(4000)
    assert power.mean().item() == pytest.approx(1, abs=scale)
    assert power.square().mean().item() == pytest.approx(2 - 1 / SINUSOIDS, abs=math.sqrt(20) * scale)


def test_carriers_are_shuffled_over_frequency_and_time() -> None:
    """Neighbouring symbols of an image are no nearer on air than others; the multiset of gains stays."""
    parameters = tdl("tdl_c", doppler_hz=50.0)
    snr_db = torch.zeros(300)
    _, noise_var = FadingCarriers(parameters)(noise(300, 96 * 4), snr_db, torch.Generator().manual_seed(7))
    generator = torch.Generator().manual_seed(7)
    fading = Fading(parameters, 300, generator)
    gains = fading.response(torch.arange(4) * 144 / RATE, default_carriers() * RATE / 128).flatten(1)
    expected = 1 / gains.abs().square()
    torch.testing.assert_close(noise_var.sort(1).values, expected.sort(1).values, rtol=1e-4, atol=0)

    def neighbours(values: torch.Tensor) -> float:
        log = values.log() - values.log().mean(1, keepdim=True)
        return ((log[:, 1:] * log[:, :-1]).mean() / log.square().mean()).item()

    assert neighbours(expected) > 0.9
    assert abs(neighbours(noise_var)) < 0.03


def test_carriers_pass_gradients_and_the_last_symbol_may_be_part_full() -> None:
    layer = FadingCarriers(tdl())

    def through(symbols: torch.Tensor) -> torch.Tensor:
        return layer(symbols, torch.tensor([3.0, 9.0]).double(), torch.Generator().manual_seed(8))[0]

    assert torch.autograd.gradcheck(through, noise(2, 5).requires_grad_(True))
    received, noise_var = layer(noise(2, 97).to(torch.complex64), torch.zeros(2))
    assert received.shape == noise_var.shape == (2, 97)
    assert (received.dtype, noise_var.dtype) == (torch.complex64, torch.float32)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"profile": "none"}, "which is Awgn"),
        ({"cfo_hz": 1.0}, "fading only"),
        ({"delay_spread_s": 2e-6}, "cyclic prefix of 16"),
    ],
)
def test_carriers_refuse_what_they_do_not_model(change: dict, sentence: str) -> None:
    parameters = RadioParameters(**{"samp_rate": RATE, "profile": "tdl_a", "delay_spread_s": 1e-6} | change)
    with pytest.raises(ValueError, match=sentence):
        FadingCarriers(parameters)
