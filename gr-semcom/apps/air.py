# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated channel between the antennas of a link."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from errors import AppError
from gnuradio import gr, semcom

SAMP_RATE = 1e6
MAX_CFO_HZ = 0.06 * SAMP_RATE / (2 * math.pi)  # the burst receiver finds nothing beyond

MULTIPATH_TAPS = [float(np.exp(-delay / 3)) for delay in range(8)]
"""Amplitudes of a channel that decays over 8 samples, half of the default cyclic prefix."""

CHANNELS: dict[str, dict[str, Any]] = {
    "awgn": {},
    "rayleigh": {"fading": "rayleigh"},
    "multipath": {"fading": "rayleigh", "taps": MULTIPATH_TAPS},
}
"""Arguments of the loopback source for each ``--channel``; fading is drawn anew for each burst."""

_addresses = (f"loopback-{number}" for number in itertools.count())


@dataclass(frozen=True, kw_only=True)
class Air:
    """The simulated channel between the antennas; see the block loopback_source.

    Raises:
        AppError: what cannot be, or what no picture would come through because of the carrier frequency offset.
    """

    snr_db: float
    channel: str = "awgn"
    cfo_hz: float = 0.0
    cfo_spread_hz: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not -100 <= self.snr_db < math.inf:
            raise AppError(f"The SNR is a number of dB from -100 on, not {self.snr_db:g}.")
        if not abs(self.cfo_hz) + self.cfo_spread_hz <= MAX_CFO_HZ:
            raise AppError(
                f"The receiver finds nothing at a carrier frequency offset of {self.cfo_hz:g} Hz: it may be "
                f"{MAX_CFO_HZ:.0f} Hz up or down, which is 0.06 rad a sample at {SAMP_RATE / 1e6:g} million a second."
            )
        if not 0 <= self.seed < 2**64:
            raise AppError(f"The seed is a whole number from 0 to 2^64 - 1, not {self.seed}.")

    samp_rate = SAMP_RATE
    amplitude = 1.0

    @property
    def fades(self) -> bool:
        return self.channel != "awgn"

    def connect(self, link: gr.top_block, transmitter: gr.basic_block, receiver: gr.basic_block) -> None:
        """As :class:`link.Medium`: from the transmitter's samples to the receiver's."""
        address = next(_addresses)
        source = semcom.loopback_source(
            address,
            SAMP_RATE,
            snr_db=self.snr_db,
            cfo_hz=self.cfo_hz,
            cfo_spread_hz=self.cfo_spread_hz,
            seed=self.seed,
            **CHANNELS[self.channel],
        )
        link.connect(transmitter, semcom.loopback_sink(address, SAMP_RATE))
        link.connect(source, receiver)

    def settle(self, bursts: int) -> None:
        """As :class:`link.Medium`: it tells nothing."""
