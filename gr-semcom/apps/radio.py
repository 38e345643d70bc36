# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./semcom tx and ./semcom rx share: flowgraphs as the build generated them, and radios that fail."""

import importlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from errors import AppError
from gnuradio import gr

INSTALLED = "share/gr-semcom/flowgraphs"


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
        return flowgraph(**given)
    except RuntimeError as error:
        raise AppError(_explained(str(error))) from error


@contextmanager
def running(flowgraph: gr.top_block) -> Iterator[threading.Event]:
    """Runs it; the event says that it ended by itself, as it does where a radio is unplugged."""
    ended = threading.Event()

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


def _explained(message: str) -> str:
    """A sentence for what UHD says."""
    if "No devices found" in message:
        address = " ".join(re.sub(r".*Device Address:", "", message, flags=re.DOTALL).split()) or "this address"
        return (
            f"No radio answers to {address}: is it plugged in and powered? uhd_find_devices lists what is there, and "
            "-d type=virtual is one without hardware."
        )
    return f"The radio refused: {message.strip().splitlines()[-1].removeprefix('RuntimeError: ')}"
