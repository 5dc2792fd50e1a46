"""The pauses between connections to the broker."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: Before attempt n it waits a random part of FIRST * 2**n seconds (full jitter), of LONGEST at most.
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0
#: A connection that ends sooner counts as another failure: else two with one id would take turns for ever, and so would
#: one that the broker ends for what it is told.
LASTING_SECONDS = 10.0


class BackOff:
    """Counts the failures in a row and waits after each. `chance` gives numbers of [0, 1), `sleep` waits."""

    def __init__(
        self,
        *,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        lasting_seconds: float = LASTING_SECONDS,
    ) -> None:
        self._chance, self._sleep, self._lasting_seconds = chance, sleep, lasting_seconds
        self._announced_at: float | None = None
        self.failures = 0

    def __repr__(self) -> str:
        return f"BackOff({self.failures} failures)"

    def announced(self) -> None:
        """Note that a connection is in use."""
        self._announced_at = asyncio.get_running_loop().time()

    def failed(self) -> int:
        """Count a failure, and return how many were in a row before it; a connection that lasted ended the row."""
        announced_at, self._announced_at = self._announced_at, None
        now = asyncio.get_running_loop().time()
        if announced_at is not None and now - announced_at >= self._lasting_seconds:
            self.failures = 0
        self.failures += 1
        return self.failures - 1

    async def wait(self) -> None:
        """Wait before the next connection, longer after each failure."""
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(self.failures - 1, 10))
        await self._sleep(self._chance() * longest)

    async def wait_longest(self) -> None:
        """Wait as long as ever."""
        await self._sleep(LONGEST_WAIT_SECONDS)
