"""What is allowed in a plant and risky all the same: told by `check`, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.fitness import Misfit, threshold_risks
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.overflow import overflow_risks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.plant import Actuator, Plan, Plant
    from edge_agent.plan.kinds.spec import PlanKind


def risks(plant: Plant) -> Iterator[Misfit]:
    """Yield everything that a plant file may say and that an engineer should know of."""
    safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
    kinds = {plan.id: kind_of(plan) for plan in plant.policy.plans}
    steps = [step for kind in kinds.values() for step in kind.steps(plant.actuator)]
    backs = {step.actuator for step in steps if step.action == safe.get(step.actuator)}
    backs |= {step.actuator for kind in kinds.values() if kind.ends for step in kind.steps(plant.actuator)}
    yield from threshold_risks(plant)
    yield from overflow_risks(plant)
    for actuator in plant.actuators:
        yield from _unprotected(actuator)
    for plan in plant.policy.plans:
        moved = [
            step.actuator for step in kinds[plan.id].steps(plant.actuator) if step.action != safe.get(step.actuator)
        ]
        if moved:
            yield from _plan(plant, plan, kinds[plan.id], [name for name in moved if name not in backs])


def _unprotected(actuator: Actuator) -> Iterator[Misfit]:
    path = ("nodes", actuator.node, "actuators", actuator.id)
    for key in ("min_on_seconds", "min_off_seconds"):
        if getattr(actuator, key) == 0:
            yield Misfit((*path, key), "0 protects nothing", "the least time that the equipment bears")
    if actuator.wiring is not None and actuator.wiring.lease == "none":
        allowed = actuator.wiring.allow_without_lease
        wrong = "nobody ends what was begun" if allowed else "nobody would end what was begun: the agent only advises"
        yield Misfit((*path, "lease"), wrong, "a timer of the device")
    if actuator.kind == "pump" and actuator.max_starts_per_hour is None:
        yield Misfit((*path, "max_starts_per_hour"), "0 allows any number of starts", "what the motor bears")


def _plan(plant: Plant, plan: Plan, kind: PlanKind, endless: list[str]) -> Iterator[Misfit]:
    path = ("plans", plan.id)
    for actuator in endless:
        wrong = f"no plan asks for the fail-safe action of {actuator}: it ends as soon as the alarms of when do"
        yield Misfit((*path, "do"), wrong, "a plan that stops what this one starts")
    if kind.by_ignorance:
        yield Misfit((*path, "when"), "what is not known starts nothing: it will never apply", "a threshold")
    if not plan.without_evidence and kind.looks:
        wrong = "says nothing: the fail-safe action follows when a sensor is silent"
        yield Misfit((*path, "without_evidence"), wrong, 'another sensor, timed running, or { do = "fail_safe" }')
    for sensor in filter(None, map(plant.sensor, kind.watched)):
        if "flat_line" not in sensor.quality:
            where = ("nodes", sensor.node, "sensors", sensor.id, "quality", "flat_line")
            yield Misfit(where, "is missing: a frozen sensor would not be noticed", "a flat_line test")
