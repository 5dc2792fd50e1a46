"""Takes bytes from the socket: messages go to the receiver many at a time, every other packet to paho."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from edge_agent.mqtt.packets import extent

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.inbox import Message
    from edge_agent.mqtt.packets import Splitter
    from edge_agent.mqtt.private import Inside

#: What is read before others have their turn in the event loop.
_READ_BYTES = 65_536
#: Of an incomplete packet that is held back until it is whole; of a longer one paho gets the parts as they come.
_MOST_HELD_BYTES = 65_536
#: Messages that are handed over at once; after them a pause is looked for.
_MOST_AT_ONCE = 256


class Found(Enum):
    """What there was to read."""

    NOTHING = "nothing"  # more that is worth another read now
    ALL = "all"  # that had come
    SOME = "some"  # of it; the rest may not wake the event loop


class Intake:
    """The stream of one connection. `wanted` tells whether the receiver takes more; what it does not waits here."""

    def __init__(
        self,
        inside: Inside,
        splitter: Splitter,
        receive: Callable[[list[Message]], None],
        wanted: Callable[[], bool],
    ) -> None:
        self._inside, self._splitter, self._receive, self._wanted = inside, splitter, receive, wanted
        self._held = b""
        self._through = 0  # bytes that are still to come of a packet paho has a part of

    def read(self) -> Found:
        """Read what has come, or the first of much."""
        if self._held:  # from before a pause, or the beginning of a packet
            self._hand_on(self._held)
        taken = 0
        while taken < _READ_BYTES and self._wanted():
            try:
                data = self._inside.receive(_READ_BYTES)
            except BlockingIOError:
                return Found.ALL if taken else Found.NOTHING
            except OSError as error:
                self._inside.end(error)
                return Found.ALL
            if not data:
                self._inside.end(None)
                return Found.ALL
            taken += len(data)
            self._hand_on(self._held + data)
            if len(data) < _READ_BYTES and not self._inside.in_records:
                return Found.ALL
        return Found.SOME

    def _hand_on(self, data: bytes) -> None:
        at, size = self._pass_through(data), len(data)
        while at < size and self._wanted():
            messages, at = self._splitter.split(data, at, _MOST_AT_ONCE)
            if messages:
                self._receive(messages)
            else:
                before, at = at, self._pass_on(data, at)
                if at == before:
                    break
        self._held = data[at:]

    def _pass_through(self, data: bytes) -> int:
        """Let paho go on with the packet it has begun."""
        part = min(self._through, len(data))
        if part:
            self._through -= part
            self._inside.feed(data[:part])
        return part

    def _pass_on(self, data: bytes, at: int) -> int:
        """Let paho read one packet; tell where the next one begins, which is here if this one is to be waited for."""
        size, whole = len(data), extent(data, at)
        if not whole:
            return at
        end = at + whole if whole > 0 else size
        if end > size:
            if whole <= _MOST_HELD_BYTES:
                return at
            self._through = end - size
        self._inside.feed(data[at:end])
        return min(end, size)
