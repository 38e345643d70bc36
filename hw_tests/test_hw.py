# SPDX-License-Identifier: GPL-3.0-or-later
"""./semcom hw itself: the rule that protects receivers, and both of its commands on the virtual USRP.

The simulated air runs at a fifth of real time, which a loaded machine keeps up with.
"""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
import semcom_hw
from errors import AppError
from gnuradio.semcom.radio_profile import RadioLevels, read_profile
from wiring import Device, Wiring

PROGRAM = Path(__file__).with_name("semcom_hw.py")
B210 = Device("B210", "30AD123", (0.0, 89.75), ("TX/RX",))
SLOW = "type=virtual,speed=0.2"


@pytest.fixture
def module() -> None:
    folders = os.environ.get("UHD_MODULE_PATH", "").split(":")
    if not any(Path(folder, "libuhd_virtual.so").is_file() for folder in folders if folder):
        pytest.skip("there is no virtual USRP on UHD_MODULE_PATH; ./semcom test sets it")


def run(*options: object) -> tuple[int, str]:
    """As a program."""
    paths = [str(PROGRAM.parents[1] / "gr-semcom/apps"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, str(PROGRAM), *map(str, options)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("attenuation_db", [None, 0.0, 29.9, np.nan, np.inf, -40.0])
def test_a_cable_without_attenuation_is_refused(attenuation_db: float | None) -> None:
    with pytest.raises(AppError, match="30 dB of attenuation or more"):
        Wiring(args="type=b200", attenuation_db=attenuation_db)
    with pytest.raises(AppError, match="30 dB of attenuation or more"):
        Wiring(args="type=virtual", rx_args="type=b200", attenuation_db=attenuation_db)


def test_the_highest_gain_leaves_the_receiver_whole() -> None:
    cable = Wiring(args="type=b200", attenuation_db=30)
    assert cable.highest_tx_gain(B210) == pytest.approx(89.75 - 5)  # 20 dBm less 30 dB are 5 dB above -15 dBm
    assert cable.at_receiver_dbm(40, 89.75) == pytest.approx(20 - 49.75 - 30)
    assert Wiring(args="type=b200", attenuation_db=40).highest_tx_gain(B210) == 89.75


def test_antennas_are_reckoned_half_a_metre_apart() -> None:
    assert Wiring(args="type=b200", antennas=True, freq=2.45e9).path_loss_db == pytest.approx(34.2 - 6, abs=0.1)
    assert Wiring(args="type=b200", antennas=True, freq=70e6).path_loss_db == 0
    near = Wiring(args="type=b200", antennas=True, freq=915e6)
    assert near.highest_tx_gain(B210) == pytest.approx(89.75 - (20 + 15 - near.path_loss_db))


def test_the_attenuation_of_a_virtual_radio_is_its_loss() -> None:
    assert Wiring(args=SLOW, attenuation_db=55).radio().args == f"{SLOW},loss_db=55"
    two = Wiring(args=SLOW, rx_args=f"{SLOW},serial=other", attenuation_db=55).radio(tx_gain=3.0)
    assert (two.args, two.rx_args, two.tx_gain) == (SLOW, f"{SLOW},serial=other,loss_db=55", 3.0)
    assert Wiring(args=f"{SLOW},loss_db=50", attenuation_db=55).radio().args == f"{SLOW},loss_db=50"


def test_gains_that_a_radio_has_not_or_that_endanger_the_receiver_are_refused(module: None) -> None:
    with pytest.raises(AppError, match="A gain of 90 dB is none of virtual B210's, which are 0 to 89.75 dB"):
        Wiring(args=SLOW, levels=RadioLevels(tx_gain=90)).devices()
    with pytest.raises(AppError, match="could get -10 dBm, and -15 dBm is the most .* --tx-gain 84.75 or less"):
        Wiring(args=SLOW, levels=RadioLevels(tx_gain=89.75), attenuation_db=30).devices()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("test",), "Name a radio: ./semcom hw test --args type=b200"),
        (("calibrate",), "Name a radio: ./semcom hw calibrate --args"),
        (("test", "--args", "type=b200"), "30 dB of attenuation or more"),
        (("test", "--args", "type=b200", "--attenuation-db", 40), "No radio answers to type: b200"),
        (("calibrate", "--args", "type=b200", "--attenuation-db", 40), "No radio answers to type: b200"),
        (("test", "--args", SLOW, "--report", "/no/such/folder/x.html"), "/no/such/folder/x.html cannot be written"),
        (("test", "--args", SLOW, "--profile", "/no/such.toml"), "The profile /no/such.toml cannot be read"),
        (
            ("calibrate", "--args", f"{SLOW},loss_db=5", "--attenuation-db", 40),
            "dB between the ports only, so nothing more is sent",
        ),
        (("calibrate", "--args", SLOW, "--attenuation-db", 200, "--step-db", 60), "was not heard at any of"),
    ],
)
def test_what_cannot_run_ends_in_a_sentence_and_2(
    module: None,
    options: tuple[object, ...],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["semcom_hw.py", *map(str, options)])
    code = semcom_hw.main()
    said = capsys.readouterr().err
    assert (code, sentence in said.splitlines()[-1]) == (2, True), said


