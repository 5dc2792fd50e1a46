"""What is wrong with the requests of plans, as conditions that stand as alarms while they last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.plant import FAILED, NO_EFFECT, NO_EVIDENCE, TRIPPED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.plant import Priority
    from edge_agent.plan.situation import Planned

    Conditions = dict[AlarmKey, tuple[Priority, str]]


def conditions(planned: Planned, idle: Mapping[str, str], ineffective: Mapping[str, str]) -> Conditions:
    """Return the conditions by alarm.

    `idle` says why an actuator (`node/actuator`) seems to have no effect, `ineffective` which effect was missing.
    """
    found: Conditions = {}
    for actuator, why in planned.blind.items():
        found[_key(actuator, NO_EVIDENCE)] = "high", f"{actuator}: {why}"
    for actuator, plan in planned.tripped.items():
        found[_key(actuator, TRIPPED)] = "high", f"{actuator} is held by trip {plan}"
    for actuator, stop in planned.interlocked.stops.items():
        found[_key(actuator, stop.alarm)] = "high", f"{actuator} is held by {stop.reason}"
    for actuator, why in planned.failed.items():
        found[_key(actuator, FAILED)] = "high", f"{actuator}: {why}"
    for actuator, why in idle.items():
        found[_key(actuator, NO_EFFECT)] = "medium", why
    for actuator, why in ineffective.items():
        found[_key(actuator, NO_EFFECT)] = "high", why
    return found


def _key(actuator: str, name: str) -> AlarmKey:
    node, _, identity = actuator.partition("/")
    return AlarmKey(node, identity, name)
