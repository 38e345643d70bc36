# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./semcom hw test hands to the tests."""

import gc
from dataclasses import replace

import pytest
from hw_report import REPORT, Report, Section
from semcom_models import zoo
from semcom_models.codec import Codec
from tone import Tone, ToneTest
from wiring import Wiring

HOW = "needs a radio: ./semcom hw test --args type=b200 --attenuation-db 40, or --args type=virtual for a simulated one"
STEP_DB = 10.0
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
    levels = replace(wiring.levels, tx_gain=gain)
    return wiring.shown_loss_db(report.devices[0], **vars(levels), level_dbfs=tone.level_dbfs)


@pytest.fixture(scope="session")
def wiring(report: Report, measured_loss_db: float) -> Wiring:
    """For tests that send: none of them does where a cable seems to have too little attenuation."""
    return report.wiring
