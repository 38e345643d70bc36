# SPDX-License-Identifier: GPL-3.0-or-later
"""Radios: as what is between the ends of a link, in flowgraphs as the build generated them, and when they fail."""

import importlib
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from errors import AppError
from gnuradio import gr, semcom, uhd
from gnuradio.semcom.semcom_python import exit_on_terminate

INSTALLED = "share/gr-semcom/flowgraphs"
TICK_S, TELLING_S = 0.01, 5.0
STOPPED = "The radio stopped working, see above: was it unplugged? The same command starts anew."


@dataclass(kw_only=True)
class Radio:
    """One radio that sends to itself, or two, as a :class:`link.Medium`.

    ``args`` and ``rx_args`` are device addresses of the transmitter and the receiver, None for the same device;
    gains are in dB; ``snr_db`` (Es/N0) is what the encoder works for.  Samples go out as bursts whose first has the tag
    ``length_tag``, or without a pause where that is empty.
    """

    args: str
    rx_args: str | None = None
    freq: float = 2.45e9
    samp_rate: float = 1e6
    tx_gain: float = 40.0
    rx_gain: float = 30.0
    tx_antenna: str = "TX/RX"
    rx_antenna: str = "RX2"
    amplitude: float = 0.18
    snr_db: float = 10.0
    length_tag: str = "packet_len"

    fades = False  # as far as is known

    def connect(self, link: gr.top_block, transmitter: gr.basic_block, receiver: gr.basic_block) -> None:
        """Raises AppError where the radio does not answer or cannot do what is asked."""
        self.sink, self.source = self.open_sink(), self.open_source()
        self.monitor = semcom.radio_monitor()
        link.connect(transmitter, self.sink)
        link.connect(self.source, receiver)
        link.msg_connect(self.sink, "async_msgs", self.monitor, "async")

    def settle(self, bursts: int) -> None:
        """As :class:`link.Medium`: until each was reported as sent, or as late."""
        self.wait_until(lambda: self.monitor.counts().bursts + self.monitor.counts().late >= bursts)

    def wait_until(self, told: Callable[[], bool]) -> None:
        """Or for ``TELLING_S``."""
        end = time.monotonic() + TELLING_S
        while not told() and time.monotonic() < end:
            time.sleep(TICK_S)

    def open_sink(self) -> uhd.usrp_sink:
        """The transmitter; raises as :meth:`connect`."""
        make = partial(uhd.usrp_sink, self.args, uhd.stream_args("fc32", channels=[0]), self.length_tag)
        return self._open(make, gain=self.tx_gain, antenna=self.tx_antenna)

    def open_source(self) -> uhd.usrp_source:
        """The receiver; raises as :meth:`connect`."""
        make = partial(uhd.usrp_source, self.rx_args or self.args, uhd.stream_args("fc32", channels=[0]))
        return self._open(make, gain=self.rx_gain, antenna=self.rx_antenna)

    def _open(self, make: Callable[[], Any], *, gain: float, antenna: str) -> Any:
        try:
            end = make()
            end.set_samp_rate(self.samp_rate)
            end.set_center_freq(self.freq, 0)
            end.set_gain(gain, 0)
            end.set_antenna(antenna, 0)
        except RuntimeError as error:
            raise AppError(explained(error)) from error
        _check_rate(end.get_samp_rate(), self.samp_rate)
        return end


def make(name: str, **settings: Any) -> gr.top_block:
    """The flowgraph of this name; settings that are None are those of its file.

    Raises:
        AppError: it was not built, or the radio does not answer or cannot do what is asked.
    """
    folder = Path(os.environ.get("SEMCOM_FLOWGRAPHS", Path(sys.prefix, INSTALLED)))
    if not (folder / f"{name}.py").is_file():
        raise AppError(
            f"The flowgraph {name}.py is not in {folder}: let SEMCOM_FLOWGRAPHS name the folder that has it."
        )
    sys.path.insert(0, str(folder))
    flowgraph = getattr(importlib.import_module(name), name)
    given = {key: value for key, value in settings.items() if value is not None}
    try:
        made = flowgraph(**given)
    except RuntimeError as error:
        raise AppError(explained(error)) from error
    if not name.endswith("replay"):
        _check_rate(made.radio.get_samp_rate(), made.samp_rate)
    return made


@contextmanager
def running(flowgraph: gr.top_block) -> Iterator[threading.Event]:
    """Runs it; the event says that it ended by itself.

    A radio that is unplugged may end the process, with a sentence and status 1.
    """
    ended = threading.Event()
    exit_on_terminate(f"semcom: {STOPPED}")

    def wait() -> None:
        flowgraph.wait()
        ended.set()

    flowgraph.start()
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    try:
        yield ended
    finally:
        flowgraph.stop()
        waiting.join()


def _check_rate(rate: float, asked: float) -> None:
    """Raises AppError where a radio took another sample rate."""
    if abs(rate - asked) > 1:
        raise AppError(f"The radio works at {rate / 1e6:g} MS/s, not at {asked / 1e6:g}; give --samp-rate {rate:.0f}.")


def explained(error: RuntimeError) -> str:
    """A sentence for what UHD says."""
    message = str(error)
    if "No devices found" in message:
        address = " ".join(re.sub(r".*Device Address:", "", message, flags=re.DOTALL).split()) or "this address"
        return (
            f"No radio answers to {address}: is it plugged in and powered? uhd_find_devices lists what is there, and "
            "-d type=virtual is one without hardware."
        )
    return f"The radio refused: {message.strip().splitlines()[-1].removeprefix('RuntimeError: ')}"
