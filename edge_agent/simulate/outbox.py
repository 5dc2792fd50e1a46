"""What a node has said and nobody has published yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.simulate.nodewire import Outgoing

#: About what a small device keeps while the broker is away. When it is full the oldest message goes.
CAPACITY = 1000


class SendQueue:
    """A bounded queue, in order. `dropped` counts what went because it was full."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._messages: deque[Outgoing] = deque(maxlen=capacity)
        self._filled = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, messages: Iterable[Outgoing]) -> None:
        """Add messages, the oldest first."""
        for message in messages:
            self.dropped += len(self._messages) == self._messages.maxlen
            self._messages.append(message)
        if self._messages:
            self._filled.set()

    async def first(self) -> Outgoing:
        """Wait for the oldest message, and leave it in place: it may yet fail to be published."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        return self._messages[0]

    def remove(self, message: Outgoing) -> None:
        """Remove the oldest message, unless it was dropped meanwhile."""
        if self._messages and self._messages[0] is message:
            self._messages.popleft()
