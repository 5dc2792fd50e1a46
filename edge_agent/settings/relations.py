"""What a plant file's values must be to each other: order of limits, units of quantities, names that exist.

Reads the raw tables and not the validated ones, so that one mistake does not hide the next; what has the wrong
type is passed over here, because the schema has named it already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.civil import is_zone
from edge_agent.model.figures import apart, finite, short
from edge_agent.model.plant import ACTIONS
from edge_agent.model.spelling import one_of, show
from edge_agent.model.units import QUANTITIES, conversion
from edge_agent.monitor.tests.registry import TESTS
from edge_agent.settings.findings import Finding
from edge_agent.settings.plans import declared, plan_findings, provision_findings
from edge_agent.settings.thresholds import threshold_findings
from edge_agent.settings.timing import TIMING_KEYS, timing
from edge_agent.settings.tomlfile import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.settings.findings import KeyPath

#: A fail-safe state has no number to choose: it is one of the two ends.
_FAIL_SAFES: dict[str, list[str]] = {
    kind: [action for action in actions if action != "set"] for kind, actions in ACTIONS.items()
}

#: Whoever waits longer after a return of power has forgotten it.
_LONGEST_RETURN_SECONDS = 86_400.0


def relations(raw: dict[str, Any]) -> Iterator[Finding]:
    """Find everything in a plant file that does not fit together."""
    for node, content in table(raw.get("nodes")).items():
        for sensor, declaration in table(table(content).get("sensors")).items():
            yield from _sensor(("nodes", node, "sensors", sensor), table(declaration))
        for actuator, declaration in table(table(content).get("actuators")).items():
            yield from _actuator(("nodes", node, "actuators", actuator), table(declaration))
    timezone = table(raw.get("site")).get("timezone")
    if isinstance(timezone, str) and not is_zone(timezone):
        wrong = f"{show(timezone)} is no time zone that this machine knows"
        yield Finding(("site", "timezone"), wrong, "one of the IANA's, such as Europe/Berlin")
    names = declared(raw)
    for plan, content in table(raw.get("plans")).items():
        yield from plan_findings(("plans", plan), table(content), names)
    yield from provision_findings(raw, names)


def _sensor(path: KeyPath, sensor: dict[str, Any]) -> Iterator[Finding]:
    yield from _unit(path, sensor.get("quantity"), sensor.get("unit"))
    quality = table(sensor.get("quality"))
    for test in TESTS:
        given = quality.get(test.name)
        if isinstance(given, dict):
            for conflict in test.conflicts(given):
                yield Finding((*path, "quality", test.name, *conflict.path), conflict.wrong, conflict.expected)
    yield from threshold_findings((*path, "thresholds"), table(sensor.get("thresholds")))


def _unit(path: KeyPath, quantity: object, unit: object) -> Iterator[Finding]:
    if not isinstance(quantity, str):
        return
    units = QUANTITIES.get(quantity)
    if units is None:
        yield Finding((*path, "quantity"), f"{show(quantity)} is not a known quantity", one_of(QUANTITIES, quantity))
    elif isinstance(unit, str) and conversion(quantity, unit, unit) is None:
        yield Finding((*path, "unit"), f"{show(unit)} is not a unit of {quantity}", one_of(units, unit))


def _actuator(path: KeyPath, actuator: dict[str, Any]) -> Iterator[Finding]:
    kind, fail_safe = actuator.get("kind"), actuator.get("fail_safe")
    actions = _FAIL_SAFES.get(kind) if isinstance(kind, str) else None
    if actions and isinstance(fail_safe, str) and fail_safe not in actions:
        wrong = f"{show(fail_safe)} cannot be the fail-safe action of a {kind}"
        yield Finding((*path, "fail_safe"), wrong, one_of(actions, fail_safe))
    if kind == "valve" and "rated_kw" in actuator:
        yield Finding((*path, "rated_kw"), "is given for a valve", "the size of a pump's motor")
    yield from _timing(path, actuator)
    window = actuator.get("power_return_seconds")
    numbers = [finite(each) for each in window] if isinstance(window, list) and len(window) == 2 else []
    low, high = numbers if len(numbers) == 2 else (None, None)
    if low is not None and high is not None and not 0 <= low <= high <= _LONGEST_RETURN_SECONDS:
        expected = f"the shortest and the longest time, from 0 to {_LONGEST_RETURN_SECONDS:g}"
        yield Finding((*path, "power_return_seconds"), f"{short(low)} to {short(high)} is no time to wait", expected)


def _timing(path: KeyPath, actuator: dict[str, Any]) -> Iterator[Finding]:
    given = [actuator.get(name) for name in TIMING_KEYS]
    if any(value is not None and not (finite(value) or 0) > 0 for value in given):
        return
    lease, ttl, ack = timing(*(finite(value) for value in given))
    ramp = finite(actuator.get("ramp_seconds"))
    if ramp is not None and ramp > lease / 2:
        wrong = f"{short(ramp)} is more than half of lease_seconds {short(lease)}: what waits for it could outlive that"
        yield Finding((*path, "ramp_seconds"), wrong, "half of lease_seconds at the most")
    if ack >= ttl:
        first, second = apart(ack, ttl, short)
        wrong = f"{first} is not less than command_ttl_seconds {second}"
        yield Finding((*path, "ack_timeout_seconds"), wrong, "less than command_ttl_seconds")
