#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""``semcom hw``: tests and calibration of one or two radios, over a cable or over the air.

Exit status: 0 all passed, 1 a test failed, 2 it could not run.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number
from errors import AppError, told_in_a_sentence
from json_file import JsonFile, write_json
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
SUITE = ("test_device.py", "test_bursts.py", "test_levels.py", "test_soak.py")
RX_GAIN_DB = 50.0
SOAK_MINUTES, QUICK_SOAK_MINUTES = 10.0, 0.25
PASSED, FAILED, COULD_NOT_RUN = 0, 1, 2

HELP = """Test and calibrate a radio: one whose TX/RX goes through attenuators to its own RX2, or two of them.

**Never connect TX to RX by a cable without 30 dB of attenuation.**  hw_tests/README.md has drawings.

./semcom hw test --args type=b200 --attenuation-db 40

./semcom hw calibrate --args type=b200 --attenuation-db 40 --profile lab.toml

./semcom hw test --quick --args type=virtual    # a simulated radio: no hardware is needed
"""

app = App(name="semcom hw", help=HELP, version_flags=[])
console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)

Args = Annotated[str | None, Parameter(name=["--args", "-d"])]
Freq = Annotated[float, Parameter(name=["--freq", "-f"])]
SampRate = Annotated[float, Parameter(name=["--samp-rate", "-r"])]


@app.command(name="test")
def test_command(
    *,
    args: Args = None,
    rx_args: str | None = None,
    attenuation_db: float | None = None,
    antennas: bool = False,
    freq: Freq = 2.45e9,
    samp_rate: SampRate = 1e6,
    tx_gain: float = -1.0,
    rx_gain: float = -1.0,
    profile: Path | None = None,
    quick: bool = False,
    soak_minutes: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    report: Path = Path("hw_report.html"),
) -> int:
    """Run the hardware tests and write a report: 15 minutes, or 2 with --quick.

    Parameters
    ----------
    args
        Device address, as UHD takes it: type=b200, serial=..., type=virtual.
    rx_args
        That of a second radio, which receives.
    attenuation_db
        Between the ports, attenuators and cables together: 30 or more.
    antennas
        There is no cable but antennas, half a metre apart or more.  Send only where you may.
    freq
        Center frequency in Hz.
    samp_rate
        Samples a second.
    tx_gain
        In dB, the highest that is tested; without it that of the profile, or 40.
    rx_gain
        In dB; without it that of the profile, or 50: the noise has to fill a step of a 12-bit converter, or rounding is
        not like noise.
    profile
        What ./semcom hw calibrate wrote.
    quick
        Fewer pictures and a short soak.
    soak_minutes
        Send pictures for so long without a pause; without it 10 minutes, or 15 seconds with --quick.
    report
        The report, an HTML file.
    """
    _check_writable(report)
    import pytest
    from hw_report import Report
    from wiring import Wiring

    wiring = Wiring(
        args=_named(args, "test"),
        rx_args=rx_args,
        freq=freq,
        samp_rate=samp_rate,
        levels=_levels(profile, freq, tx_gain, rx_gain),
        attenuation_db=attenuation_db,
        antennas=antennas,
    )
    command = shlex.join(["./semcom", "hw", *sys.argv[1:]])
    soak_s = 60 * (soak_minutes or (QUICK_SOAK_MINUTES if quick else SOAK_MINUTES))
    written = Report(path=report, wiring=wiring, devices=wiring.devices(), quick=quick, soak_s=soak_s, command=command)
    options = [
        "-c",
        HERE.parent / "pyproject.toml",
        "--tb=short",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-v",
        "--disable-warnings",
    ]
    code = pytest.main([*map(str, options), *(str(HERE / name) for name in SUITE)], plugins=[written])
    console.print(f"Wrote {report}.")
    return {pytest.ExitCode.OK: PASSED, pytest.ExitCode.TESTS_FAILED: FAILED}.get(code, COULD_NOT_RUN)


