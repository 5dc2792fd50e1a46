"""What the agent tells the world besides commands: alarm states and dead letters, in bounded room."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import BrokerUnavailableError
from edge_agent.runtime.resilience import REPUBLISH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.alarms import Alarm, AlarmKey
    from edge_agent.model.readings import DeadLetter
    from edge_agent.runtime.ports import Outlet

#: Dead letters that wait for the broker at the most. They are in the store as well; the oldest are dropped here.
KEPT_DEAD_LETTERS = 1000


class Outbox:
    """Publishes what may wait. Of an alarm only its newest state counts: the topic is retained.

    What the broker did not take waits for word of the next connection, `retry_seconds` at most: a confirmation may
    fail to come although the connection lasts.
    """

    def __init__(self, outlet: Outlet, retry_seconds: float = REPUBLISH_SECONDS) -> None:
        self.dropped = 0
        self._outlet = outlet
        self._retry_seconds = retry_seconds
        self._status: str | None = None
        self._alarms: dict[AlarmKey, Alarm] = {}
        self._letters: deque[DeadLetter] = deque(maxlen=KEPT_DEAD_LETTERS)
        self._something = asyncio.Event()
        self._connected = asyncio.Event()

    def status(self, state: str | None) -> None:
        """Take the agent's own status to publish, or take it back."""
        self._status = state
        if state is not None:
            self._something.set()

    def alarms(self, alarms: Iterable[Alarm]) -> None:
        """Take alarm states to publish."""
        for alarm in alarms:
            self._alarms.pop(alarm.key, None)  # to the end of the queue: one that never rests keeps no other waiting
            self._alarms[alarm.key] = alarm
            self._something.set()

    def dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Take dead letters to publish, as far as there is room."""
        for letter in letters:
            if len(self._letters) == KEPT_DEAD_LETTERS:
                self.dropped += 1
            self._letters.append(letter)
            self._something.set()

    def connected(self, *, is_connected: bool) -> None:
        """Take note of the connection; nothing is tried before the first one."""
        if is_connected:
            self._connected.set()
        else:
            self._connected.clear()

    async def run(self) -> None:
        """Publish, until cancelled."""
        await self._connected.wait()
        while True:
            await self._something.wait()
            self._something.clear()
            try:
                await self.flush()
            except BrokerUnavailableError as error:
                self._something.set()
                self._connected.clear()
                logger.bind(error=str(error)).debug("Publishing waits for the broker")
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._retry_seconds):
                        await self._connected.wait()

    async def flush(self) -> None:
        """Publish what waits; not beside `run`. Raises BrokerUnavailableError: what was not confirmed waits on."""
        if self._status is not None:
            await self._outlet.status(self._status)
            self._status = None
        while self._alarms:
            key, alarm = next(iter(self._alarms.items()))
            await self._outlet.alarm(alarm)
            if self._alarms.get(key) is alarm:  # else a newer state came meanwhile
                del self._alarms[key]
        while self._letters:
            letter = self._letters[0]
            await self._outlet.dead_letter(letter)
            if self._letters[0] is letter:  # else it was dropped meanwhile, for a newer one
                self._letters.popleft()
