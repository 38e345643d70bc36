# SPDX-License-Identifier: GPL-3.0-or-later
"""The option ``--ratio`` of demo and tx."""

from errors import AppError


def number(ratio: str | None) -> float | None:
    """What "1/24" or "0.04" stand for."""
    if ratio is None:
        return None
    over, slash, under = ratio.partition("/")
    try:
        return float(over) / (float(under) if slash else 1)
    except (ValueError, ZeroDivisionError) as error:
        raise AppError(f"A bandwidth ratio is written as 1/24 or 0.04, not as {ratio!r}.") from error
