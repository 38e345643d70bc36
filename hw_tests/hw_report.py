# SPDX-License-Identifier: GPL-3.0-or-later
"""hw_report.html: what was tested on which radio, one file with its plots inside."""

import base64
import html
import io
import math
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from gnuradio import gr, uhd
from gnuradio.semcom.image_files import whole_file
from matplotlib import style as styles
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from wiring import Device, Wiring

STYLE = Path(__file__).with_name("hw_report.css")
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Section:
    """A test in the report: the sentence that tells what it checks, what it measured, how it ended."""

    name: str
    about: str
    outcome: str = "not run"
    seconds: float = 0.0
    why: str = ""
    parts: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """A paragraph."""
        self.parts.append(f"<p>{html.escape(text)}</p>")

    def table(self, rows: Sequence[dict]) -> None:
        """Rows with the same keys, which name the columns with their units."""
        head = "".join(f"<th>{html.escape(str(key))}</th>" for key in rows[0])
        body = "".join(f"<tr>{''.join(_cell(value) for value in row.values())}</tr>" for row in rows)
        self.parts.append(f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>')

    def plot(self, draw: Callable[[Axes], None], *, alt: str) -> None:
        """What ``draw`` draws, once for a light page and once for a dark one."""
        light, dark = (_svg(draw, style) for style in ("default", "dark_background"))
        self.parts.append(
            f'<picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
            f'<img src="{light}" alt="{html.escape(alt)}"></picture>'
        )


@dataclass(eq=False)
class Report:
    """Handed to pytest as a plugin; the tests fill it, and it is written when the last one has ended.

    ``soak_s`` is how long the soak takes.
    """

    path: Path
    wiring: Wiring
    devices: tuple[Device, Device]
    quick: bool
    soak_s: float
    command: str
    sections: dict[str, Section] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[REPORT] = self

    def pytest_sessionfinish(self) -> None:
        self.write()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """The verdict; an error before or after a test is a failure of it."""
        section = self.sections.setdefault(report.nodeid, Section(_title(report.nodeid), ""))
        section.seconds += report.duration
        if report.when == "call" or report.outcome != "passed":
            section.outcome = report.outcome
            section.why = report.longrepr[2] if report.skipped else report.longreprtext

    def section(self, node: pytest.Item) -> Section:
        """That of a test."""
        about = " ".join((node.function.__doc__ or "").split())
        return self.sections.setdefault(node.nodeid, Section(_title(node.nodeid), about))

    def write(self) -> None:
        """As HTML, whole or not at all."""
        with whole_file(self.path) as part:
            part.write_text(self._page(), encoding="utf-8")

    def _page(self) -> str:
        transmitter, receiver = self.devices
        names = " and ".join(dict.fromkeys(f"{each.name}, serial {each.serial}" for each in self.devices))
        kind = "simulation" if self.wiring.virtual else "radio"
        first = (
            f"Simulation: no radio hardware was used. The device was {names}."
            if self.wiring.virtual
            else f"Radio hardware: {names}."
        )
        failed = sum(section.outcome == "failed" for section in self.sections.values())
        passed = sum(section.outcome == "passed" for section in self.sections.values())
        verdict = f"{passed} tests passed" + (f", {failed} failed" if failed else "")
        verdicts = "".join(
            f'<tr><td><a href="#{number}">{html.escape(each.name)}</a></td><td class="{each.outcome}">{each.outcome}'
            f"</td><td>{each.seconds:.1f} s</td></tr>"
            for number, each in enumerate(self.sections.values())
        )
        about = "".join(f"<tr><th>{key}</th><td>{html.escape(str(value))}</td></tr>" for key, value in self._about())
        details = "".join(_shown(number, each) for number, each in enumerate(self.sections.values()))
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
            f"<title>gr-semcom on {html.escape(transmitter.name)}</title><style>{STYLE.read_text()}</style>"
            f'<p class="kind {kind}">{html.escape(first)}</p><h1>gr-semcom hardware tests</h1>'
            f'<p class="{"failed" if failed else "passed"}"><b>{verdict}.</b></p>'
            f'<table class="about">{about}</table><h2>Verdicts</h2><table class="verdicts">{verdicts}</table>{details}'
        )

    def _about(self) -> list[tuple[str, object]]:
        wiring, (transmitter, receiver) = self.wiring, self.devices
        cable = "antennas" if wiring.antennas else f"{wiring.path_loss_db:g} dB between the ports"
        return [
            ("transmitter", f"{transmitter.name}, serial {transmitter.serial} ({wiring.args})"),
            ("receiver", f"{receiver.name}, serial {receiver.serial} ({wiring.rx_args or 'the same'})"),
            ("connection", cable + (", simulated" if wiring.virtual else "")),
            ("frequency", f"{wiring.freq / 1e6:g} MHz"),
            ("sample rate", f"{wiring.samp_rate / 1e6:g} MS/s"),
            ("gains", f"TX {wiring.levels.tx_gain:g} dB, RX {wiring.levels.rx_gain:g} dB"),
            ("amplitude", f"{wiring.levels.amplitude:g} of full scale, rms of a symbol"),
            ("tests", "quick form" if self.quick else "full form"),
            ("command", self.command),
            ("began", self.began.isoformat(timespec="seconds")),
            ("took", f"{(datetime.now(UTC) - self.began).total_seconds():.0f} s"),
            ("host", f"{platform.node()}, {platform.machine()}, {platform.system()} {platform.release()}"),
            ("commit", _commit()),
            ("versions", f"GNU Radio {gr.version()}, UHD {uhd.get_version_string()}, {_versions()}"),
        ]


REPORT = pytest.StashKey[Report]()


def _shown(number: int, section: Section) -> str:
    why = f"<pre>{html.escape(section.why)}</pre>" if section.why else ""
    return (
        f'<section id="{number}"><h2>{html.escape(section.name)} <span class="{section.outcome}">{section.outcome}'
        f"</span></h2><p>{html.escape(section.about)}</p>{''.join(section.parts)}{why}</section>"
    )


def _title(nodeid: str) -> str:
    name, _, parameter = nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ").rstrip("]").partition("[")
    return name[:1].upper() + name[1:] + (f": {parameter}" if parameter else "")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{"" if math.isnan(value) else f"{value:,.2f}"}</td>'
    kind = ' class="number"' if isinstance(value, int) else ""
    return f"<td{kind}>{html.escape(str(value))}</td>"


def _svg(draw: Callable[[Axes], None], style: str) -> str:
    """As a data address."""
    file = io.StringIO()
    with styles.context([style, {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}]):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(file, format="svg", transparent=True)
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue().encode()).decode()


def _commit() -> str:
    try:
        asked = ("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12")
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown: no git checkout"


def _versions() -> str:
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "numpy"))
    return f"Python {platform.python_version()}, {packages}"