@pytest.mark.slow
def test_calibration_finds_what_the_virtual_radio_was_given(module: None, tmp_path: Path) -> None:
    given = "cfo_hz=350,iq_gain_db=0.5,iq_phase_deg=2,noise_figure_db=9"
    profile, table = tmp_path / "lab.toml", tmp_path / "rows.json"
    code, said = run(
        *("calibrate", "--args", f"{SLOW},{given}", "--attenuation-db", 50, "--step-db", 25),
        *("--profile", profile, "--json", table),
    )
    assert code == 0, said
    assert "measured on a simulated radio" in said
    result = json.loads(table.read_text())
    best, found = result["best"], read_profile(profile)
    assert found.transmitter_serial == found.receiver_serial == "VIRTUAL0"
    assert best["cfo_hz"] == pytest.approx(350, abs=1)
    assert best["iq_gain_db"] == pytest.approx(0.5, abs=0.05)
    assert best["iq_phase_deg"] == pytest.approx(2, abs=0.2)
    for row in result["rows"]:
        # By the formulas of uhd-virtual/README.md; the peaks of a burst are 5.07 times its amplitude, 0.18.
        sent_dbm = 10 - (89.75 - row["TX gain, dB"]) + 20 * np.log10(5.07 * 0.18)
        expected_dbfs = sent_dbm - 50 + row["RX gain, dB"] + 0.25  # half of the IQ gain
        if expected_dbfs > 0:
            assert row["verdict"] == "clips"
        elif -45 < expected_dbfs < -5:
            assert row["verdict"] == "clean"
            assert row["level, dBFS"] == pytest.approx(expected_dbfs, abs=0.5)  # loss_db
        if row["verdict"] == "clean" and row["RX gain, dB"] > 50:
            noise_dbm = row["noise, dBFS"] - row["RX gain, dB"] - 0.25
            assert noise_dbm - (-173.975 + 60) == pytest.approx(9, abs=0.4)  # noise_figure_db
    assert profile.with_suffix(".png").stat().st_size > 10000
    highest_db = max(row["SNR, dB"] for row in result["rows"] if row["verdict"] == "clean")
    assert found.snr_db == pytest.approx(highest_db, abs=0.8)


@pytest.mark.slow
def test_the_suite_stops_where_a_cable_lacks_its_attenuator(module: None, tmp_path: Path) -> None:
    report = tmp_path / "hw.html"
    code, said = run("test", "--quick", "--args", f"{SLOW},loss_db=5", "--attenuation-db", 40, "--report", report)
    assert code == 1, said
    page = report.read_text()
    assert page.count('<span class="passed">') == 2  # those that send nothing
    assert page.count("There seem to be 5 dB between the ports only") == 8


@pytest.mark.slow
def test_the_suite_runs_on_two_virtual_radios_and_its_report_says_so(module: None, tmp_path: Path) -> None:
    air, report = f"/semcom-{uuid.uuid4().hex[:12]}", tmp_path / "hw.html"
    try:
        code, said = run(
            *("test", "--quick", "--args", f"{SLOW},air={air}", "--attenuation-db", 42, "--report", report),
            *("--rx-args", f"{SLOW},air={air},serial=OTHER,cfo_hz=-700,clock_ppm=2"),
        )
    finally:
        Path("/dev/shm", air[1:]).unlink(missing_ok=True)
    assert code == 0, said
    page = report.read_text()
    first = page.partition("<h1>")[0]
    assert "Simulation: no radio hardware was used. The device was virtual B210, serial VIRTUAL0 and" in first
    assert "serial OTHER" in first
    assert page.count('<span class="passed">') == page.count("<section") == 10
    assert page.count("data:image/svg+xml;base64,") == 2 * 4
    assert "42 dB between the ports, simulated" in page
    assert "http" not in page
