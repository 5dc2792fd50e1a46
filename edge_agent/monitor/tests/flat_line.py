"""QARTOD test 8, flat line: the value has stopped moving."""

from __future__ import annotations

from collections import deque
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


class FlatLineRun:
    """How long the values have stayed within `tolerance` of each other, exactly, in constant time a reading.

    The longest run of newest readings whose highest and lowest differ by at most the tolerance, held by two monotonic
    queues (Lemire, Streaming maximum-minimum filter, 2006). Extremes that no longer can shorten a run to less than
    the longest time asked for are let go. The queues take 1.2 kB, so `judge` makes one for a second reading only.
    """

    __slots__ = ("_count", "_highs", "_lows", "_since", "_spec", "_window")

    def __init__(self, spec: FlatLine, value: float, seconds: float) -> None:
        self._spec = spec
        self._window = max(spec.suspect_seconds or 0.0, spec.fail_seconds or 0.0)
        first = _Extreme(value, seconds, 0)
        self._highs = deque((first,))  # values falling
        self._lows = deque((first,))  # values rising
        self._since = seconds
        self._count = 0

    def update(self, value: float, seconds: float) -> Flag:
        """Take a value at a time in seconds, never before the last, and flag it by the length of the run so far."""
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
        return flag(self._spec, seconds - self._since)

    def _forget(self, before: float) -> None:
        for extremes in (self._highs, self._lows):
            while len(extremes) > 1 and extremes[1].seconds <= before:
                extremes.popleft()


def judge(
    spec: FlatLine, run: FlatLineRun | None, last: tuple[float, float] | None, value: float, seconds: float
) -> tuple[FlatLineRun | None, Flag]:
    """Flag a reading, a value at a time in seconds, by the run it goes on with, and return that run.

    `last` is the reading before it; None stands for a run of one reading. Warm-up: it begins with the first reading.
    """
    if last is None or abs(value - last[0]) > spec.tolerance:  # most readings of most sensors begin anew
        return None, flag(spec, 0.0)
    run = run or FlatLineRun(spec, *last)
    return run, run.update(value, seconds)


def flag(spec: FlatLine, lasted: float) -> Flag:
    """Flag the newest reading of a run that has lasted so many seconds."""
    if spec.fail_seconds is not None and lasted >= spec.fail_seconds:
        return Flag.FAIL
    if spec.suspect_seconds is not None and lasted >= spec.suspect_seconds:
        return Flag.SUSPECT
    return Flag.GOOD
