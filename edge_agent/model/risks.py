"""What is allowed in a plant and risky all the same: told by `check`, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import BAD_QUALITY, STALE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.plant import Actuator, Plan, Plant


def risks(plant: Plant) -> Iterator[Misfit]:
    """Yield everything that a plant file may say and that an engineer should know of."""
    safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
    backs = {step.actuator for plan in plant.policy.plans for step in plan.do if step.action == safe.get(step.actuator)}
    for actuator in plant.actuators:
        yield from _unprotected(actuator)
    for plan in plant.policy.plans:
        moved = [step.actuator for step in plan.do if step.action != safe.get(step.actuator)]
        if moved:
            yield from _plan(plant, plan, [name for name in moved if name not in backs])


def _unprotected(actuator: Actuator) -> Iterator[Misfit]:
    path = ("nodes", actuator.node, "actuators", actuator.id)
    for key in ("min_on_seconds", "min_off_seconds"):
        if getattr(actuator, key) == 0:
            yield Misfit((*path, key), "0 protects nothing", "the least time that the equipment bears")
    if actuator.kind == "pump" and actuator.max_starts_per_hour is None:
        yield Misfit((*path, "max_starts_per_hour"), "0 allows any number of starts", "what the motor bears")


def _plan(plant: Plant, plan: Plan, endless: list[str]) -> Iterator[Misfit]:
    path = ("plans", plan.id)
    for actuator in endless:
        wrong = f"no plan asks for the fail-safe action of {actuator}: it ends as soon as the alarms of when do"
        yield Misfit((*path, "do"), wrong, "a plan that stops what this one starts")
    kinds = {AlarmKey.parse(alarm).threshold for alarm in plan.when}
    if kinds & {STALE, BAD_QUALITY}:
        yield Misfit((*path, "when"), "what is not known starts nothing: it will never apply", "a threshold")
    if not plan.without_evidence:
        wrong = "says nothing: the fail-safe action follows when a sensor is silent"
        yield Misfit((*path, "without_evidence"), wrong, 'another sensor, timed running, or { do = "fail_safe" }')
    for sensor in plant.sensors:
        looked = any(alarm.rpartition(":")[0] == sensor.name for alarm in plan.when)
        if looked and "flat_line" not in sensor.quality:
            where = ("nodes", sensor.node, "sensors", sensor.id, "quality", "flat_line")
            yield Misfit(where, "is missing: a frozen sensor would not be noticed", "a flat_line test")
