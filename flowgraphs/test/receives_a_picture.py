# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a Qt flowgraph that grcc made until its image sink has received a picture.

Usage: receives_a_picture.py FLOWGRAPH.py
"""

import importlib.util
import sys
import time
from pathlib import Path

SKIPPED = 77
LONGEST_S = 120.0


def main() -> None:
    missing = [name for name in ("PyQt5", "torch", "skimage") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"Skipped: {sys.executable} lacks {', '.join(missing)}.")
        sys.exit(SKIPPED)
    from PyQt5.QtWidgets import QApplication

    path = Path(sys.argv[1])
    sys.path.insert(0, str(path.parent))
    application = QApplication(sys.argv)
    flowgraph = getattr(importlib.import_module(path.stem), path.stem)()
    flowgraph.start()
    flowgraph.show()
    end = time.monotonic() + LONGEST_S
    while flowgraph.image_sink.received() == 0 and time.monotonic() < end:
        application.processEvents()
        time.sleep(0.01)
    flowgraph.stop()
    flowgraph.wait()
    if flowgraph.image_sink.received() == 0:
        sys.exit(f"No picture came within {LONGEST_S:.0f} s.")


main()
