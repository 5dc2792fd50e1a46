"""The only place that reads a clock."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from edge_agent.model.time import EARLIEST, MICROSECONDS, Instant, Moment
from edge_agent.runtime import kernelclock

if TYPE_CHECKING:
    from collections.abc import Callable

#: What people are told of a wall clock that is not sure.
UNSURE = "the wall clock is not known to be right: nothing that this machine can ask keeps it synchronized"
#: How often the kernel is asked, how long its last yes holds, and what a clock that nobody set may be off by then.
_LOOK_SECONDS = 5.0
_HOLD_SECONDS = 7 * 86_400.0
_STEP_SECONDS = 1.0
#: Clocks that were read farther apart tell no offset: the process was put aside in between.
_TOGETHER_SECONDS = 0.01
_MOST_READS = 10


def _wall() -> int:
    return time.time_ns() // 1000


def _both() -> tuple[Instant, float]:
    """Read the wall and the monotonic clock at once; the last of many tries counts on a machine that is never idle."""
    for _ in range(_MOST_READS):
        before, at, after = time.monotonic(), _wall(), time.monotonic()
        if after - before < _TOGETHER_SECONDS:
            break
    return at, after


class ClockQuality:
    """Judges whether the wall clock is right, asking no more than every few seconds."""

    def __init__(self, synchronized: Callable[[], bool]) -> None:
        self._synchronized = synchronized
        self._asked: float | None = None
        self._confirmed: float | None = None
        self._offset = 0.0  # the wall less the monotonic count, when last looked at
        self._sure = False

    def __repr__(self) -> str:
        return f"ClockQuality({'sure' if self._sure else 'not sure'}, last confirmed at {self._confirmed})"

    def look(self, at: Instant, seconds: float) -> bool:
        """Ask about a wall time, read at a monotonic time, where that is due; return whether it was.

        The answer is of now: the wall may have been set between that reading and the answer, so read it again.
        """
        stepped = self._stepped(at, seconds)
        if not stepped and self._asked is not None and 0 <= seconds - self._asked < _LOOK_SECONDS:
            return False
        self._asked, self._offset = seconds, at / MICROSECONDS - seconds
        self._sure = self._ask(seconds, stepped=stepped)
        return True

    def sure(self, at: Instant, seconds: float) -> bool:
        """Return whether a wall time is known to be right: nobody has set the wall since the last look."""
        return self._sure and at >= EARLIEST and not self._stepped(at, seconds)

    def _stepped(self, at: Instant, seconds: float) -> bool:
        return abs(at / MICROSECONDS - seconds - self._offset) > _STEP_SECONDS

    def _ask(self, seconds: float, *, stepped: bool) -> bool:
        if self._synchronized():
            self._confirmed = seconds
        elif stepped:
            self._confirmed = None
        return self._confirmed is not None and seconds - self._confirmed < _HOLD_SECONDS


class SystemClock:
    """Real time. Its monotonic count is the machine's uptime: it goes on evenly over restarts of the agent.

    The wall clock is `sure` while `synchronized` says so, and for a week after, as long as nobody sets it: a clock
    drifts by seconds a day. Before EARLIEST it never is. Unknown means not sure.
    """

    def __init__(self, *, boot: str | None = None, synchronized: Callable[[], bool] = kernelclock.synchronized) -> None:
        self._boot = kernelclock.boot_id() if boot is None else boot
        self._zero = time.monotonic() - kernelclock.uptime()
        self._quality = ClockQuality(synchronized)

    def now(self) -> Moment:
        """Read the system's clocks."""
        at, seconds = self._read()
        if self._quality.look(at, seconds):
            at, seconds = self._read()
        return Moment(at, seconds, self._boot, self._quality.sure(at, seconds))

    def _read(self) -> tuple[Instant, float]:
        at, monotonic = _both()
        return at, monotonic - self._zero

    def steady(self) -> float:
        """Read the monotonic clock."""
        return time.monotonic()

    def real_seconds(self, seconds: float) -> float:
        """Convert nothing: plant seconds are real ones."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class ScaledClock:
    """Real time, `speed` times as fast, from the present on. Drives the demo and the simulated plant.

    It is of no boot, and right by definition.
    """

    def __init__(self, speed: float, start: int | None = None) -> None:
        self.speed = speed
        self._start = _wall() if start is None else start
        self._zero = time.monotonic()

    def now(self) -> Moment:
        """Read the plant's time."""
        seconds = (time.monotonic() - self._zero) * self.speed
        return Moment(self._start + round(seconds * MICROSECONDS), seconds)

    def steady(self) -> float:
        """Read the monotonic clock, in real seconds."""
        return time.monotonic()

    def real_seconds(self, seconds: float) -> float:
        """Convert plant seconds, which pass faster."""
        return seconds / self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for plant seconds."""
        await asyncio.sleep(max(seconds, 0.0) / self.speed)
