"""Numbers in sentences: with as many decimals as tell a value from what it is compared with."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: So many decimals are tried before all digits are written.
_MOST_DECIMALS = 12


def figure(value: float) -> str:
    """Write a value with two decimals, or three figures where it is small."""
    return f"{value:.2f}" if value == 0 or abs(value) >= 0.1 else f"{value:.3g}"


def short(value: float) -> str:
    """Write a value with six figures at most, and without zeros at its end: as a person writes it into a file."""
    return f"{value:g}"


def apart(value: float, limit: float, write: Callable[[float], str] = figure) -> tuple[str, str]:
    """Write two numbers so that who reads them sees which is the larger: with more digits where `write` hides it."""
    written = write(value), write(limit)
    decimals = 0
    while not _in_order(value, limit, written) and decimals < _MOST_DECIMALS:
        decimals += 1
        written = f"{value:.{decimals}f}", f"{limit:.{decimals}f}"
    return written if _in_order(value, limit, written) else (repr(value), repr(limit))


def _in_order(value: float, limit: float, written: tuple[str, str]) -> bool:
    first, second = float(written[0]), float(written[1])
    return first < second if value < limit else first > second if value > limit else first == second


def finite(value: object) -> float | None:
    """Return a value of any kind as a finite number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None
