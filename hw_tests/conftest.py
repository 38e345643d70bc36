# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./semcom hw test hands to the tests."""

import gc

import numpy as np
import pytest
from hw_report import REPORT, Report, Section
from semcom_models import zoo
from semcom_models.codec import Codec
from tone import Tone, ToneTest
from wiring import LEAST_ATTENUATION_DB, Wiring

HOW = "needs a radio: ./semcom hw test --args type=b200 --attenuation-db 40, or --args type=virtual for a simulated one"
STEP_DB = 10.0
FULL_SCALE_TX_DBM, FULL_SCALE_RX_DBM = 10.0, 0.0
"""Of a B210 about: at the transmitter's highest gain, and at the receiver's gain of 0 dB."""
NOMINAL_ERROR_DB = 15.0
CODEC = "deepjscc"


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    found = pytestconfig.stash.get(REPORT, None)
    if found is None:
        pytest.skip(HOW)
    return found


@pytest.fixture
def section(report: Report, request: pytest.FixtureRequest) -> Section:
    """Of the report, for this test."""
    gc.collect()  # a flowgraph that is gone closes its radio
    return report.section(request.node)


@pytest.fixture(scope="session")
def quick(report: Report) -> bool:
    return report.quick


@pytest.fixture(scope="session")
def codec() -> Codec:
    return zoo.load_codec(CODEC)


@pytest.fixture(scope="session")
def first_tone(report: Report) -> tuple[float, Tone | None]:
    """The first that is sent: a tone, from the lowest gain upwards until it is heard; that gain and the tone."""
    wiring, (transmitter, _) = report.wiring, report.devices
    test = ToneTest(wiring.radio(tx_gain=transmitter.gains[0]), amplitude=wiring.levels.amplitude)
    gain, highest = transmitter.gains[0], wiring.levels.tx_gain
    with test.running():
        while True:
            tone = test.measure(tx_gain=gain, rx_gain=wiring.levels.rx_gain)
            if tone or gain == highest:
                return gain, tone
            gain = min(gain + STEP_DB, highest)


@pytest.fixture(scope="session")
def measured_loss_db(report: Report, first_tone: tuple[float, Tone | None]) -> float:
    """Between the ports, by the levels that a B210 has nominally."""
    wiring, (gain, tone) = report.wiring, first_tone
    assert tone, "the tone is not heard: are the ports connected, TX/RX to RX2, and is --attenuation-db right?"
    sent_dbm = FULL_SCALE_TX_DBM - (report.devices[0].gains[1] - gain) + 20 * np.log10(wiring.levels.amplitude)
    return sent_dbm - (FULL_SCALE_RX_DBM - wiring.levels.rx_gain + tone.level_dbfs)


@pytest.fixture(scope="session")
def wiring(report: Report, measured_loss_db: float) -> Wiring:
    """For tests that send: none of them does where a cable seems to have too little attenuation."""
    if not report.wiring.antennas:
        assert measured_loss_db > LEAST_ATTENUATION_DB - NOMINAL_ERROR_DB, (
            f"there seem to be {measured_loss_db:.0f} dB between the ports only: nothing is sent at a higher gain"
        )
    return report.wiring
