"""Which of the messages that wait go into the next turn, where there is too much for one.

A node that catches up sends much, and a turn over all of it would hold up everybody's reaction. Measured in bytes: what
a message holds is known only when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.inbox import Kind

if TYPE_CHECKING:
    from edge_agent.model.inbox import Message

#: So much is taken into one turn of small messages: a thousand live readings.
MOST_BYTES = 131_072
#: On the average small ones are no larger than this.
_MEAN_BYTES = 512
#: A larger message carries many readings: such wait for those that carry few.
LARGE_BYTES = 4_096
#: So much is taken of what waits in turn: one of the largest messages.
FRONT_BYTES = 65_536


class _Left:
    """What stays behind, as far as it keeps others behind: nothing overtakes its own topic.

    A status keeps its place among all that its node says, for it tells what is older and what newer. The topic of many
    sensors keeps its place among the telemetry of its node. Acknowledgements and states overtake telemetry.
    """

    def __init__(self) -> None:
        self._topics: set[str] = set()
        self._nodes: set[str] = set()
        self._statuses: set[str] = set()
        self._frames: set[str] = set()

    def add(self, message: Message) -> None:
        kind, node, name = message.route
        self._topics.add(message.topic)
        self._nodes.add(node)
        if kind is Kind.STATUS:
            self._statuses.add(node)
        elif kind is Kind.TELEMETRY and not name:
            self._frames.add(node)

    def holds(self, message: Message) -> bool:
        kind, node, name = message.route
        if message.topic in self._topics or node in self._statuses:
            return True
        if kind is Kind.TELEMETRY:
            return node in (self._frames if name else self._nodes)
        return kind is Kind.STATUS and node in self._nodes


def fits(size: int, count: int) -> bool:
    """Whether so many messages of that size together are few enough, or small enough, for one turn."""
    return size <= FRONT_BYTES or size <= min(MOST_BYTES, _MEAN_BYTES * count)


def quick(waiting: list[Message]) -> tuple[list[Message], list[Message]]:
    """Choose what may go first: small messages, in their order; return them and the others."""
    taken: list[Message] = []
    others: list[Message] = []
    left, room = _Left(), MOST_BYTES
    for message in waiting:
        size = len(message.payload)
        if size > LARGE_BYTES or size > room or left.holds(message):
            left.add(message)
            others.append(message)
        else:
            room -= size
            taken.append(message)
    return taken, others


def front(waiting: list[Message]) -> tuple[list[Message], list[Message]]:
    """Choose what has waited longest; return it, one message at the least, and the others."""
    room = FRONT_BYTES
    for count, message in enumerate(waiting):
        room -= len(message.payload)
        if room < 0 and count:
            return waiting[:count], waiting[count:]
    return waiting, []
