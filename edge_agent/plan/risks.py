"""What is allowed in a plant and risky all the same: told by `check` and at the start of `run`, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.fitness import Misfit, Risk, threshold_risks
from edge_agent.plan.fitness import known
from edge_agent.plan.interlocks.exclusive import excluded_at_rest
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.overflow import overflow_risks
from edge_agent.plan.provisions.groups import Group
from edge_agent.plan.provisions.registry import provisions_of
from edge_agent.plan.rivalry import Asking, chatter, disagreements, fills, limits_of
from edge_agent.plan.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.plant import Actuator, Plan, Plant
    from edge_agent.plan.kinds.spec import PlanKind


def risks(plant: Plant) -> Iterator[Risk]:
    """Yield everything that a plant file may say and that an engineer should know of."""
    spread = Spread(plant, plant.policy.provisions)
    kinds = {plan.id: kind_of(plan) for plan in plant.policy.plans}
    askings = _askings(plant, kinds)
    names, limits = known(plant, plant.policy), limits_of(plant)
    yield from threshold_risks(plant)
    yield from overflow_risks(plant)
    for actuator in plant.actuators:
        yield from _unprotected(actuator)
        if any(fills(actuator, asking, names, limits) for asking in askings.get(actuator.name, ())):
            yield from _unwatched(actuator)
    for plan in plant.policy.plans:
        if not all(map(spread.is_safe, kinds[plan.id].steps(plant.actuator))):
            yield from _plan(plant, plan, kinds[plan.id])
    for actuator in plant.actuators:
        yield from disagreements(actuator, askings.get(actuator.name, ()), plant, names)
    yield from chatter(askings, plant, names)
    yield from excluded_at_rest(plant)
    yield from _unproven(plant)


def endless(plant: Plant) -> Iterator[Misfit]:
    """Yield what plans begin and nothing ends: no plan asks for the fail-safe action, and theirs has no end.

    The agent ends such a request with the alarms of its plan, and what is begun by nothing else never.
    """
    safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
    kinds = {plan.id: kind_of(plan) for plan in plant.policy.plans}
    spread = Spread(plant, plant.policy.provisions)
    asked = [(name, kind, step) for name, kind in kinds.items() for step in spread.steps(kind.steps(plant.actuator))]
    backs = {step.actuator for _, kind, step in asked if kind.ends or step.action == safe.get(step.actuator)}
    for name, kind, step in asked:
        if step.actuator in safe and step.actuator not in backs and not kind.by_ignorance:
            action = safe[step.actuator]
            wrong = f"nothing ends what it asks of {step.actuator}: no plan asks for {action}, and this one has no end"
            yield Misfit(("plans", name, "do"), wrong, f"an until, or a plan that asks for {action}")


def _askings(plant: Plant, kinds: dict[str, PlanKind]) -> dict[str, list[Asking]]:
    """Collect what plans may ask, by actuator."""
    found: dict[str, list[Asking]] = {}
    for plan in plant.policy.plans:
        kind = kinds[plan.id]
        for step in kind.steps(plant.actuator):
            asking = Asking(plan, kind, step, kind.guards(step, plant.actuator))
            found.setdefault(step.actuator, []).append(asking)
    return found


def _unprotected(actuator: Actuator) -> Iterator[Risk]:
    path = ("nodes", actuator.node, "actuators", actuator.id)
    for key in ("min_on_seconds", "min_off_seconds"):
        if getattr(actuator, key) == 0:
            wrong = "0 protects nothing: what it is switched by may jump, and it follows as often"
            yield Risk(f"no_{key.removesuffix('_seconds')}", (*path, key), wrong, "the least time that it bears")
    if actuator.wiring is not None and actuator.wiring.lease == "none":
        allowed = actuator.wiring.allow_without_lease
        wrong = "nobody ends what was begun" if allowed else "nobody would end what was begun: the agent only advises"
        yield Risk("no_lease", (*path, "lease"), wrong, "a timer of the device")
    if actuator.kind == "pump" and actuator.max_starts_per_hour is None:
        wrong = "0 allows any number of starts: its motor may burn"
        yield Risk("no_max_starts", (*path, "max_starts_per_hour"), wrong, "what the motor bears")


def _unwatched(actuator: Actuator) -> Iterator[Risk]:
    """Find what fills a tank and goes on when nobody commands it."""
    on = {"start": "runs", "open": "stays open"}.get(actuator.fail_safe)
    if on is not None:
        path = ("nodes", actuator.node, "actuators", actuator.id, "fail_safe")
        wrong = f"cut off from the agent it {on}, whatever the level: what it fills may run over"
        yield Risk("fills_unwatched", path, wrong, {"start": "stop", "open": "close"}[actuator.fail_safe])


def _unproven(plant: Plant) -> Iterator[Risk]:
    """Find groups that would never notice that a member does nothing."""
    for name, group in provisions_of(Group, plant.policy.provisions).items():
        members = [plant.actuator(member) for member in group.members]
        if group.on_failure == "next" and len(members) > 1 and not any(one is None or one.expect for one in members):
            wrong = "none proves its effect: one that says it runs and moves no water is never replaced by the next"
            yield Risk("no_feedback", ("groups", name, "members"), wrong, "an expect of each, such as a flow")


def _plan(plant: Plant, plan: Plan, kind: PlanKind) -> Iterator[Risk]:
    path = ("plans", plan.id)
    if kind.by_ignorance:
        wrong = "what is not known starts nothing: it will never apply"
        yield Risk("starts_by_ignorance", (*path, "when"), wrong, "a threshold")
    if not plan.without_evidence and kind.looks:
        wrong = "says nothing: the fail-safe action follows when a sensor is silent"
        yield Risk(
            "default_fallback",
            (*path, "without_evidence"),
            wrong,
            'another sensor, timed running, or { do = "fail_safe" }',
        )
    for sensor in filter(None, map(plant.sensor, kind.watched)):
        if "flat_line" not in sensor.quality:
            where = ("nodes", sensor.node, "sensors", sensor.id, "quality", "flat_line")
            wrong = "is missing: a frozen sensor would not be noticed, and what it is to stop would run on"
            yield Risk("no_flat_line", where, wrong, "a flat_line test")
