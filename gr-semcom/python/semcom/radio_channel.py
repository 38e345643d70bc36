# SPDX-License-Identifier: GPL-3.0-or-later
"""The block that does to samples what a radio channel does."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
from gnuradio import analog, blocks, filter, gr

from .codec_loading import radio_models
from .semcom_python import tapped_delay_line

if TYPE_CHECKING:
    from semcom_models.radio import RadioParameters

PHASES = 64
"""Filters of the resampler for each sample; in between it interpolates."""


class radio_channel(gr.hier_block2):
    """Complex samples in and out: multipath fading, oscillator, IQ imbalance, sample clock; power gain 1, no noise.

    The parameters are those of ``semcom_models.radio.RadioParameters``, where they are explained and checked, and a
    seed of the one realisation that the block is.  The layer ``semcom_models.radio_channel.RadioChannel`` has the same
    statistics.

    A profile makes samples 15 late and a clock offset 16 more; tags move along.  Multipath reaches beyond the end of a
    burst, and a clock offset changes its length, so ``packet_len`` tags hold no longer.  The last samples of a finite
    stream stay inside.

    Raises:
        ValueError: a parameter is out of its range.
        RuntimeError: semcom_models is missing.
    """

    def __init__(
        self,
        *,
        samp_rate: float,
        profile: str = "none",
        delay_spread_s: float = 0.0,
        doppler_hz: float = 0.0,
        phase_noise_rad: float = 0.0,
        phase_noise_bandwidth_hz: float = 1000.0,
        iq_gain_db: float = 0.0,
        iq_phase_deg: float = 0.0,
        cfo_hz: float = 0.0,
        clock_ppm: float = 0.0,
        seed: int = 1,
    ) -> None:
        gr.hier_block2.__init__(
            self,
            "radio_channel",
            gr.io_signature(1, 1, gr.sizeof_gr_complex),
            gr.io_signature(1, 1, gr.sizeof_gr_complex),
        )
        if seed < 0:
            raise ValueError(f"seed is {seed}; choose 0 or more.")
        self._logger = gr.logger("radio_channel")
        self._parameters = parameters = radio_models().RadioParameters(
            samp_rate=samp_rate,
            profile=profile,
            delay_spread_s=delay_spread_s,
            doppler_hz=doppler_hz,
            phase_noise_rad=phase_noise_rad,
            phase_noise_bandwidth_hz=phase_noise_bandwidth_hz,
            iq_gain_db=iq_gain_db,
            iq_phase_deg=iq_phase_deg,
            cfo_hz=cfo_hz,
            clock_ppm=clock_ppm,
        )
        self._fading = fading_stage(parameters, seed=seed) if profile != "none" else None
        self._noise = analog.noise_source_f(analog.GR_GAUSSIAN, 0, seed + 1)  # 0 would take the time of day
        self._low_pass = filter.single_pole_iir_filter_ff(1)
        self._rotator = blocks.rotator_cc(0)
        self._direct, self._image = blocks.multiply_const_cc(1), blocks.multiply_const_cc(0)
        self._resampler = _resampler() if clock_ppm else None
        self._apply(parameters)
        self._connect_all()

    def parameters(self) -> "RadioParameters":
        """Those that hold now."""
        return self._parameters

    def set_doppler_hz(self, doppler_hz: float) -> None:
        """Gains go on from where they are, at another speed."""
        self._change("doppler_hz", doppler_hz)

    def set_phase_noise_rad(self, phase_noise_rad: float) -> None:
        self._change("phase_noise_rad", phase_noise_rad)

    def set_phase_noise_bandwidth_hz(self, phase_noise_bandwidth_hz: float) -> None:
        self._change("phase_noise_bandwidth_hz", phase_noise_bandwidth_hz)

    def set_iq_gain_db(self, iq_gain_db: float) -> None:
        self._change("iq_gain_db", iq_gain_db)

    def set_iq_phase_deg(self, iq_phase_deg: float) -> None:
        self._change("iq_phase_deg", iq_phase_deg)

    def set_cfo_hz(self, cfo_hz: float) -> None:
        self._change("cfo_hz", cfo_hz)

    def set_clock_ppm(self, clock_ppm: float) -> None:
        """Only where the block was made with a clock offset: without one it has no resampler."""
        if self._resampler is None:
            self._logger.warn("clock_ppm stays 0: the block was made without a clock offset, so it has no resampler.")
        else:
            self._change("clock_ppm", clock_ppm)

    def _change(self, name: str, value: float) -> None:
        """Another value from about the next samples on; a bad one leaves a warning and no trace.

        GRC calls this from a handler of Qt, which ends the process at an exception.
        """
        try:
            changed = dataclasses.replace(self._parameters, **{name: value})
        except (TypeError, ValueError) as error:
            self._logger.warn(f"{name} stays {getattr(self._parameters, name)}: {error}")
            return
        self._apply(changed)

    def _apply(self, parameters: "RadioParameters") -> None:
        self._parameters = parameters
        if self._fading:
            self._fading.set_doppler(parameters.doppler_hz / parameters.samp_rate, parameters.knot_spacing())
        pole = parameters.phase_noise_pole()
        self._noise.set_amplitude(parameters.phase_noise_rad * math.sqrt((1 + pole) / (1 - pole)))
        self._low_pass.set_taps(1 - pole)
        self._rotator.set_phase_inc(2 * math.pi * parameters.cfo_hz / parameters.samp_rate)
        direct, image = parameters.iq_gains()
        self._direct.set_k(direct)
        self._image.set_k(image)
        if self._resampler:
            self._resampler.set_rate(1 / parameters.clock_step())

    def _connect_all(self) -> None:
        settled = blocks.skiphead(gr.sizeof_float, math.ceil(8 / (1 - self._parameters.phase_noise_pole())))
        oscillator = blocks.multiply_cc()
        self.connect(self._noise, self._low_pass, settled, analog.phase_modulator_fc(1), (oscillator, 1))
        fading = [self._fading] if self._fading else []
        self.connect(self, *fading, oscillator, self._rotator, self._direct)
        # Not channels.iqbal_gen: it makes three tags of each.
        conjugate, both = blocks.conjugate_cc(), blocks.add_cc()
        conjugate.set_tag_propagation_policy(gr.TPP_DONT)
        self.connect(self._rotator, conjugate, self._image, (both, 1))
        resampler = [self._resampler] if self._resampler else []
        self.connect(self._direct, both, *resampler, self)


def fading_stage(parameters: "RadioParameters", *, seed: int) -> tapped_delay_line:
    """The paths of ``parameters``, their sinusoids drawn from ``seed``; LEAD samples late, and tags with them."""
    radio = radio_models()
    filters = parameters.path_filters()
    sector, cycles = np.random.default_rng(seed).random((2, len(filters), radio.SINUSOIDS))
    arrival = 2 * math.pi * (np.arange(radio.SINUSOIDS) + sector) / radio.SINUSOIDS
    return tapped_delay_line(
        filters.tolist(),
        np.cos(arrival).tolist(),
        cycles.tolist(),
        doppler=parameters.doppler_hz / parameters.samp_rate,
        knot_spacing=parameters.knot_spacing(),
        delay=radio.LEAD,
    )


def _resampler() -> filter.pfb_arb_resampler_ccf:
    radio = radio_models()
    prototype = radio.interpolator(np.arange(-radio.HALF * PHASES, radio.HALF * PHASES) / PHASES)
    resampler = filter.pfb_arb_resampler_ccf(1, prototype.tolist(), PHASES)
    resampler.declare_sample_delay(radio.HALF)
    return resampler
