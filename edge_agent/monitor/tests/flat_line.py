"""QARTOD test 8, flat line: the value has stopped moving."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from edge_agent.model.quality import Bounds, Flag
from edge_agent.monitor.tests.spec import Duration, NotBelow, QualityTest, Seen, graded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.fitness import Misfit


@dataclass(frozen=True, slots=True)
class FlatLine(QualityTest):
    """How long the values may stay within `tolerance` of each other: the length of the longest such run of the newest.

    Tolerance in the sensor's unit. Warm-up: a run begins with the first reading. Weakness: a quiet night looks like a
    stuck float; choose times longer than the plant ever rests.
    Source: QARTOD, test 8, with times instead of counts; exact, where ioos_qc looks at a window of whole seconds.

    >>> test = FlatLine(0.001, 1800.0, 3600.0)
    >>> run, flag = test.update(Seen(3.0, 1800.0, last=3.0, last_seconds=0.0), None)
    >>> run, flag.name
    (FlatLineRun(since 0 s), 'SUSPECT')
    """

    name: ClassVar[str] = "flat_line"
    number: ClassVar[int] = 3
    question: ClassVar[str] = "Has it stopped moving?"

    tolerance: Annotated[NotBelow, Field(description="Values this close to each other count as the same.")]
    suspect_seconds: Annotated[Duration | None, Field(description="The same for longer is doubted.")] = None
    fail_seconds: Annotated[Duration | None, Field(description="The same for longer cannot be.")] = None

    @property
    def bounds(self) -> Bounds:
        """Any change beyond the tolerance, unless whatever comes is flat at once."""
        return Bounds(rate=float("inf" if self.flag(0.0) is Flag.GOOD else "-inf"), still=self.tolerance)

    def update(self, seen: Seen, state: FlatLineRun | None) -> tuple[FlatLineRun | None, Flag]:
        """Flag a reading by the run it goes on with; None stands for a run of one reading."""
        last, since = seen.last, seen.last_seconds
        if last is None or since is None or abs(seen.value - last) > self.tolerance:  # most readings begin anew
            return None, self.flag(0.0)
        run = state or FlatLineRun(self, last, since)
        return run, run.update(seen.value, seen.seconds)

    def flag(self, lasted: float) -> Flag:
        """Flag the newest reading of a run that has lasted so many seconds."""
        if self.fail_seconds is not None and lasted >= self.fail_seconds:
            return Flag.FAIL
        if self.suspect_seconds is not None and lasted >= self.suspect_seconds:
            return Flag.SUSPECT
        return Flag.GOOD

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find times that are not in order, or missing."""
        return graded(given, "suspect_seconds", "fail_seconds")


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
    the longest time asked for are let go. The queues take 1.2 kB, so a run is made for a second reading only.
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
        """Add a value at a time in seconds, never before the last, and flag it by the length of the run so far."""
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
        return self._spec.flag(seconds - self._since)

    def __repr__(self) -> str:
        return f"FlatLineRun(since {self._since:g} s)"

    def _forget(self, before: float) -> None:
        for extremes in (self._highs, self._lows):
            while len(extremes) > 1 and extremes[1].seconds <= before:
                extremes.popleft()
