"""The only place that reads a clock."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from edge_agent.model.time import MICROSECONDS, Moment


class Clock(Protocol):
    """What the runtime needs of time: the plant's moment, waiting in plant seconds, and real seconds to measure."""

    def now(self) -> Moment:
        """Read the plant's wall clock and monotonic count."""
        ...

    def steady(self) -> float:
        """Read a monotonic count of real seconds, for measuring and for deadlines of the transport."""
        ...

    def real_seconds(self, seconds: float) -> float:
        """Convert plant seconds to real ones."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for plant seconds."""
        ...


def _wall() -> int:
    return time.time_ns() // 1000


class SystemClock:
    """Real time."""

    def now(self) -> Moment:
        """Read the system's clocks."""
        return Moment(_wall(), time.monotonic())

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
    """Real time, `speed` times as fast, from the present on. Drives the demo and the simulated plant."""

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
