# SPDX-License-Identifier: GPL-3.0-or-later
"""The radio channel as differentiable layers: on samples, and on the symbols of OFDM carriers.

The parameters are those of the GNU Radio block ``semcom.radio_channel``, which has the same statistics.  Realisations
are drawn by the generator that a call is given, one for each image; gradients flow through samples and symbols.
"""

import math

import torch
from torch import Tensor, nn

from semcom_models.channels import complex_normal, noise_var_from_snr_db
from semcom_models.radio import HALF, LEAD, SINUSOIDS, RadioParameters, interpolator


class Fading:
    """What the paths of a channel did to a batch: all that a receiver with perfect knowledge knows."""

    def __init__(self, parameters: RadioParameters, batch: int, generator: torch.Generator | None = None) -> None:
        delays, amplitudes = parameters.paths()
        self._delays_s = torch.as_tensor(delays / parameters.samp_rate)
        self._amplitudes = torch.as_tensor(amplitudes)
        shape = batch, len(delays), SINUSOIDS
        arrival = (torch.arange(SINUSOIDS) + torch.rand(shape, dtype=torch.double, generator=generator)) / SINUSOIDS
        self._doppler_hz = parameters.doppler_hz * torch.cos(2 * math.pi * arrival)
        self._cycles = torch.rand(shape, dtype=torch.double, generator=generator)

    def gains(self, times_s: Tensor) -> Tensor:
        """The paths' gains at ``times_s`` [T] after the first sample: complex128 [B, T, P], mean power 1 each."""
        cycles = self._cycles[:, None] + self._doppler_hz[:, None] * times_s.double()[:, None, None]
        return torch.polar(torch.full_like(cycles, SINUSOIDS**-0.5), 2 * math.pi * cycles).sum(-1)

    def response(self, times_s: Tensor, frequencies_hz: Tensor) -> Tensor:
        """The frequency response at ``times_s`` [T] and ``frequencies_hz`` [F]: complex128 [B, T, F], mean power 1."""
        turns = -2 * math.pi * self._delays_s[:, None] * frequencies_hz.double()
        return self.gains(times_s) @ torch.polar(self._amplitudes[:, None].expand_as(turns), turns)


