# SPDX-License-Identifier: GPL-3.0-or-later
"""What is connected to what in a lab, and whether it may be switched on."""

import math
from dataclasses import dataclass, field, replace

from errors import AppError
from gnuradio import uhd
from gnuradio.semcom.radio_profile import RadioLevels
from radio import Radio, explained

LEAST_ATTENUATION_DB = 30.0
MOST_AT_RECEIVER_DBM = -15.0
"""What the input of a B210 is rated for."""
FULL_GAIN_DBM = 20.0
"""More than what a USRP sends at its highest gain and full scale; 10 to 18 dBm are usual."""
FULL_SCALE_TX_DBM, FULL_SCALE_RX_DBM = 10.0, 0.0
"""Nominally, of a B210: at the transmitter's highest gain, and at the receiver's gain of 0 dB."""
NOMINAL_ERROR_DB = 15.0
"""By which a real radio's levels may differ from these."""
ANTENNAS_APART_M, ANTENNA_GAIN_DB = 0.5, 3.0
VIRTUAL_LOSS_DB = 40.0
LIGHT_M_PER_S = 299792458.0


@dataclass(frozen=True)
class Device:
    """One end of a link as the radio describes it: gains in dB, lowest and highest."""

    name: str
    serial: str
    gains: tuple[float, float]
    antennas: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """One radio with a cable or antennas between its ports, or two radios.

    ``args`` and ``rx_args`` are device addresses of the transmitter and the receiver, None for the same device.
    ``attenuation_db`` is all that is between the ports; with ``antennas`` it counts as nothing.

    Raises:
        AppError: over a cable there is less attenuation than protects the receiver.
    """

    args: str
    rx_args: str | None = None
    freq: float = 2.45e9
    samp_rate: float = 1e6
    levels: RadioLevels = field(default_factory=RadioLevels)
    attenuation_db: float | None = None
    antennas: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.freq) and self.freq > 0 and math.isfinite(self.samp_rate) and self.samp_rate > 0):
            raise AppError(f"A frequency and a sample rate are above 0 Hz, not {self.freq:g} and {self.samp_rate:g}.")
        if self.antennas or (self.virtual and self.attenuation_db is None):
            return
        if self.attenuation_db is None or not LEAST_ATTENUATION_DB <= self.attenuation_db < math.inf:
            raise AppError(
                f"Over a cable there have to be {LEAST_ATTENUATION_DB:g} dB of attenuation or more, lest the receiver "
                "be damaged: put in attenuators and say --attenuation-db, or --antennas where there is no cable."
            )

    @property
    def virtual(self) -> bool:
        """Whether it is a simulation."""
        return all(is_virtual(each) for each in (self.args, self.rx_args or self.args))

    @property
    def path_loss_db(self) -> float:
        """What is reckoned with between the ports, at least."""
        if not self.antennas:
            return VIRTUAL_LOSS_DB if self.attenuation_db is None else self.attenuation_db
        free_space_db = 20 * math.log10(4 * math.pi * ANTENNAS_APART_M * self.freq / LIGHT_M_PER_S)
        return max(0.0, free_space_db - 2 * ANTENNA_GAIN_DB)

    def at_receiver_dbm(self, tx_gain: float, highest_gain: float) -> float:
        """The most that the receiver can get from a transmitter whose gain goes up to ``highest_gain``."""
        return FULL_GAIN_DBM - (highest_gain - tx_gain) - self.path_loss_db

    def highest_tx_gain(self, transmitter: Device) -> float:
        """The highest gain of this transmitter that does not endanger the receiver."""
        highest = transmitter.gains[1]
        return highest - max(0.0, self.at_receiver_dbm(highest, highest) - MOST_AT_RECEIVER_DBM)

    def shown_loss_db(
        self, transmitter: Device, *, tx_gain: float, rx_gain: float, amplitude: float, level_dbfs: float
    ) -> float:
        """What is between the ports by nominal levels, where a tone of this amplitude came in at this level.

        Raises:
            AppError: over a cable that is so little that the receiver is in danger.
        """
        sent_dbm = FULL_SCALE_TX_DBM - (transmitter.gains[1] - tx_gain) + 20 * math.log10(amplitude)
        loss_db = sent_dbm - (FULL_SCALE_RX_DBM - rx_gain + level_dbfs)
        if not self.antennas and loss_db < LEAST_ATTENUATION_DB - NOMINAL_ERROR_DB:
            raise AppError(
                f"There seem to be {loss_db:.0f} dB between the ports only, so nothing more is sent: look at the cable "
                "and its attenuators."
            )
        return loss_db

    def devices(self) -> tuple[Device, Device]:
        """Transmitter and receiver; nothing is sent.

        Raises:
            AppError: a radio does not answer, cannot have these gains, or the receiver could be damaged.
        """
        radio = self.radio()
        transmitter = _described(uhd.usrp_sink, radio.args)
        receiver = _described(uhd.usrp_source, radio.rx_args or radio.args)
        for device, gain in ((transmitter, self.levels.tx_gain), (receiver, self.levels.rx_gain)):
            low, high = device.gains
            if not low <= gain <= high:
                raise AppError(f"A gain of {gain:g} dB is none of {device.name}'s, which are {low:g} to {high:g} dB.")
        if self.levels.tx_gain > self.highest_tx_gain(transmitter):
            raise AppError(
                f"The receiver could get {self.at_receiver_dbm(self.levels.tx_gain, transmitter.gains[1]):.0f} dBm, "
                f"and {MOST_AT_RECEIVER_DBM:g} dBm is the most it may: put in more attenuation, or give --tx-gain "
                f"{max(0.0, self.highest_tx_gain(transmitter)):g} or less."
            )
        return transmitter, receiver

    def radio(self, **others: float | str) -> Radio:
        """The radio with these levels, and with ``others`` of its settings."""
        receiver = self.rx_args or self.args
        if self.virtual and self.attenuation_db is not None and "loss_db" not in receiver:
            receiver += f",loss_db={self.attenuation_db:g}"
        one = self.rx_args is None
        made = Radio(
            args=receiver if one else self.args,
            rx_args=None if one else receiver,
            freq=self.freq,
            samp_rate=self.samp_rate,
            **vars(self.levels),
        )
        return replace(made, **others)


def is_virtual(args: str) -> bool:
    """Whether a device address is that of the virtual USRP."""
    return "type=virtual" in args.replace(" ", "").split(",")


def _described(kind: type, args: str) -> Device:
    try:
        opened = kind(args, uhd.stream_args("fc32", channels=[0]))
    except RuntimeError as error:
        raise AppError(explained(error)) from error
    about, gains = opened.get_usrp_info(0), opened.get_gain_range(0)
    serial = about.get("mboard_serial") or "unknown"
    return Device(about["mboard_id"], serial, (gains.start(), gains.stop()), tuple(opened.get_antennas(0)))