@app.command(name="calibrate")
def calibrate_command(
    *,
    args: Args = None,
    rx_args: str | None = None,
    attenuation_db: float | None = None,
    freq: Freq = 2.45e9,
    samp_rate: SampRate = 1e6,
    amplitude: Annotated[float, Parameter(validator=Number(gt=0, lte=0.197))] = 0.18,
    step_db: Annotated[float, Parameter(validator=Number(gte=1))] = 10.0,
    profile: Path = Path("radio.toml"),
    picture: Path | None = None,
    json_file: JsonFile = None,
) -> int:
    """Find the gains at which a radio works best over a cable, and write them to a profile.

    A tone as strong as the peaks of a burst is sent at many gains: its level, the noise, the carrier offset, the image
    of the IQ mixers, DC and spurs.  ./semcom tx, rx, bench radio and hw test take the profile, and the flowgraphs do.

    Parameters
    ----------
    args
        Device address, as UHD takes it: type=b200, serial=..., type=virtual.
    rx_args
        That of a second radio, which receives.
    attenuation_db
        Between the ports, attenuators and cables together: 30 or more.
    freq
        Center frequency in Hz.
    samp_rate
        Samples a second.
    amplitude
        Of the bursts; their peaks are 5.07 times that.
    step_db
        Between two gains.
    profile
        What is found, a TOML file.
    picture
        The plots, as PNG; without it beside the profile.
    json_file
        Write the table there.
    """
    _check_writable(profile, picture or profile)
    from calibrate import advice, calibrate, draw, rows
    from gnuradio.semcom.radio_profile import RadioLevels
    from wiring import Wiring

    wiring = Wiring(
        args=_named(args, "calibrate"),
        rx_args=rx_args,
        freq=freq,
        samp_rate=samp_rate,
        levels=RadioLevels(tx_gain=0.0, rx_gain=0.0, amplitude=amplitude),
        attenuation_db=attenuation_db,
    )
    found = calibrate(wiring, step_db=step_db)
    table = rows(found)
    _print(table)
    for sentence in advice(found):
        console.print(sentence, soft_wrap=True)
    picture = picture or profile.with_suffix(".png")
    draw(found, picture)
    found.profile.write(profile)
    if json_file:
        write_json(json_file, {"rows": table, "profile": vars(found.profile), "best": vars(found.best.tone)})
    kind = "a simulated radio" if wiring.virtual else "a radio"
    console.print(f"Wrote {profile} and {picture}, measured on {kind}.", soft_wrap=True)
    return PASSED


def _check_writable(*files: Path) -> None:
    for file in files:
        if file.is_dir() or not file.parent.is_dir():
            raise AppError(f"{file} cannot be written: name a file in a folder that is there.")


def _named(args: str | None, command: str) -> str:
    if not args:
        raise AppError(
            f"Name a radio: ./semcom hw {command} --args type=b200 --attenuation-db 40, or --args type=virtual for a "
            "simulated one (./semcom hw --help)."
        )
    return args


def _levels(profile: Path | None, freq: float, tx_gain: float, rx_gain: float):  # noqa: ANN202 (RadioLevels)
    from gnuradio.semcom import radio_levels

    if profile is None and rx_gain < 0:
        rx_gain = RX_GAIN_DB
    return radio_levels(profile or "", freq=freq, tx_gain=tx_gain, rx_gain=rx_gain)


def _print(rows: list[dict]) -> None:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.1f}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)


def main() -> int:
    try:
        with told_in_a_sentence():
            return app(sys.argv[1:], exit_on_error=False, result_action="return_value") or PASSED
    except CycloptsError:
        return COULD_NOT_RUN  # it was printed
    except SystemExit as ended:
        if not isinstance(ended.code, str):
            raise
        print(ended.code, file=sys.stderr)
        return COULD_NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
