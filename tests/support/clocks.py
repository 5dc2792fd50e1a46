"""A clock that stands still until a test advances it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from support.deadline import wait_until

from edge_agent.model.time import MICROSECONDS, Moment

if TYPE_CHECKING:
    from collections.abc import Callable

#: 2026-11-22T10:00:00Z
TEN_O_CLOCK = 1_795_341_600_000_000


class _Sleeper(NamedTuple):
    due_seconds: float
    woken: asyncio.Future[None]


class ManualClock:
    """Time that passes only in `advance`. Real seconds are plant seconds, or as many times fewer as `speed` says."""

    def __init__(self, at: int = TEN_O_CLOCK, seconds: float = 1000.0, speed: float = 1.0) -> None:
        self._at, self._zero, self._seconds = at, seconds, seconds
        self._speed = speed
        self._sleepers: list[_Sleeper] = []

    def now(self) -> Moment:
        """Read the plant's time."""
        return Moment(self._at + round((self._seconds - self._zero) * MICROSECONDS), self._seconds)

    def steady(self) -> float:
        """Read the same count: between two advances no time passes."""
        return self._seconds

    def real_seconds(self, seconds: float) -> float:
        """Convert plant seconds, which pass `speed` times as fast."""
        return seconds / self._speed

    @property
    def sleepers(self) -> int:
        """How many wait for time to pass."""
        return len(self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Wait until time has been advanced by so much."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = _Sleeper(self._seconds + seconds, asyncio.get_running_loop().create_future())
        self._sleepers.append(sleeper)
        try:
            await sleeper.woken
        finally:
            self._sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake whoever has slept long enough. They run when the test next awaits."""
        self._seconds += seconds
        for sleeper in self._sleepers:
            if sleeper.due_seconds <= self._seconds and not sleeper.woken.done():
                sleeper.woken.set_result(None)

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock, as a time server does; the monotonic count does not notice."""
        self._at += round(seconds * MICROSECONDS)


async def pass_time(clock: ManualClock, condition: Callable[[], object], step: float = 0.05) -> None:
    """Let the plant's time pass whenever somebody waits for it, until the condition holds."""

    def step_on() -> object:
        if not condition() and clock.sleepers:
            clock.advance(step)
        return condition()

    await wait_until(step_on)
