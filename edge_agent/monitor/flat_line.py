"""QARTOD test 8, flat line: the value has stopped moving."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from edge_agent.model.quality import Flag

if TYPE_CHECKING:
    from edge_agent.model.plant import FlatLine


class _Extreme:
    """A reading that may yet be the highest or lowest of the run, and when the reading after it came."""

    __slots__ = ("followed_at", "place", "seconds", "value")

    def __init__(self, value: float, seconds: float, place: int) -> None:
        self.value = value
        self.seconds = seconds
        self.place = place  # in the order of arrival: two readings may be of the same instant
        self.followed_at = seconds


#: Both queues while the run is its newest reading only. Two of its own would take 1.2 kB of every sensor.
_EMPTY: deque[_Extreme] = deque(maxlen=0)


class FlatLineRun:
    """How long the values have stayed within `tolerance` of each other, exactly, in constant time a reading.

    The longest run of newest readings whose highest and lowest differ by at most the tolerance, held by two monotonic
    queues (Lemire, Streaming maximum-minimum filter, 2006). Extremes that no longer can shorten a run to less than
    the longest time asked for are let go. Warm-up: the run begins with the first reading.
    """

    __slots__ = (
        "_count",
        "_first",
        "_highs",
        "_lows",
        "_newest",
        "_seconds",
        "_since",
        "_spec",
        "_tolerance",
        "_window",
    )

    def __init__(self, spec: FlatLine) -> None:
        self._spec = spec
        self._window = max(spec.suspect_seconds or 0.0, spec.fail_seconds or 0.0)
        self._highs = _EMPTY  # values falling
        self._lows = _EMPTY  # values rising
        self._newest, self._seconds = inf, 0.0  # the newest reading; while the run is only that, the queues are empty
        self._since = 0.0
        self._count = 0
        self._tolerance, self._first = spec.tolerance, self._flag(0.0)

    def update(self, value: float, seconds: float) -> Flag:
        """Take a value at a time in seconds, never before the last, and flag it by the length of the run so far."""
        if abs(value - self._newest) > self._tolerance:  # most readings of most sensors: the run begins with them
            self._highs = self._lows = _EMPTY
            self._newest, self._seconds, self._since = value, seconds, seconds
            return self._first
        if not self._highs:
            self._begin()
        self._newest = value
        return self._go_on(value, seconds)

    def _begin(self) -> None:
        first = _Extreme(self._newest, self._seconds, self._count)
        self._highs, self._lows = deque((first,)), deque((first,))

    def _go_on(self, value: float, seconds: float) -> Flag:
        highs, lows = self._highs, self._lows
        highs[-1].followed_at = lows[-1].followed_at = seconds
        while highs and highs[-1].value <= value:
            highs.pop()
        while lows and lows[-1].value >= value:
            lows.pop()
        self._count += 1
        newest = _Extreme(value, seconds, self._count)
        highs.append(newest)
        lows.append(newest)
        while highs[0].value - lows[0].value > self._spec.tolerance:
            older = highs if highs[0].place < lows[0].place else lows
            self._since = older.popleft().followed_at
        self._forget(seconds - self._window)
        return self._flag(seconds - self._since)

    def _forget(self, before: float) -> None:
        for extremes in (self._highs, self._lows):
            while len(extremes) > 1 and extremes[1].seconds <= before:
                extremes.popleft()

    def _flag(self, lasted: float) -> Flag:
        if self._spec.fail_seconds is not None and lasted >= self._spec.fail_seconds:
            return Flag.FAIL
        if self._spec.suspect_seconds is not None and lasted >= self._spec.suspect_seconds:
            return Flag.SUSPECT
        return Flag.GOOD
