"""What a figure was over the last so many seconds: its mean, least, greatest, or what it adds up to."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from edge_agent.model.time import Instant

#: What is taken of a window.
Taken: TypeAlias = Literal["mean", "min", "max", "sum"]
#: A window is kept in so many parts, whatever the rate at which values come.
PARTS = 60
#: It is full when its figure is known for so much of it: holes of a tenth together are bridged.
LEAST_KNOWN = 0.9
_HOUR_US = 3600.0 * MICROSECONDS


class _Slot(NamedTuple):
    """One part of the window: for how long the figure was known in it, its sum over that time, its bounds."""

    number: int
    known_us: int
    area: float
    lowest: float
    highest: float


class Lookback:
    """A window that ends with the newest value. Each value holds until the next, for `hold_us` at the longest.

    So what comes ten times a second counts no more than what comes once a minute. All instants are those of readings.
    """

    __slots__ = ("_at", "_hold_us", "_slot_us", "_slots", "_value", "_window_us")

    def __init__(self, window_seconds: float, hold_seconds: float) -> None:
        self._window_us = max(PARTS, round(window_seconds * MICROSECONDS))
        self._slot_us = -(-self._window_us // PARTS)
        self._hold_us = round(hold_seconds * MICROSECONDS)
        self._slots: deque[_Slot] = deque(maxlen=PARTS + 2)
        self._at: Instant | None = None
        self._value: float | None = None

    def __repr__(self) -> str:
        return f"Lookback({len(self._slots)} of {PARTS} parts, now {self._value})"

    def take(self, at: Instant, value: float | None) -> None:
        """Note what the figure is from an instant on; None: nobody knows."""
        if self._at is not None and at < self._at:  # a clock was set back
            self._slots.clear()
            self._at = self._value = None
        if self._at is not None and self._value is not None:
            self._hold(max(self._at, at - self._window_us), min(at, self._at + self._hold_us), self._value)
        self._at, self._value = at, value
        if value is not None:
            self._add(at // self._slot_us, 0, value)
        while self._slots and (self._slots[0].number + 1) * self._slot_us <= at - self._window_us:
            self._slots.popleft()

    def figure(self, of: Taken) -> tuple[float | None, bool]:
        """Return the figure of the window, and whether it is full; until then, that of as much as there is.

        A sum is over time in hours: of m3/h it gives m3.
        """
        if self._at is None or not self._slots:
            return None, False
        if of in {"min", "max"}:
            known, _ = self._known()
            bounds = (slot.lowest for slot in self._slots) if of == "min" else (slot.highest for slot in self._slots)
            return (min if of == "min" else max)(bounds), known >= LEAST_KNOWN * self._window_us
        return self._mean_or_sum(of)

    def _mean_or_sum(self, of: Taken) -> tuple[float | None, bool]:
        known, area = self._known()
        full = known >= LEAST_KNOWN * self._window_us
        if of == "sum":
            return area / known * self._window_us / _HOUR_US if full else area / _HOUR_US, full
        return area / known if known else self._value, full

    def _known(self) -> tuple[float, float]:
        """Return for how much of the window the figure is known, and its area; of the oldest part what is inside."""
        begin = (self._at or 0) - self._window_us
        known, area = 0.0, 0.0
        for slot in self._slots:
            inside = min(1.0, ((slot.number + 1) * self._slot_us - begin) / self._slot_us)
            known += slot.known_us * inside
            area += slot.area * inside
        return known, area

    def _hold(self, begin: Instant, end: Instant, value: float) -> None:
        while begin < end:
            number = begin // self._slot_us
            until = min(end, (number + 1) * self._slot_us)
            self._add(number, until - begin, value)
            begin = until

    def _add(self, number: int, lasting_us: int, value: float) -> None:
        last = self._slots[-1] if self._slots else None
        if last is None or last.number < number:
            self._slots.append(_Slot(number, lasting_us, value * lasting_us, value, value))
            return
        self._slots[-1] = _Slot(
            last.number,
            last.known_us + lasting_us,
            last.area + value * lasting_us,
            min(last.lowest, value),
            max(last.highest, value),
        )
