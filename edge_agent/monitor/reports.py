"""What nodes report besides readings: a status, an acknowledgement, the state of an actuator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.dialects import nativewords
from edge_agent.model.inbox import Kind
from edge_agent.monitor.observed import AckReport, StateReport, StatusReport

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from edge_agent.model.inbox import Message
    from edge_agent.model.plant import Node
    from edge_agent.monitor.observed import Observed


def read(observed: Observed, message: Message, nodes: Mapping[str, Node], leaving: Collection[str]) -> str | None:
    """Read a report of the plant's nodes; `leaving` are actuators besides. Return why it cannot be read, if so."""
    route = message.route
    if route.kind is Kind.UNKNOWN:
        return "unknown_topic"
    node = nodes.get(route.node)
    if node is None and not any(name.startswith(f"{route.node}/") for name in leaving):
        return "unknown_node"
    if route.kind is Kind.STATUS:
        return _status(observed, message)
    known = node is not None and route.name in node.actuators
    if not known and f"{route.node}/{route.name}" not in leaving:
        return "unknown_actuator"
    return _acknowledgement(observed, message) if route.kind is Kind.ACK else _state(observed, message)


def _status(observed: Observed, message: Message) -> str | None:
    if not message.payload:  # an empty retained message takes the last one back
        return None
    online = nativewords.status(message.payload)
    if online is None:
        return "status_invalid"
    observed.statuses.append(StatusReport(message.route.node, online))
    return None


def _acknowledgement(observed: Observed, message: Message) -> str | None:
    acknowledgement = nativewords.acknowledgement(message.payload)
    if acknowledgement is None:
        return "ack_invalid"
    actuator = f"{message.route.node}/{message.route.name}"
    observed.acknowledgements.append(AckReport(*acknowledgement, actuator, message))
    return None


def _state(observed: Observed, message: Message) -> str | None:
    if not message.payload:
        return None
    state = nativewords.state(message.payload)
    if state is None:
        return "state_invalid"
    observed.states.append(StateReport(f"{message.route.node}/{message.route.name}", *state))
    return None
