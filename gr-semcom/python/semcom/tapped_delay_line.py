# SPDX-License-Identifier: GPL-3.0-or-later
"""The fading part of the radio channel as a block of its own."""

import math
import threading
from typing import TYPE_CHECKING

import numpy as np
from gnuradio import gr
from numpy.typing import NDArray

from .codec_loading import radio_models

if TYPE_CHECKING:
    from semcom_models.radio import RadioParameters


class tapped_delay_line(gr.sync_block):
    """Complex samples through the Rayleigh paths of a profile, LEAD samples late; tags move with their samples.

    Not gr-channels' selective_fading_model: its sinc has no window, so delays of a fraction of a sample are far off at
    the edge of our band; its phases in float32 are too coarse for a slow channel at a high sample rate; and it computes
    all sinusoids and filters anew for each sample, which takes many times as long.

    Args:
        parameters: profile, delay spread, Doppler and sample rate; the other fields do nothing here.
        seed: of the one realisation.
    """

    def __init__(self, parameters: "RadioParameters", *, seed: int) -> None:
        gr.sync_block.__init__(self, name="tapped_delay_line", in_sig=[np.complex64], out_sig=[np.complex64])
        radio = radio_models()
        self._sinusoids = radio.SINUSOIDS
        self._filters = parameters.path_filters()[:, ::-1]
        self._past = np.zeros(self._filters.shape[1] - 1, np.complex64)
        uniform = np.random.default_rng(seed).random((2, len(self._filters), radio.SINUSOIDS))
        arrival = 2 * math.pi * (np.arange(radio.SINUSOIDS) + uniform[0]) / radio.SINUSOIDS
        self._shift = np.cos(arrival)
        self._cycles = uniform[1]
        self._elapsed = 0  # samples since these cycles
        self._lock = threading.Lock()
        self._parameters = parameters
        self.declare_sample_delay(radio.LEAD)

    def set_parameters(self, parameters: "RadioParameters") -> None:
        """Takes over the Doppler frequency from the next samples on; gains go on from where they are."""
        with self._lock:
            cycles = self._cycles + self._shift * (self._doppler() * self._elapsed)
            self._cycles, self._elapsed = cycles % 1, 0
            self._parameters = parameters

    def work(self, input_items: list[NDArray], output_items: list[NDArray]) -> int:
        samples, received = input_items[0], output_items[0]
        with self._lock:
            received[:] = self._fade(samples)
            self._elapsed += len(samples)
        return len(samples)

    def _doppler(self) -> float:
        """Largest Doppler shift in cycles a sample."""
        return self._parameters.doppler_hz / self._parameters.samp_rate

    def _fade(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Each stretch between two knots passes the filters of both, and goes over from the one to the other."""
        spacing, length = self._parameters.knot_spacing(), self._filters.shape[1]
        first, begun = divmod(self._elapsed, spacing)
        stretches = -(-(begun + len(samples)) // spacing)
        padded = np.zeros(stretches * spacing + length - 1, np.complex64)
        padded[begun : begun + length - 1] = self._past
        padded[begun + length - 1 :][: len(samples)] = samples
        self._past = padded[begun + len(samples) :][: length - 1].copy()
        windows = np.lib.stride_tricks.sliding_window_view(padded, length).reshape(stretches, spacing, length)
        taps = (self._gains(first, stretches + 1) @ self._filters).astype(np.complex64)
        at_knots = windows @ np.stack([taps[:-1], taps[1:]], axis=-1)
        share = (np.arange(spacing) / spacing).astype(np.float32)
        faded = at_knots[..., 0] + share * (at_knots[..., 1] - at_knots[..., 0])
        return faded.reshape(-1)[begun : begun + len(samples)]

    def _gains(self, first: int, count: int) -> NDArray[np.complex128]:
        """Of each path, at ``count`` knots from number ``first`` on: [count, P], mean power 1.

        A knot's phasors are those of every 16th knot, turned: so there are few exponentials.
        """
        turns = self._shift[:, None] * (self._doppler() * self._parameters.knot_spacing())  # [P, 1, SINUSOIDS] a knot
        coarse = self._cycles[:, None] + turns * (first + np.arange(0, count, 16)[:, None])
        fine = turns * np.arange(16)[:, None]
        gains = np.exp(2j * math.pi * coarse) @ np.exp(2j * math.pi * fine).swapaxes(1, 2)
        return gains.reshape(len(gains), -1)[:, :count].T / math.sqrt(self._sinusoids)
