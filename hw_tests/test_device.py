# SPDX-License-Identifier: GPL-3.0-or-later
"""Are the radios there, do they do what they are told, and is the receiver safe?"""

import pytest
from gnuradio import semcom, uhd
from hw_report import Report, Section
from tone import Tone, ToneTest
from wiring import FULL_SCALE_RX_DBM, FULL_SCALE_TX_DBM, MOST_AT_RECEIVER_DBM, NOMINAL_ERROR_DB, Wiring

RATES = (1e6, 2e6, 4e6, 8e6)
FREQ_ERROR_HZ = 1000.0
VIRTUAL_ERROR_DB = 1.0
LOCK_S = 5.0


@pytest.mark.parametrize("direction", ["transmitter", "receiver"])
def test_the_radio_is_there_and_does_what_it_is_told(report: Report, section: Section, direction: str) -> None:
    """Sample rates, frequency and gain are taken as asked for, and the oscillator locks.  Nothing is sent."""
    wiring, sends = report.wiring, direction == "transmitter"
    radio, about = wiring.radio(), report.devices[0 if sends else 1]
    kind, args = (uhd.usrp_sink, radio.args) if sends else (uhd.usrp_source, radio.rx_args or radio.args)
    device = kind(args, uhd.stream_args("fc32", channels=[0]))
    gain, antenna = (radio.tx_gain, radio.tx_antenna) if sends else (radio.rx_gain, radio.rx_antenna)
    rows = []
    for rate in dict.fromkeys((*RATES, wiring.samp_rate)):
        device.set_samp_rate(rate)
        rows.append({"what": "sample rate, MS/s", "asked for": rate / 1e6, "got": device.get_samp_rate() / 1e6})
        assert device.get_samp_rate() == pytest.approx(rate, abs=1)
    device.set_center_freq(wiring.freq, 0)
    device.set_gain(gain, 0)
    device.set_antenna(antenna, 0)
    rows.append({"what": "frequency, MHz", "asked for": wiring.freq / 1e6, "got": device.get_center_freq(0) / 1e6})
    rows.append({"what": "gain, dB", "asked for": gain, "got": device.get_gain(0)})
    rows.append({"what": "antenna", "asked for": antenna, "got": device.get_antenna(0)})
    section.table(rows)
    section.note(f"Gains from {about.gains[0]:g} to {about.gains[1]:g} dB; antennas {', '.join(about.antennas)}.")
    assert device.get_center_freq(0) == pytest.approx(wiring.freq, abs=FREQ_ERROR_HZ)
    assert device.get_gain(0) == pytest.approx(gain, abs=1)
    assert device.get_antenna(0) == antenna
    if "lo_locked" in device.get_sensor_names(0):
        assert device.get_sensor("lo_locked", 0).to_bool()


def test_the_receiver_is_safe(
    report: Report, section: Section, first_tone: tuple[float, Tone | None], measured_loss_db: float
) -> None:
    """The most that the receiver can get, by the attenuation that was stated, is within what it is rated for; and the
    attenuation that a tone at the lowest gain shows is about that."""
    wiring, (transmitter, _) = report.wiring, report.devices
    most_dbm = wiring.at_receiver_dbm(wiring.levels.tx_gain, transmitter.gains[1])
    stated = "path loss of antennas half a metre apart" if wiring.antennas else "attenuation that was stated"
    section.table(
        [
            {"what": f"{stated}, dB", "value": wiring.path_loss_db},
            {"what": "most at the receiver, dBm", "value": most_dbm},
            {"what": "it is rated for, dBm", "value": MOST_AT_RECEIVER_DBM},
            {"what": "highest safe TX gain, dB", "value": wiring.highest_tx_gain(transmitter)},
            {"what": "tone first heard at TX gain, dB", "value": first_tone[0]},
            {"what": "loss that it shows, dB", "value": measured_loss_db},
        ]
    )
    section.note(
        f"The loss is measured by nominal levels, {FULL_SCALE_TX_DBM:g} dBm and {FULL_SCALE_RX_DBM:g} dBm at full "
        f"scale: on a real radio within {NOMINAL_ERROR_DB:g} dB."
    )
    assert most_dbm <= MOST_AT_RECEIVER_DBM
    if not wiring.antennas:
        error_db = VIRTUAL_ERROR_DB if wiring.virtual else NOMINAL_ERROR_DB
        assert measured_loss_db == pytest.approx(wiring.path_loss_db, abs=error_db)


def test_a_tone_is_clean(wiring: Wiring, section: Section) -> None:
    """A tone as strong as the peaks of a burst, at the gains that were asked for, is received without clipping."""
    peak = semcom.burst_transmitter(wiring.levels.amplitude).peak()
    with ToneTest(wiring.radio(), amplitude=peak).running() as test:
        tone = test.measure(tx_gain=wiring.levels.tx_gain, rx_gain=wiring.levels.rx_gain)
    assert tone, "the tone is not heard at these gains"
    section.table(
        [
            {"level, dBFS": tone.level_dbfs, "peak, dBFS": tone.peak_dbfs, "noise, dBFS": tone.noise_dbfs}
            | {"CFO, Hz": tone.cfo_hz, "image, dBc": tone.image_db, "DC, dBc": tone.dc_db}
            | {"strongest spur, dBc": tone.spur_db, "at, Hz": tone.spur_hz, "clipped, %": 100 * tone.clipped}
        ]
    )
    assert tone.clipped == 0
    assert tone.peak_dbfs < 0
