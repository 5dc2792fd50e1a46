"""What others may see of actuators and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.equipment import fulfils
from edge_agent.execute.prospects import prospect, words
from edge_agent.model.remembered import ActuatorView, NodeView

if TYPE_CHECKING:
    from collections.abc import Container

    from edge_agent.execute.control import Control
    from edge_agent.execute.execution import Executor
    from edge_agent.execute.reach import Reach
    from edge_agent.model.plant import Node
    from edge_agent.model.time import Moment


#: What equipment is that has done what was asked.
_DONE = {"running": "start", "stopped": "stop", "open": "open", "closed": "close"}


def actuator_view(control: Control, seconds: float, *, is_free: bool) -> ActuatorView:
    """Return an actuator as it is at a monotonic time; `is_free`: no trip holds it, and its node can be asked."""
    actuator, reported, request, record = control.actuator, control.reported, control.desired, control.record
    return ActuatorView(
        actuator.node,
        actuator.id,
        actuator.kind,
        reported.state if reported else None,
        reported.value if reported else None,
        request.action if request else None,
        request.value if request else None,
        request.plan if request else None,
        record.state.value if record else None,
        control.state.value,
        is_free and not control.panel.taken and not control.lock_out.locked,
        control.runs.starts,
        control.runs.run_seconds(seconds),
        actuator.label,
    )


def actuator_words(executor: Executor, name: str, *, tripped: bool) -> dict[str, bool]:
    """Return how an actuator is, by words, as far as that is known: of one whose node is offline not what it does."""
    control = executor.roster.plant.get(name)
    if control is None:
        return {}
    node, reported = control.actuator.node, control.reported
    free = executor.reach.can_be_asked(node) and not control.panel.taken and not control.lock_out.locked
    found = {"tripped": tripped, "available": free and not tripped}
    if reported is None or executor.reach.online.get(node) is False:
        return found
    does = {word: fulfils(action, None, reported) for word, action in _DONE.items()}
    return found | {"local": reported.local} | {word: done for word, done in does.items() if done is not None}


def possible_words(executor: Executor, name: str, seconds: float, *, tripped: bool) -> dict[str, bool]:
    """Return the same, but of what an actuator does only what it cannot but do: open commands count."""
    known = actuator_words(executor, name, tripped=tripped)
    control = executor.roster.plant.get(name)
    on = None if control is None else prospect(control, seconds, there=executor.reach.is_there(control.actuator.node))
    certain = {} if on is None else words(on=on)
    return {word: so for word, so in known.items() if word not in _DONE} | certain


def actuator_views(executor: Executor, tripped: Container[str], now: Moment) -> tuple[ActuatorView, ...]:
    """Return the actuators of the plant; `tripped` are those that a trip holds."""
    can_be_asked = executor.reach.can_be_asked
    return tuple(
        actuator_view(control, now.seconds, is_free=can_be_asked(control.actuator.node) and name not in tripped)
        for name, control in executor.roster.plant.items()
    )


def node_view(reach: Reach, node: Node) -> NodeView:
    """Return one node of the plant."""
    return NodeView(node.id, reach.online.get(node.id), reach.breaker(node.id), node.label)
