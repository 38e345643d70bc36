# SPDX-License-Identifier: GPL-3.0-or-later
"""UHD's own programs on the virtual USRP."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLES = next(
    (path for path in map(Path, ("/usr/libexec/uhd/examples", "/usr/lib/uhd/examples")) if path.is_dir()),
    Path("/nowhere"),
)


# For a machine that stops for a while: three seconds ahead, and few samples a second.
TIMED = ("--secs", "3", "--rate", "2e5", "--nsamps")


def run(program: str, *arguments: str, device: str = "type=virtual", timeout: float = 120) -> str:
    path = shutil.which(program) or EXAMPLES / program
    if not Path(path).exists():
        pytest.skip(f"there is no {program}: install uhd-host")
    done = subprocess.run(
        [path, "--args", device, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
    )
    return done.stdout + done.stderr


def test_probe_shows_a_b210():
    out = run("uhd_usrp_probe", device="type=virtual,serial=S1")
    for line in (
        "Mboard: virtual B210",
        "serial: S1",
        "Freq range: 70.000 to 6000.000 MHz",
        "Gain range PGA: 0.0 to 76.0 step 1.0 dB",
        "Antennas: TX/RX, RX2",
        "Sensors: lo_locked, temp, clipped, rssi",
    ):
        assert line in out


def test_it_is_found_only_when_it_is_asked_for():
    assert "type: virtual" in run("uhd_find_devices", device="type=virtual")
    assert "virtual" not in run("uhd_find_devices", device="")


def test_a_mistake_in_the_arguments_is_one_sentence():
    out = run("uhd_usrp_probe", device="type=virtual,los_db=3")
    # "Error: " stands before it, but for what the thread of UHD's log may write between the two.
    assert "ValueError: virtual USRP: there is no device argument 'los_db'; there are air, cfo_hz," in out
    assert "Error: " in out.replace("ValueError: ", "")


def messages(count: int) -> tuple[int, int]:
    out = run("test_messages", "--ntests", str(count), timeout=300)
    results = re.findall(r"(\d+) successes, +(\d+) failures", out)
    assert results, out
    return sum(int(good) for good, _ in results), sum(int(bad) for _, bad in results)


def test_messages_quick():
    assert messages(12) == (12, 0)


@pytest.mark.long
def test_messages_100_of_100():
    assert messages(100) == (100, 0)


def test_a_timed_transmission_is_acknowledged():
    out = run("tx_timed_samples", *TIMED, "10000")
    assert "Waiting for async burst ACK... success" in out


def test_a_timed_reception_begins_at_its_time():
    out = run("rx_timed_samples", *TIMED, "10000")
    assert "Received packet: 2040 samples, 3 full secs, 0.000000 frac secs" in out
    assert "Done!" in out


def test_two_channels_are_received():
    out = run("rx_multi_samples", *TIMED, "5000", "--channels", "0,1")
    assert "Received packet: 2040 samples, 3 full secs, 0.000000 frac secs" in out
    assert "Done!" in out


def losses(duration_s: float, device: str) -> dict[str, int]:
    out = run("benchmark_rate", "--rx_rate", "4e6", "--tx_rate", "4e6", "--duration", str(duration_s), device=device)
    counts = {name.strip(): int(count) for name, count in re.findall(r"Num ([^:]+): +(\d+)", out)}
    assert counts["received samples"] > 0 and counts["transmitted samples"] > 0, out
    return {name: count for name, count in counts.items() if "samples" not in name or "dropped" in name}


def test_4_msps_both_ways_on_a_slow_clock():
    assert not any(losses(2, "type=virtual,speed=0.02").values())


@pytest.mark.long
def test_4_msps_both_ways():
    """Holds on an idle machine with two cores."""
    assert not any(losses(10, "type=virtual").values())
