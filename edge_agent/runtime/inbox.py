"""The bounded inbox between the connection and the loop."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import takewhile
from operator import itemgetter
from typing import TYPE_CHECKING

from edge_agent.model.inbox import Inbox, PlantChange, PolicyChange
from edge_agent.runtime.portion import fits, front, quick

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.inbox import Event, Message
    from edge_agent.ports.broker import Inlet

#: So many bytes of payloads wait at the most, however few messages they are.
MOST_WAITING_BYTES = 33_554_432
#: Between the turns of what waits others have theirs: a request over HTTP needs three passes of the event loop.
BREATH_SECONDS = 0.001
_payload = itemgetter(2)  # 0.05 µs a message, with its length


class BoundedInbox:
    """Collects what comes in until the loop takes it.

    At `high_water` messages, or MOST_WAITING_BYTES of them, the inlet is paused and the broker keeps the rest; when the
    loop has taken half of them reading goes on. What was read from the socket by then still comes in: the bound is soft
    by as much as the broker sends unacknowledged, and nothing is dropped. Where more waits than fits into one turn,
    small messages and large ones take turns (see `portion`).
    """

    def __init__(self, high_water: int, steady: Callable[[], float]) -> None:
        self.inlet: Inlet | None = None  # set by whoever wires the connection
        self._high_water = high_water
        self._steady = steady
        self._paused = self._held = self._stemmed = False
        self._inbox = Inbox()
        self._first: float | None = None  # when the oldest message came of those since the last take
        self._parts: deque[PolicyChange] = deque()  # of a changed policy
        self._since: dict[int, float] = {}  # when those came that were left waiting by it
        self._bytes = 0  # of the messages that wait
        self._front_next = False  # small ones have had their turn
        self._something = False
        self._waiter: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        paused = ", paused" if self._paused or self._held or self._stemmed else ""
        return f"BoundedInbox({len(self)} messages, {len(self._inbox.events)} events, {self._bytes} bytes{paused})"

    def __len__(self) -> int:
        return len(self._inbox.messages)

    def extend(self, messages: list[Message]) -> None:
        """Add messages from the connection, as many as came together."""
        waiting = self._inbox.messages
        if self._first is None:
            self._first = self._steady()
            self.wake()
        waiting += messages
        self._bytes += sum(map(len, map(_payload, messages)))
        if self._paused or self.inlet is None:
            return
        if len(waiting) >= self._high_water or self._bytes >= MOST_WAITING_BYTES:
            self._paused = True
            self.inlet.pause()

    def report(self, event: Event) -> None:
        """Add an event: it comes with the next turn, however many messages wait.

        Parts of a changed policy come one a turn; a changed plant takes the place of those that wait.
        """
        if isinstance(event, PolicyChange):
            self._parts.append(event)
        else:
            self._inbox.events.append(event)
        if isinstance(event, PlantChange):
            self._parts.clear()
        self.wake()

    def wake(self) -> None:
        """Wake the loop, also where nothing has come."""
        self._something = True
        _end_wait(self._waiter)

    def hold(self) -> None:
        """Pause the inlet for good, for the end: what has come is still taken, and reading does not go on."""
        self._held = True
        if self.inlet is not None:
            self.inlet.pause()

    def stem(self, *, is_stemmed: bool) -> None:
        """Pause the inlet while the loop can hold no more, whatever room there is here, and let it go on after that."""
        if is_stemmed == self._stemmed or self.inlet is None:
            return
        self._stemmed = is_stemmed
        if is_stemmed:
            self.inlet.pause()
        elif not self._held and not self._paused:
            self.inlet.resume()

    async def take(self, wait_seconds: float) -> tuple[Inbox, float | None]:
        """Wait for something to come in, at most so long, and hand over what one turn can hold.

        Returns it and when its first message came.
        """
        if not self._something:
            await self._wait(wait_seconds)
        elif self._since or self._parts:
            await asyncio.sleep(BREATH_SECONDS)
        taken, self._inbox = self._inbox, Inbox()
        if self._parts and not any(isinstance(event, PlantChange) for event in taken.events):
            taken.events.append(self._parts.popleft())
        if self._since or not fits(self._bytes, len(taken.messages)):
            first = self._take_portion(taken)
        else:
            first, self._bytes = self._first, 0
        self._first = None
        self._something = bool(self._since or self._parts)
        self._go_on()
        return taken, first

    def _take_portion(self, taken: Inbox) -> float | None:
        """Leave waiting what does not fit into a turn; return when the first message came of what does."""
        taken.messages, left = self._portion(taken.messages)
        self._inbox.messages = left
        self._bytes = sum(map(len, map(_payload, left)))
        since, first = self._since, self._first or 0.0
        self._since = {id(each): since.get(id(each), first) for each in left}
        return min((since.get(id(each), first) for each in taken.messages), default=None)

    def _portion(self, waiting: list[Message]) -> tuple[list[Message], list[Message]]:
        if not self._since and fits(self._bytes, len(waiting)):
            return waiting, []
        if not self._front_next:
            taken, left = quick(waiting)
            self._front_next = bool(left)
            if taken:
                return taken, left
        self._front_next = False
        # Nothing new beside it: a command would seem to have taken as long as what decided nothing has waited.
        waited = sum(1 for _ in takewhile(lambda each: id(each) in self._since, waiting)) or len(waiting)
        taken, left = front(waiting[:waited])
        return taken, left + waiting[waited:]

    def _go_on(self) -> None:
        if not self._paused or self._held or self._stemmed or self.inlet is None:
            return
        if 2 * len(self) <= self._high_water and 2 * self._bytes <= MOST_WAITING_BYTES:
            self._paused = False
            self.inlet.resume()

    async def _wait(self, seconds: float) -> None:
        # Not an event in a timeout, which takes twice as long: at a low rate each message comes after a wait.
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = loop.call_later(seconds, _end_wait, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None


def _end_wait(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
