"""The recent course of one sensor, and its drawing in a few characters."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.model.time import Instant

#: How many steps of time are kept.
KEPT_STEPS = 60
_SPARKS = "▁▂▃▄▅▆▇█"
#: A course that moves by less than this share of its size is drawn flat: the rest is noise.
_FLAT_SHARE = 0.005


class _Interval(NamedTuple):
    number: int
    total: float
    size: int


class Course:
    """Means of values over equal steps of time, the newest `KEPT_STEPS` of them."""

    def __init__(self, step_seconds: float) -> None:
        self._step = max(1, round(step_seconds * MICROSECONDS))
        self._steps: deque[_Interval] = deque(maxlen=KEPT_STEPS)

    def add(self, at: Instant, value: float) -> None:
        """Add a value. One from before the newest step is left out."""
        number = at // self._step
        if not self._steps or number > self._steps[-1].number:
            self._steps.append(_Interval(number, value, 1))
        elif number == self._steps[-1].number:
            last = self._steps[-1]
            self._steps[-1] = _Interval(number, last.total + value, last.size + 1)

    def columns(self, width: int) -> list[float | None]:
        """Spread what is kept over `width` columns, the newest at the right; None where nothing came.

        Columns lie on a fixed grid of time, so that the picture moves on and does not flicker.
        """
        if not self._steps or width < 1:
            return [None] * max(width, 0)
        merged = -(-KEPT_STEPS // width)
        newest = self._steps[-1].number // merged
        totals, counts = [0.0] * width, [0] * width
        for step in self._steps:
            column = width - 1 - (newest - step.number // merged)
            if column >= 0:
                totals[column] += step.total
                counts[column] += step.size
        return [total / count if count else None for total, count in zip(totals, counts, strict=True)]


def sparkline(columns: Sequence[float | None]) -> str:
    """Draw columns between their lowest and highest value; blank where there is none."""
    known = [value for value in columns if value is not None]
    if not known:
        return " " * len(columns)
    low, high = min(known), max(known)
    if high - low <= _FLAT_SHARE * max(abs(low), abs(high)):
        return "".join(" " if value is None else _SPARKS[2] for value in columns)
    scale = (len(_SPARKS) - 1) / (high - low)
    return "".join(" " if value is None else _SPARKS[round((value - low) * scale)] for value in columns)
