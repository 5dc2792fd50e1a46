"""What of a plant file is in force, and why: what it says, and what stands where it says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.evidence import looks
from edge_agent.model.figures import short
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.settings.plantfile import read_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.model.plant import Actuator, Plan, Plant, Sensor, Threshold
    from edge_agent.settings.tables import Table

_PROTECTIONS = ("min_on_seconds", "min_off_seconds", "max_starts_per_hour")
_TIMES = ("lease_seconds", "command_ttl_seconds", "ack_timeout_seconds")
_MORE = ("ramp_seconds", "power_return_seconds", "hand", "unexpected_retries", "lock_out_after")
_LIMITS = ("deadband", "on_delay_seconds", "off_delay_seconds", "priority")
_GIVEN = "in the file"


def in_force(path: Path, plant: Plant) -> Iterator[str]:
    """Yield a line for each value that is in force for sensors and equipment, with the reason. The file is sound."""
    tables = read_tables(path)
    thresholds: dict[str, list[Threshold]] = {}
    for threshold in plant.policy.thresholds:
        thresholds.setdefault(f"{threshold.node}/{threshold.sensor}", []).append(threshold)
    for sensor in plant.sensors:
        table = tables.nodes[sensor.node].sensors[sensor.id]
        yield from _sensor(sensor, table)
        for threshold in thresholds.get(sensor.name, []):
            yield from _limit(threshold, table.thresholds[threshold.name])
    for actuator in plant.actuators:
        yield from _actuator(actuator, tables.nodes[actuator.node].actuators[actuator.id])
    for plan in plant.policy.plans:
        yield from _plan(plan, plant, tables.plans[plan.id])


def _line(of: str, key: str, value: object, why: str) -> str:
    return f"{of}: {key} = {_written(value)} ({why})"


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    return short(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _why(table: Table, key: str, otherwise: str = "the default") -> str:
    return _GIVEN if getattr(table, key, None) is not None and key in table.model_fields_set else otherwise


def _sensor(sensor: Sensor, table: Any) -> Iterator[str]:  # noqa: ANN401 - the table of a sensor
    parts = "as of its slowest part" if sensor.derived else "the default"
    yield _line(sensor.name, "interval_seconds", sensor.interval_seconds, _why(table, "interval_seconds", parts))
    by = "its freshness test" if Freshness.name in sensor.quality else "three intervals"
    yield _line(sensor.name, "late after, s", sensor.late_seconds, by)
    if sensor.derived is not None:
        yield f"{sensor.name}: = {sensor.derived.expression}"


def _limit(threshold: Threshold, table: Table) -> Iterator[str]:
    yield _line(threshold.alarm, str(threshold.side), threshold.limit, _GIVEN)
    for key in _LIMITS:
        yield _line(threshold.alarm, key, getattr(threshold, key), _why(table, key))


def _plan(plan: Plan, plant: Plant, table: Table) -> Iterator[str]:
    """Say how old the evidence of a plan may be: it is no younger than three intervals of a sensor."""
    for look in looks(kind_of(plan).looks, plan.evidence_seconds, plant):
        if look.within_seconds < float("inf"):
            why = _why(table, "evidence_seconds")
            why = why if look.within_seconds == plan.evidence_seconds else "three of its intervals"
            yield _line(f"plans.{plan.id}", f"evidence of {look.name}, s", look.within_seconds, why)


def _actuator(actuator: Actuator, table: Table) -> Iterator[str]:
    by_size = None if actuator.rated_kw is None else f"NEMA MG 10, of {short(actuator.rated_kw)} kW"
    for key in _PROTECTIONS:
        usual = f"the default of a {actuator.kind}"
        value = getattr(actuator, key)
        why = _why(table, key, usual if by_size is None or key == "min_on_seconds" else by_size)
        yield _line(actuator.name, key, "any number" if value is None else value, why)
    for key in _TIMES:
        yield _line(actuator.name, key, getattr(actuator, key), _why(table, key))
    for key in _MORE:
        yield _line(actuator.name, key, getattr(actuator, key), _why(table, key))
