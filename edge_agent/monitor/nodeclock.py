"""What the times that nodes tell say of their clocks, for an agent that does not know whether its own is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.dialects import native
from edge_agent.model.inbox import Kind
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.inbox import Message
    from edge_agent.model.plant import Node
    from edge_agent.model.readings import Reading
    from edge_agent.model.time import Instant

#: Farther ahead is nonsense: a machine without a clock begins in 1970.
MOST_AHEAD_MICROSECONDS = 100 * 365 * 86_400 * MICROSECONDS


def ahead(
    messages: Iterable[Message], readings: Iterable[Reading], nodes: Mapping[str, Node], now: Instant
) -> dict[str, int]:
    """Return by how many microseconds the clocks of nodes are ahead of a wall time, by what they say: at the least.

    A reading, or a retained state, may have been on its way for long: then a clock is farther ahead than it tells.
    Less than 0 is a clock behind, or one that agrees: what comes has been on its way. It counts once the wall is set.
    """
    found: dict[str, int] = {}
    told = [(reading.sensor.node, reading.observed_at) for reading in readings if not reading.sensor.derived]
    for message in messages:
        node = nodes.get(message.route.node)
        at = native.said_at(message.payload, node.timestamps) if node and message.route.kind is Kind.STATE else None
        if at is not None:
            told.append((message.route.node, at))
    for name, at in told:
        if at - now <= MOST_AHEAD_MICROSECONDS:
            found[name] = max(at - now, found.get(name, at - now))
    return found
