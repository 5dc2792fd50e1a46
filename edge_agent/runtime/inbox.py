"""The bounded inbox between the connection and the loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge_agent.model.inbox import BreakerReport, DeliveryReport, Inbox, RenewalReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.inbox import Message
    from edge_agent.model.plant import Policy
    from edge_agent.runtime.ports import Inlet


class BoundedInbox:
    """Collects what comes in until the loop takes it.

    At `high_water` messages the inlet is paused and the broker keeps the rest; when the loop has taken them reading
    goes on. What was read from the socket by then still comes in: the bound is soft by as much as the broker sends
    unacknowledged, and nothing is dropped.
    """

    def __init__(self, high_water: int, steady: Callable[[], float]) -> None:
        self.inlet: Inlet | None = None  # set by whoever wires the connection
        self.pauses = 0
        self._high_water = high_water
        self._steady = steady
        self._paused = self._held = self._stemmed = False
        self._inbox = Inbox()
        self._first: float | None = None  # when the oldest waiting message came
        self._something = asyncio.Event()

    def __len__(self) -> int:
        return len(self._inbox.messages)

    def put(self, message: Message) -> None:
        """Take a message from the connection. Called for each one: it must stay cheap."""
        messages = self._inbox.messages
        messages.append(message)
        if len(messages) == 1:
            self._first = self._steady()
            self._something.set()
        if len(messages) >= self._high_water and not self._paused and self.inlet is not None:
            self._paused = True
            self.pauses += 1
            self.inlet.pause()

    def report(self, report: DeliveryReport | BreakerReport | RenewalReport) -> None:
        """Take word from the delivery of commands, or from the store."""
        if isinstance(report, DeliveryReport):
            self._inbox.deliveries.append(report)
        elif isinstance(report, RenewalReport):
            self._inbox.renewals.append(report)
        else:
            self._inbox.breakers.append(report)
        self._something.set()

    def adopt(self, policy: Policy) -> None:
        """Take a changed policy; of several only the last counts."""
        self._inbox.policy = policy
        self._something.set()

    def wake(self) -> None:
        """Let the loop turn although nothing has come."""
        self._something.set()

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
        """Wait for something to come in, at most so long, and hand over all of it and when its first message came."""
        try:
            async with asyncio.timeout(wait_seconds):
                await self._something.wait()
        except TimeoutError:
            pass
        taken, self._inbox = self._inbox, Inbox()
        first, self._first = self._first, None
        self._something.clear()
        if self._paused and not self._held and not self._stemmed and self.inlet is not None:
            self._paused = False
            self.inlet.resume()
        return taken, first
