"""What a plan names must exist, and what it asks must be possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.model.plant import ACTIONS, ACTUATOR_ALARMS, BAD_QUALITY, BUILT_IN_ALARMS, OFFLINE, STALE
from edge_agent.settings.findings import Finding, did_you_mean, one_of, show
from edge_agent.settings.schema import ALARM_PHRASE
from edge_agent.settings.tomlfile import items, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.settings.findings import KeyPath

_ACTIONS: dict[Any, tuple[str, ...]] = {**ACTIONS}


class Declared(NamedTuple):
    """What plans can refer to: alarms by name, and actuators with their kind as it is written."""

    alarms: dict[str, None]
    actuators: dict[str, Any]


def declared(raw: dict[str, Any]) -> Declared:
    """Collect the names a plant file declares, sound or not, so that one mistake is told once."""
    names = Declared({}, {})
    for node, content in table(raw.get("nodes")).items():
        names.alarms[f"{node}:{OFFLINE}"] = None
        for sensor, declaration in table(table(content).get("sensors")).items():
            thresholds = table(table(declaration).get("thresholds"))
            names.alarms.update(dict.fromkeys(f"{node}/{sensor}:{name}" for name in (*thresholds, STALE, BAD_QUALITY)))
        for actuator, declaration in table(table(content).get("actuators")).items():
            names.actuators[f"{node}/{actuator}"] = table(declaration).get("kind")
            names.alarms.update(dict.fromkeys(f"{node}/{actuator}:{name}" for name in ACTUATOR_ALARMS))
    return names


def plan_findings(path: KeyPath, plan: dict[str, Any], names: Declared) -> Iterator[Finding]:
    """Find what one plan refers to in vain or asks wrongly."""
    for key in ("when", "unless"):
        for position, alarm in enumerate(items(plan.get(key))):
            if isinstance(alarm, str) and alarm not in names.alarms:
                yield _unknown_alarm((*path, key, position), alarm, list(names.alarms))
    for position, alarm in enumerate(items(plan.get("unless"))):
        if isinstance(alarm, str) and alarm in items(plan.get("when")):
            wrong = f"{show(alarm)} is in when as well: the plan could never apply"
            yield Finding((*path, "unless", position), wrong, "an alarm that is not in when")
    yield from _steps((*path, "do"), items(plan.get("do")), names.actuators)


def _unknown_alarm(path: KeyPath, alarm: str, known: list[str]) -> Finding:
    place, colon, threshold = alarm.partition(":")
    if colon and threshold not in BUILT_IN_ALARMS and f"{place}:{STALE}" in known:
        return Finding(
            path, f"{place} has no threshold {threshold}", f"one that is declared{did_you_mean(alarm, known)}"
        )
    return Finding(path, f"{show(alarm)} is no alarm of this plant", ALARM_PHRASE + did_you_mean(alarm, known))


def _steps(path: KeyPath, steps: list[Any], actuators: dict[str, Any]) -> Iterator[Finding]:
    seen: set[str] = set()
    for position, step in enumerate(steps):
        actuator = table(step).get("actuator")
        if not isinstance(actuator, str):
            continue
        here = (*path, position)
        if actuator in seen:
            yield Finding((*here, "actuator"), f"{show(actuator)} comes twice in this plan", "one step an actuator")
        seen.add(actuator)
        if actuator in actuators:
            yield from _step(here, table(step), actuators[actuator])
        else:
            wrong = f"{show(actuator)} is no actuator of this plant"
            yield Finding((*here, "actuator"), wrong, one_of(actuators, actuator))


def _step(path: KeyPath, step: dict[str, Any], kind: object) -> Iterator[Finding]:
    actions = _ACTIONS.get(kind, ()) if isinstance(kind, str) else ()
    action = step.get("action")
    if not actions or not isinstance(action, str):
        return
    if action not in actions:
        yield Finding((*path, "action"), f"{show(action)} is no action of a {kind}", one_of(actions, action))
    elif action == "set" and "value" not in step:
        yield Finding((*path, "value"), "is missing", "a number from 0 to 1 with action set")
    elif action != "set" and "value" in step:
        yield Finding((*path, "value"), f"is given with action {action}", "a value with action set only")
