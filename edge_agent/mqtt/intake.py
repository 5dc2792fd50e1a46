"""Takes bytes from the socket: messages go to the receiver many at a time, every other packet to paho.

A message that is too large is never put together: its beginning is kept, its rest is passed over as it comes.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

from edge_agent.mqtt.packets import LONGEST_BEGINNING, LONGEST_PACKET, extent, has_long_topic, is_publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.inbox import Message
    from edge_agent.mqtt.packets import Splitter

#: What is read before others have their turn in the event loop.
_READ_BYTES = 65_536
#: So much where it holds but few messages: what stands behind them may be what decides, and they cost nothing to read.
_BULK_BYTES, _FEW_MESSAGES = 1_048_576, 32
#: Messages that are handed over at once; after them a pause is looked for.
_MOST_AT_ONCE = 256
#: Bytes below are of the packet type 0, which does not exist; and a whole packet of it, for paho to refuse.
_LEAST_TYPE, _RESERVED = 0x10, b"\x00\x00"


class Found(Enum):
    """What there was to read."""

    NOTHING = "nothing"  # more that is worth another read now
    ALL = "all"  # that had come
    SOME = "some"  # of it; the rest may not wake the event loop


class Feed(Protocol):
    """The socket to read, and the library that is fed whatever is no plain message."""

    @property
    def in_records(self) -> bool:
        """Whether the socket gives what has come in parts (TLS), so that a short read does not mean the end of it."""
        ...

    def receive(self, most: int) -> bytes:
        """Read the socket. Raises BlockingIOError where nothing is there."""
        ...

    def feed(self, data: bytes) -> None:
        """Hand one packet or a part of one to the library."""
        ...

    def end(self, error: OSError | None) -> None:
        """Hand the end of the stream, or the failure of reading it, to the library."""
        ...


class Intake:
    """The stream of one connection. `wanted` says whether the receiver takes more; what it does not waits here."""

    def __init__(
        self,
        source: Feed,
        splitter: Splitter,
        receive: Callable[[list[Message]], None],
        wanted: Callable[[], bool],
    ) -> None:
        self._source, self._splitter, self._receive, self._wanted = source, splitter, receive, wanted
        self.taken = 0  # bytes that the last read took from the socket
        self._held = b""
        self._unwanted = 0  # bytes that are still to come of a message that is too large
        self._beginning: Message | None = None  # of it

    def __repr__(self) -> str:
        return f"Intake({len(self._held)} bytes held, {self._unwanted} to pass over)"

    def read(self) -> Found:
        """Read what has come, or the first of much, and hand it on."""
        if self._held:  # from before a pause, or the beginning of a packet
            self._hand_on(self._held)
            if not self._wanted():
                return Found.SOME
        self.taken = few = 0
        while True:
            data, found = self._gather()
            self.taken += len(data)
            if data:
                few += self._hand_on(self._held + data)
            if found is not Found.SOME or few > _FEW_MESSAGES or self.taken >= _BULK_BYTES or not self._wanted():
                return found

    def _gather(self) -> tuple[bytes, Found]:
        """Read until nothing is there. TLS gives one record at a time, and Mosquitto makes one of each packet."""
        parts: list[bytes] = []
        taken, found = 0, Found.SOME
        while taken < _READ_BYTES:
            try:
                part = self._source.receive(_READ_BYTES)
            except BlockingIOError:
                found = Found.ALL if taken else Found.NOTHING
                break
            except OSError as error:
                self._end(taken, error)
                break
            if not part:
                self._end(taken, None)
                break
            parts.append(part)
            taken += len(part)
            if len(part) < _READ_BYTES and not self._source.in_records:
                found = Found.ALL
                break
        return b"".join(parts), found

    def _end(self, taken: int, error: OSError | None) -> None:
        """Hand on the end, unless something came before it: then the next read finds it again."""
        if not taken:
            self._source.end(error)

    def _hand_on(self, data: bytes) -> int:
        """Hand on what is whole, and hold the rest; return how many messages went."""
        at, size, count = self._pass_over(data, 0), len(data), 0
        while at < size and self._wanted():
            messages, at = self._splitter.split(data, at, _MOST_AT_ONCE)
            if messages:
                count += len(messages)
                self._receive(messages)
            else:
                before, at = at, self._pass_on(data, at)
                if at == before:
                    break
        self._held = data[at:]
        return count

    def _pass_over(self, data: bytes, at: int) -> int:
        """Leave out what belongs to a message that is too large; hand over its beginning when all of it has come."""
        part = min(self._unwanted, len(data) - at)
        self._unwanted -= part
        if self._beginning is not None and not self._unwanted:
            beginning, self._beginning = self._beginning, None
            self._receive([beginning])
        return at + part

    def _pass_on(self, data: bytes, at: int) -> int:
        """Hand one packet to paho; return where the next one begins, which is here if this one is to be waited for."""
        if data[at] < _LEAST_TYPE:
            # paho takes the 0 for "no packet yet" and, where the rest is not there, goes on in the middle of it.
            return self._refuse(data)
        size, whole = len(data), extent(data, at)
        if not whole:
            return at
        end = at + whole if whole > 0 else size
        if whole > LONGEST_PACKET:
            return self._exceed(data, at, end)
        if end > size:
            return at
        if whole > 0 and is_publish(data, at) and has_long_topic(data, at):
            return self._exceed(data, at, end)
        self._source.feed(data[at:end])
        return end

    def _exceed(self, data: bytes, at: int, end: int) -> int:
        """Begin to pass over a message that is too large. Nothing else is of such a size, and nobody waits for it."""
        if not is_publish(data, at):
            return self._refuse(data)
        if len(data) < min(end, at + LONGEST_BEGINNING):
            return at
        self._beginning = self._splitter.beginning(data, at, end)
        if self._beginning is None:
            return self._refuse(data)
        self._unwanted = end - at
        return self._pass_over(data, at)

    def _refuse(self, data: bytes) -> int:
        """Feed paho what makes it end the connection."""
        self._source.feed(_RESERVED)
        return len(data)
