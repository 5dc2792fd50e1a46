"""What the agent tells the world besides commands: alarm states and dead letters, in bounded room."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import BrokerUnavailableError, PublishRefusedError, PublishTooLargeError
from edge_agent.model.plant import PRIORITIES
from edge_agent.runtime.resilience import REPUBLISH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from edge_agent.model.alarms import Alarm, AlarmKey
    from edge_agent.model.readings import DeadLetter
    from edge_agent.ports.broker import Outlet

#: Dead letters that wait for the broker at the most. They are in the store as well; the oldest are dropped here.
KEPT_DEAD_LETTERS = 1000
#: Alarm states that are under way at once: a broker's round trip is not waited for ten thousand times.
AT_ONCE = 8
#: What the broker refuses is tried again after a pause that doubles up to this, and with each connection.
LONGEST_PAUSE_SECONDS = 300.0
_RANK = {priority: rank for rank, priority in enumerate(PRIORITIES)}


class Announcer:
    """Publishes what may wait: the agent's status, then alarms by priority, then dead letters.

    Of an alarm only its newest state counts: the topic is retained. What the broker did not take waits for word of the
    next connection, `retry_seconds` at most: a confirmation may fail to come although the connection lasts. What it
    refuses is set aside and holds up no other; what is too large for it is given up.
    """

    def __init__(self, outlet: Outlet, retry_seconds: float = REPUBLISH_SECONDS) -> None:
        self.dropped = 0
        self._outlet = outlet
        self._retry_seconds = self._pause_seconds = retry_seconds
        self._status: str | None = None
        self._alarms: tuple[dict[AlarmKey, Alarm], ...] = tuple({} for _ in PRIORITIES)
        self._letters: deque[DeadLetter] = deque(maxlen=KEPT_DEAD_LETTERS)
        self._refused: dict[AlarmKey, Alarm] = {}  # set aside
        self._refusals = False  # something was refused since the last pause
        self._something = asyncio.Event()
        self._connected = asyncio.Event()

    def __repr__(self) -> str:
        alarms = sum(map(len, self._alarms))
        return f"Announcer({alarms} alarms, {len(self._letters)} dead letters, {len(self._refused)} refused)"

    def status(self, state: str | None) -> None:
        """Queue the agent's own status, or take it back."""
        self._status = state
        if state is not None:
            self._something.set()

    def alarms(self, alarms: Iterable[Alarm]) -> None:
        """Queue alarm states. Those of switch points are nobody's business but the plans'."""
        for alarm in alarms:
            if not alarm.annunciated:
                continue
            for queue in self._alarms:
                queue.pop(alarm.key, None)  # to the end of its queue: one that never rests keeps no other waiting
            if alarm.key in self._refused:
                self._refused[alarm.key] = alarm
            else:
                self._alarms[_RANK[alarm.priority]][alarm.key] = alarm
                self._something.set()

    def dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Queue dead letters, as far as there is room."""
        for letter in letters:
            if len(self._letters) == KEPT_DEAD_LETTERS:
                self.dropped += 1
            self._letters.append(letter)
            self._something.set()

    def connected(self, *, is_connected: bool) -> None:
        """Note the connection; nothing is tried before the first one, and what was refused is with each."""
        if is_connected:
            self._pause_seconds = self._retry_seconds
            self._try_refused_again()
            self._connected.set()
        else:
            self._connected.clear()

    async def run(self) -> None:
        """Publish, until cancelled."""
        await self._connected.wait()
        while True:
            await self._wait_for_work()
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
        """Publish what waits; not beside `run`. Raises BrokerUnavailableError: what was not confirmed waits on.

        What the broker refuses is set aside, and does not raise.
        """
        status = self._status
        if status is not None and await self._taken(lambda: self._outlet.status(status)) and self._status == status:
            self._status = None
        while batch := self._next_alarms():
            await self._publish(batch)
        while self._letters:
            letter = self._letters[0]
            if not await self._taken(lambda letter=letter: self._outlet.dead_letter(letter)):  # type: ignore[misc]
                return
            if self._letters and self._letters[0] is letter:  # else it was dropped meanwhile, for a newer one
                self._letters.popleft()

    async def _wait_for_work(self) -> None:
        if not self._refusals:
            await self._something.wait()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause_seconds):
                await self._something.wait()
            return
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        self._try_refused_again()

    def _try_refused_again(self) -> None:
        self._refusals = False
        refused, self._refused = self._refused, {}
        self.alarms(refused.values())
        if self._status is not None or self._letters:
            self._something.set()

    def _next_alarms(self) -> list[Alarm]:
        """Return the most urgent alarms that wait, as many as may be under way at once."""
        found: list[Alarm] = []
        for queue in self._alarms:
            for alarm in queue.values():
                found.append(alarm)
                if len(found) == AT_ONCE:
                    return found
        return found

    async def _publish(self, batch: list[Alarm]) -> None:
        """Publish alarms side by side. Raises BrokerUnavailableError when all have ended and one was not confirmed."""
        errors: list[BrokerUnavailableError] = []

        async def one(alarm: Alarm) -> None:
            try:
                taken = await self._taken(lambda: self._outlet.alarm(alarm))
            except BrokerUnavailableError as error:
                errors.append(error)
                return
            newest = self._alarms[_RANK[alarm.priority]].get(alarm.key)
            if newest is alarm:  # else a newer state came meanwhile
                del self._alarms[_RANK[alarm.priority]][alarm.key]
                if not taken:
                    self._refused[alarm.key] = alarm

        async with asyncio.TaskGroup() as group:
            for alarm in batch:
                group.create_task(one(alarm), name=f"publish {alarm.key}")
        if errors:
            raise errors[0]

    async def _taken(self, publish: Callable[[], Awaitable[None]]) -> bool:
        """Publish, and return whether that is over; the broker may refuse. Raises BrokerUnavailableError."""
        try:
            await publish()
        except PublishTooLargeError:
            return True  # it never will be taken; whoever found that out has told it
        except PublishRefusedError:
            self._refusals = True
            return False
        return True
