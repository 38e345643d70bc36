# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``--json`` of demo and bench: looked at before the run, written whole or not at all."""

import json
import math
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter


def _check(_type: Any, path: Path | None) -> None:
    if path is not None and path.is_dir():
        raise ValueError("It is a folder.")
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"There is no folder {path.parent}.")


JsonFile = Annotated[Path | None, Parameter(name="--json", validator=_check)]


def write_json(path: Path, content: Any) -> None:
    """Numbers that JSON does not know, infinite ones and NaN, become null."""
    from gnuradio.semcom.image_files import whole_file

    text = json.dumps(_known(content), indent=1, allow_nan=False)
    with whole_file(path) as part:
        part.write_text(text + "\n")


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
