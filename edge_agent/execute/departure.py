"""Actuators that have left the plant: each is sent its fail-safe action until it is confirmed or its lease is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute import recall, requests
from edge_agent.execute.control import Control
from edge_agent.model.commands import ActuatorMemory, Decision, Request
from edge_agent.model.plant import Actuator

if TYPE_CHECKING:
    from edge_agent.model.time import Moment


class Departure(NamedTuple):
    """An actuator on its way out of the plant; after `until_seconds` no lease of its node can last any more."""

    control: Control
    until_seconds: float

    def over(self, seconds: float) -> bool:
        """Whether nothing is left to be done at a monotonic time."""
        return self.control.at_rest or seconds >= self.until_seconds


def depart(control: Control, now: Moment) -> Departure:
    """Request the fail-safe action of an actuator that is no longer in the plant.

    Its last command may reach the node at the end of its life, and holds for a lease from there.
    """
    actuator, record = control.actuator, control.record
    lease_seconds = max(actuator.lease_seconds, 0.0 if record is None else record.command.lease_seconds)
    request = Request(actuator.name, actuator.fail_safe, None, None, 0, absent(actuator.name))
    requests.stand(control, request, now)
    return Departure(control, now.seconds + actuator.command_ttl_seconds + lease_seconds)


def come_back(control: Control, now: Moment) -> None:
    """Go on with an actuator that is in the plant again: its request stands until a plan asks for another."""
    if control.desired is not None and control.safe:
        reason = f"{control.actuator.name} was not in the plant for a while"
        requests.stand(control, control.desired._replace(reason=reason), now)


def absent(name: str) -> str:
    """Say that an actuator is not in the plant."""
    return f"{name} is no longer in the plant"


def remembered(memory: ActuatorMemory, now: Moment) -> Control | None:
    """Return the control of an actuator that only a former run knew; None where that has not said what is safe."""
    if memory.equipment is None:
        return None
    kind, fail_safe, *seconds = memory.equipment
    min_on, lease, timeout, ttl = seconds
    node, _, name = memory.actuator.partition("/")
    actuator = Actuator(
        node,
        name,
        kind,
        fail_safe,
        min_on_seconds=min_on,
        lease_seconds=lease,
        ack_timeout_seconds=timeout,
        command_ttl_seconds=ttl,
    )
    control = Control(actuator, now.seconds)
    recall.remember(control, memory, now)
    return control


def forgotten(name: str) -> ActuatorMemory:
    """Return what the next run must know of an actuator that has left: nothing is left to be done."""
    return ActuatorMemory(name)


def unconfirmed(departure: Departure, now: Moment) -> Decision:
    """Return the record of a fail-safe action that was never confirmed, at the end of the lease."""
    actuator = departure.control.actuator
    why = f"{actuator.fail_safe} was not confirmed, and its lease has run out"
    return _held(actuator.name, actuator.fail_safe, f"{absent(actuator.name)}: {why}", now)


def unknown(name: str, now: Moment) -> Decision:
    """Return the record of an actuator that may run and of which nobody knows what is safe for it."""
    return _held(name, "fail_safe", f"{absent(name)}, and its fail-safe action is not known: its lease ends it", now)


def _held(name: str, action: str, reason: str, now: Moment) -> Decision:
    return Decision(now.at, name, action, None, None, "held", reason)
