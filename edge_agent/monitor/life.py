"""Signs of life: anything newer from a node than its `offline` counts, since a last will may come late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.inbox import Kind
from edge_agent.monitor.observed import StatusReport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.inbox import Message
    from edge_agent.monitor.observed import Observed


def signs(observed: Observed, messages: Iterable[Message], offline: set[str]) -> list[StatusReport]:
    """Return which of the nodes that are, or say that they are, offline have spoken since."""
    gone = offline.union(node for node, online in observed.statuses if not online)
    if not gone:
        return []
    timely = {reading.sensor.node for reading in observed.readings if not reading.late and not reading.sensor.derived}
    alive: dict[str, None] = {}
    heard = [(message.route.node, message.route.kind, message.retained) for message in messages]
    spoken = [(node, kind, retained) for nodes, kind, retained in observed.spoken for node in nodes]
    for node, kind, retained in (*heard, *spoken):
        if kind is Kind.STATUS:
            alive.pop(node, None)
        elif node in gone and not retained and (kind is not Kind.TELEMETRY or node in timely):
            alive[node] = None
    return [StatusReport(node, online=True) for node in alive]