class RadioChannel(nn.Module):
    """Complex samples through multipath, oscillator, IQ imbalance and sample clock; no noise, and mean power gain 1."""

    def __init__(self, parameters: RadioParameters) -> None:
        super().__init__()
        self.parameters = parameters
        self.register_buffer("_path_filters", torch.from_numpy(parameters.path_filters()), persistent=False)

    def forward(self, samples: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Fading]:
        """Complex samples [B, n] -> those received, of the same shape and type, and the fading that they met.

        The first path of a burst arrives at its first sample.  What arrives after the n-th sample is cut off: append
        zeros where echoes matter.
        """
        fading = Fading(self.parameters, len(samples), generator)
        if self.parameters.profile != "none":
            samples = self._fade(samples, fading)
        if self.parameters.cfo_hz or self.parameters.phase_noise_rad:
            samples = samples * self._oscillator(samples, generator)
        direct, image = self.parameters.iq_gains()
        if image:
            samples = direct * samples + image * samples.conj()
        if self.parameters.clock_ppm:
            samples = self._resample(samples)
        return samples, fading

    def _fade(self, samples: Tensor, fading: Fading) -> Tensor:
        """Each stretch between two knots passes the filters of both, and goes over from the one to the other."""
        n, spacing, length = samples.shape[1], self.parameters.knot_spacing(), self._path_filters.shape[1]
        stretches = -(-n // spacing)
        padded = nn.functional.pad(samples, (length - 1 - LEAD, LEAD + stretches * spacing - n))
        windows = padded.unfold(1, length, 1).unflatten(1, (stretches, spacing))
        gains = fading.gains(torch.arange(stretches + 1) * (spacing / self.parameters.samp_rate))
        taps = (gains @ self._path_filters.to(gains.dtype)).flip(-1).to(samples.dtype)
        at_knots = windows @ torch.stack([taps[:, :-1], taps[:, 1:]], dim=-1)
        share = torch.arange(spacing, dtype=samples.real.dtype) / spacing
        return torch.lerp(at_knots[..., 0], at_knots[..., 1], share.to(samples.dtype)).flatten(1)[:, :n]

    def _oscillator(self, samples: Tensor, generator: torch.Generator | None) -> Tensor:
        """e^(j phase), phase being the frequency offset's and a stationary first-order low-pass noise: [B, n]."""
        batch, n = samples.shape
        pole, rms = self.parameters.phase_noise_pole(), self.parameters.phase_noise_rad
        noise = torch.randn(batch, n, dtype=torch.double, generator=generator)
        noise[:, 1:] *= math.sqrt(1 - pole**2)
        reach = 1
        while reach < n:  # after each round every value is the filtered sum of the latest 2 * reach draws
            noise = torch.cat([noise[:, :reach], noise[:, reach:] + pole**reach * noise[:, :-reach]], dim=1)
            reach *= 2
        cycles = torch.arange(n, dtype=torch.double) * (self.parameters.cfo_hz / self.parameters.samp_rate)
        phase = 2 * math.pi * (cycles - cycles.round()) + rms * noise
        return torch.polar(torch.ones_like(phase), phase).to(samples.dtype)

    def _resample(self, samples: Tensor) -> Tensor:
        """Sample m is taken at m * clock_step."""
        n = samples.shape[1]
        instants = torch.arange(n, dtype=torch.double) * self.parameters.clock_step()
        before = instants.floor().long()
        padded = nn.functional.pad(samples, (LEAD, HALF + int(before[-1]) - n + 1))
        received = torch.zeros_like(samples)
        for tap in range(-LEAD, HALF + 1):
            weight = torch.from_numpy(interpolator((before + tap - instants).numpy()))
            received = received + weight.to(samples.dtype) * padded[:, before + tap + LEAD]
        return received


class FadingCarriers(nn.Module):
    """OFDM over a fading channel, as training sees it: r = h s + n a symbol, divided by the h the receiver knows.

    The symbols of an image lie on the data carriers of as many OFDM symbols as it takes, in an order drawn anew for
    each image.  The channel stands still for an OFDM symbol, and its echoes end within the cyclic prefix.

    Args:
        parameters: fading, no other impairment.
        carriers: numbers of the data carriers, multiples of ``samp_rate / fft_size``; where left out, those of the
            default air interface.
        fft_size, cyclic_prefix: in samples.

    Raises:
        ValueError: no fading, an impairment that has no meaning here, or echoes longer than the cyclic prefix.
    """

    def __init__(
        self,
        parameters: RadioParameters,
        *,
        carriers: Tensor | None = None,
        fft_size: int = 128,
        cyclic_prefix: int = 16,
    ) -> None:
        super().__init__()
        p = parameters
        if p.profile == "none":
            raise ValueError('profile is "none", which is Awgn; choose "flat", "tdl_a", "tdl_b" or "tdl_c" for fading.')
        if p.phase_noise_rad or p.iq_gain_db or p.iq_phase_deg or p.cfo_hz or p.clock_ppm:
            raise ValueError("On carriers there is fading only; leave the oscillator, IQ imbalance and clock at 0.")
        longest = p.paths()[0].max()
        if longest > cyclic_prefix:
            raise ValueError(
                f"delay_spread_s is {p.delay_spread_s}, so the last path comes {longest:.1f} samples late, after the "
                f"cyclic prefix of {cyclic_prefix}; lower it."
            )
        self.parameters = parameters
        carriers = default_carriers() if carriers is None else carriers
        self._frequencies_hz = carriers * (p.samp_rate / fft_size)
        self._symbol_s = (fft_size + cyclic_prefix) / p.samp_rate

    def forward(
        self, symbols: Tensor, snr_db: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Symbols complex [B, k] of unit power, ``snr_db`` [B] -> equalised complex [B, k], noise_var [B, k]."""
        batch, k = symbols.shape
        times_s = torch.arange(-(-k // len(self._frequencies_hz))) * self._symbol_s
        response = Fading(self.parameters, batch, generator).response(times_s, self._frequencies_hz)
        order = torch.rand(batch, k, generator=generator).argsort(1)
        gain = response.flatten(1)[:, :k].gather(1, order).to(symbols.dtype)
        noise_var = noise_var_from_snr_db(snr_db).unsqueeze(1)
        noise = noise_var.sqrt() * complex_normal(batch, k, generator=generator)
        return symbols + noise / gain, noise_var / gain.abs().square()


def default_carriers() -> Tensor:
    """Numbers of the default air interface's 96 data carriers: -52 .. 52 without DC and 8 pilots, each of these in the
    middle of its share."""
    used = torch.cat([torch.arange(-52, 0), torch.arange(1, 53)])
    data = torch.ones(len(used), dtype=torch.bool)
    data[(2 * torch.arange(8) + 1) * len(used) // 16] = False
    return used[data]
