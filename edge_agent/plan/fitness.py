"""Whether a policy fits a plant: one check for the plant file, PostgreSQL, Redis and the last known alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.fitness import Misfit, good_range, threshold_misfits
from edge_agent.model.plant import ACTUATOR_ALARMS, BAD_QUALITY, OFFLINE, STALE
from edge_agent.plan.keys import members_of, written
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.provisions.interlocks import text_conflicts
from edge_agent.plan.provisions.registry import PROVISIONS, provision_of
from edge_agent.plan.provisions.tanks import below_brims, brim_misfits
from edge_agent.plan.scene import Known
from edge_agent.plan.spread import Spread
from edge_agent.plan.targets import is_group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.fitness import Place
    from edge_agent.model.plant import Fallback, Plan, Plant, Policy, Provision
    from edge_agent.plan.kinds.spec import PlanKind
    from edge_agent.plan.provisions.spec import ProvisionKind


def misfits(plant: Plant, policy: Policy, fitting: Policy | None = None) -> list[Misfit]:
    """Return everything that a plant cannot do as a policy asks; an empty list where it fits.

    `fitting` is a policy that fits: its thresholds, where they are in the other one, are not looked at again.
    """
    found = list(threshold_misfits(plant, policy, fitting))
    found += _provision_misfits(plant, policy)
    found += _expectation_misfits(plant, policy)
    return [*found, *_Plans(plant, policy).all()] if policy.plans else found


def known(plant: Plant, policy: Policy) -> Known:
    """Collect what the plans of a policy can refer to."""
    alarms = {f"{node}:{OFFLINE}": "" for node in plant.nodes}
    alarms.update((f"{sensor.name}:{name}", "") for sensor in plant.sensors for name in (STALE, BAD_QUALITY))
    alarms.update((f"{actuator.name}:{name}", "") for actuator in plant.actuators for name in ACTUATOR_ALARMS)
    alarms.update((threshold.alarm, threshold.measure) for threshold in policy.thresholds)
    sensors = {sensor.name: sensor.quantity for sensor in plant.sensors}
    actuators = {actuator.name: actuator.kind for actuator in plant.actuators}
    ranges = {sensor.name: good_range(sensor) for sensor in plant.sensors}
    units = {sensor.name: sensor.unit for sensor in plant.sensors}
    provisions: dict[str, dict[str, dict[str, Any]]] = {kind.table: {} for kind in PROVISIONS}
    for kind, name, found in _provisions(policy):
        if isinstance(found, kind):
            provisions[kind.table][name] = written(found)
    return Known(alarms, sensors, actuators, below_brims(ranges, provisions), units, provisions)


def _provisions(policy: Policy) -> Iterator[tuple[type[ProvisionKind], str, ProvisionKind | str]]:
    """Yield the kind and the id of each provision, with what it is, or why that cannot be read."""
    kinds = {kind.name: kind for kind in PROVISIONS}
    for provision in policy.provisions:
        if provision.kind in kinds:
            try:
                found: ProvisionKind | str = provision_of(provision)
            except ValueError as error:
                found = str(error).partition("\n")[0]
            yield kinds[provision.kind], provision.id, found


def _provision_misfits(plant: Plant, policy: Policy) -> Iterator[Misfit]:
    if not policy.provisions:
        return
    names = {kind.name for kind in PROVISIONS}
    for unknown in (each for each in policy.provisions if each.kind not in names):
        yield Misfit(("provisions", unknown.name), "is of no kind that this agent knows", "a newer edge-agent")
    everything = known(plant, policy)
    for kind, name, found in _provisions(policy):
        if isinstance(found, str):
            yield Misfit((kind.table, name), found, f"the keys of a {kind.name}")
            continue
        for conflict in kind.conflicts(written(found), everything):
            yield conflict._replace(path=(kind.table, name, *conflict.path))
    yield from brim_misfits(policy, everything.provisions)


def _expectation_misfits(plant: Plant, policy: Policy) -> Iterator[Misfit]:
    """Find what is expected of equipment in vain."""
    expecting = [actuator for actuator in plant.actuators if actuator.expect is not None]
    everything = known(plant, policy) if expecting else None
    for actuator in expecting:
        if actuator.expect is not None and everything is not None:
            path = ("nodes", actuator.node, "actuators", actuator.id, "expect", "condition")
            yield from text_conflicts(path, actuator.expect.condition, everything)


def _readable(policy: Policy) -> list[Provision]:
    """Return the provisions that can be read."""
    read = {(kind.name, name) for kind, name, found in _provisions(policy) if isinstance(found, kind)}
    return [each for each in policy.provisions if (each.kind, each.id) in read]


class _Plans:
    """The plans of one policy, and what is looked up for them."""

    def __init__(self, plant: Plant, policy: Policy) -> None:
        self._known = known(plant, policy)
        self._find, self._spread = plant.actuator, Spread(plant, _readable(policy))
        self._fail_safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
        self._plans = policy.plans
        self._kinds: dict[str, PlanKind] = {}

    def all(self) -> Iterator[Misfit]:
        for plan in self._plans:
            try:
                self._kinds[plan.id] = kind_of(plan)
            except ValueError as error:
                yield Misfit(("plans", plan.id, "kind"), str(error).partition("\n")[0], "a kind that this agent knows")
        for plan in self._plans:
            if plan.id in self._kinds:
                yield from self._plan(plan, self._kinds[plan.id])

    def _plan(self, plan: Plan, kind: PlanKind) -> Iterator[Misfit]:
        path = ("plans", plan.id)
        for name in sorted(members_of(type(kind)).keys() & {"when", "do"}):
            if not getattr(kind, name):
                yield Misfit((*path, name), "is an empty list", "at least one")
        for found in kind.conflicts(written(kind), self._known):
            yield found._replace(path=(*path, *found.path))
        if not 0 <= plan.priority <= 100:
            yield Misfit((*path, "priority"), f"{plan.priority} is out of range", "a whole number from 0 to 100")
        for place, step in enumerate(kind.steps(self._find)):
            if step.value is not None and not is_group(step.actuator) and not 0 <= step.value <= 1:
                yield Misfit((*path, "do", place, "value"), f"{step.value:g} is out of range", "a number from 0 to 1")
            for part in self._spread.steps([step]):
                wiring = getattr(self._find(part.actuator), "wiring", None)
                if wiring is not None and part.action not in dict(wiring.forms):
                    wrong = f"the command of {part.actuator} has no form for {part.action}"
                    yield Misfit((*path, "do", place, "action"), wrong, "an action that its device is told")
        for place, fallback in enumerate(plan.without_evidence):
            yield from self._fallback((*path, "without_evidence", place), kind, fallback)

    def _fallback(self, path: Place, kind: PlanKind, step: Fallback) -> Iterator[Misfit]:
        given = [step.use is not None, step.run_seconds is not None, step.do is not None]
        if given.count(True) != 1:
            yield Misfit(path, "does not say one thing", "one of use, run_seconds and do")
        elif step.run_seconds is not None:
            every, most = step.every_seconds, step.at_most_seconds
            if every is None or most is None or not step.run_seconds < every <= most:
                expected = "run_seconds below every_seconds, and at_most_seconds at least as long"
                yield Misfit(path, "the times do not fit together", expected)
        elif step.use is not None:
            yield from self._instead((*path, "use"), kind, step.use)

    def _instead(self, path: Place, kind: PlanKind, use: str) -> Iterator[Misfit]:
        """Check another sensor: it must have what the plan looks at, and whoever stops must be able to see by it."""
        if use not in self._known.sensors:
            yield Misfit(path, f"{use} is no sensor of this plant", "one that is declared")
            return
        if not any(self._serves(kind, name, use) for name in kind.looks):
            wrong = f"{use} has not the thresholds that the plan refers to"
            yield Misfit(path, wrong, "a sensor of the same quantity, with thresholds of the same names")
        for step in kind.steps(self._find):
            safe = self._fail_safe.get(step.actuator)
            if safe is not None and step.action != safe and not self._sees(step.actuator, safe, use):
                wrong = f"no plan that asks for {safe} of {step.actuator} looks at {use}"
                yield Misfit(path, wrong, "one that does, or that falls back on it too")

    def _serves(self, kind: PlanKind, sensor: str, use: str) -> bool:
        if self._known.sensors.get(sensor) != self._known.sensors[use]:
            return False
        return self._conflicts(kind.instead(sensor, use)) <= self._conflicts(kind)

    def _conflicts(self, kind: PlanKind) -> int:
        return sum(1 for _ in kind.conflicts(written(kind), self._known))

    def _sees(self, actuator: str, safe: str, sensor: str) -> bool:
        for plan in self._plans:
            kind = self._kinds.get(plan.id)
            if kind is None or not any(
                (step.actuator, step.action) == (actuator, safe) for step in kind.steps(self._find)
            ):
                continue
            if sensor in kind.looks or any(step.use == sensor for step in plan.without_evidence):
                return True
        return False
