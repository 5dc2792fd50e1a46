"""Whether a tank could run over before a lease ends: what if the agent were gone right then."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.figures import short
from edge_agent.model.fitness import Risk
from edge_agent.model.units import conversion
from edge_agent.plan.conditions.meaning import crossed
from edge_agent.plan.kinds.condition import Condition
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.kinds.stages import Stages
from edge_agent.plan.provisions.registry import provisions_of
from edge_agent.plan.provisions.tanks import Tank
from edge_agent.plan.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.plant import Plan, Plant
    from edge_agent.plan.kinds.spec import PlanKind

_HOUR_SECONDS = 3600.0


class Freeboard(NamedTuple):
    """From which level, in m, a tank is full how soon at its highest inflow, in m3/h."""

    level: float
    inflow: float
    seconds: float


def overflow_risks(plant: Plant) -> Iterator[Risk]:
    """Yield the leases that are longer than a tank takes to run over, and inflows of which nobody knows the most."""
    for name, tank in provisions_of(Tank, plant.policy.provisions).items():
        unbounded = [flow for flow in tank.inflows if _most(plant, flow) is None]
        for flow in unbounded:
            path = ("tanks", name, "inflows", tank.inflows.index(flow))
            wrong = f"{flow} has no gross_range: how soon the tank may run over is not known"
            yield Risk("unbounded_inflow", path, wrong, "a gross_range of it")
        freeboard = None if unbounded else _freeboard(plant, tank)
        if freeboard is not None:
            yield from _leases(plant, name, tank, freeboard)


def _leases(plant: Plant, name: str, tank: Tank, freeboard: Freeboard) -> Iterator[Risk]:
    for actuator in _filling(plant, tank):
        found = plant.actuator(actuator)
        if found is None or found.lease_seconds <= freeboard.seconds:
            continue
        path = ("nodes", found.node, "actuators", found.id, "lease_seconds")
        wrong = (
            f"{short(found.lease_seconds)} is longer than tank {name} takes to run over at its highest inflow "
            f"({short(freeboard.inflow)} m3/h): {freeboard.seconds:.0f} s from {short(freeboard.level)} m"
        )
        yield Risk(
            "lease_outlasts_tank", path, wrong, f"{freeboard.seconds:.0f} at the most, or a stop at a lower level"
        )


def _most(plant: Plant, flow: str) -> float | None:
    """Return the most that a sensor of a flow can show, in m3/h; None where nobody has said it."""
    sensor = plant.sensor(flow)
    limits: tuple[float, float] | None = getattr(sensor and sensor.quality.get("gross_range"), "fail", None)
    if sensor is None or limits is None:
        return None
    to = conversion(sensor.quantity, sensor.unit, "m3/h")
    return None if to is None else limits[1] * to.scale


def _freeboard(plant: Plant, tank: Tank) -> Freeboard | None:
    """Return how soon the tank runs over from the highest level at which something still fills it."""
    sensor = plant.sensor(tank.level)
    to = None if sensor is None else conversion(sensor.quantity, sensor.unit, "m")
    inflow = sum(_most(plant, flow) or 0.0 for flow in tank.inflows)
    if to is None or inflow <= 0:
        return None
    brim, highest = tank.brim * to.scale, max(_stops(plant, tank), default=0.0) * to.scale
    return Freeboard(highest, inflow, max(0.0, brim - highest) * tank.area_m2 / inflow * _HOUR_SECONDS)


def _stops(plant: Plant, tank: Tank) -> Iterator[float]:
    """Yield the levels below the brim at which plans end what fills the tank, by all that they look at."""
    limits = {each.alarm: each for each in plant.policy.thresholds if f"{each.node}/{each.sensor}" == tank.level}
    unit = getattr(plant.sensor(tank.level), "unit", "")
    for plan in plant.policy.plans:
        kind = kind_of(plan)
        if isinstance(kind, Stages):
            yield from (stage.off for stage in kind.stages if kind.measure == tank.level and kind.direction == "fill")
        alarms = [limits[alarm] for alarm in kind.alarms if alarm in limits]
        yield from (limit.limit for limit in alarms if limit.above and limit.limit < tank.brim)
        texts = (*kind.when, *kind.unless, *kind.until) if isinstance(kind, Condition) else ()
        yield from (value for above, value in crossed(texts, tank.level, unit) if above and value < tank.brim)


def _filling(plant: Plant, tank: Tank) -> list[str]:
    """Return the actuators that plans move by the level in the way that fills the tank."""
    safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
    kinds = [(plan, kind_of(plan)) for plan in plant.policy.plans]
    filling = [kind for plan, kind in kinds if _fills(plan, kind, plant, tank)]
    steps = Spread(plant, plant.policy.provisions).steps(
        step for kind in filling for step in kind.steps(plant.actuator)
    )
    return list(dict.fromkeys(step.actuator for step in steps if step.action != safe.get(step.actuator)))


def _fills(plan: Plan, kind: PlanKind, plant: Plant, tank: Tank) -> bool:
    """Whether a plan looks at the level and does not begin because that is high."""
    if tank.level not in kind.looks:
        return False
    if isinstance(kind, Stages):
        return kind.direction == "fill"
    limits = (each for each in plant.policy.thresholds if f"{each.node}/{each.sensor}" == tank.level)
    high = any(each.above and each.alarm in plan.when for each in limits)
    when = kind.when if isinstance(kind, Condition) else ()
    return not high and not any(above for above, _ in crossed(when, tank.level, ""))
