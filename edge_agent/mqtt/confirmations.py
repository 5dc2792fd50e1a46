"""What waits for the broker's word: SUBACK and PUBACK, by packet id."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from edge_agent.mqtt.linkerrors import LinkEndedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.reasoncodes import ReasonCode


class Confirmations:
    """Hands each word of the broker to who waits for it. `changed` is called when something begins or ends to wait."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[list[ReasonCode]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __repr__(self) -> str:
        return f"Confirmations({len(self)} waiting)"

    async def of(self, mid: int) -> list[ReasonCode]:
        """Wait for the broker's word on a packet. Raises LinkEndedError where it cannot come any more."""
        waiting: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._waiting[mid] = waiting
        self._changed()
        try:
            return await waiting
        finally:
            self._waiting.pop(mid, None)
            self._changed()

    def come(self, mid: int, codes: list[ReasonCode]) -> None:
        """Hand on the broker's word on a packet."""
        waiting = self._waiting.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(codes)

    def fail(self, cause: str | Exception) -> None:
        """Fail whatever waits."""
        for waiting in self._waiting.values():
            settle_with_error(waiting, LinkEndedError(f"the connection to the broker is lost: {cause}"))


def settle_with_error(future: asyncio.Future[Any], error: Exception) -> None:
    """Fail what is still waited for; where nobody waits any more, without a complaint of asyncio."""
    if not future.done():
        future.set_exception(error)
        future.exception()
