# SPDX-License-Identifier: GPL-3.0-or-later
"""``key=value`` on the command line: what it changes in a config."""

import copy
import tomllib
from collections.abc import Sequence


def changed(content: dict, overrides: Sequence[str]) -> dict:
    """The ``content`` of a config with some of its values replaced.

    Each override is ``key=value`` with a dotted key; tables on the way are made where there are none.  With nothing
    after the ``=`` the key is taken out, so that its default counts.

    Raises:
        ValueError: no ``key=value``, a value that is broken TOML, or a key inside what is no table.
    """
    content = copy.deepcopy(content)
    for override in overrides:
        key, equals, text = override.partition("=")
        *path, last = key.split(".")
        if not equals or not all((*path, last)):
            raise ValueError(f"{override!r} is no key=value, such as schedule.epochs=2")
        table = content
        for part in path:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise ValueError(f"{override!r} cannot be: {part} is a single value")
        if text:
            table[last] = parsed(text)
        else:
            table.pop(last, None)
    return content


def parsed(text: str) -> object:
    """A value of TOML; a bare word is a string.

    Raises:
        ValueError: it begins as a string, an array or a table of TOML and is none.
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        if text[0] in "\"'[{":
            raise ValueError(f"{text} is no TOML: {error}") from error
        return text
