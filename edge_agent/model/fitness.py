"""Whether a policy fits a plant: one check for the plant file, PostgreSQL, Redis and the last known alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.evidence import replaced
from edge_agent.model.figures import apart, short
from edge_agent.model.plant import (
    ACTIONS,
    ACTUATOR_ALARMS,
    BAD_QUALITY,
    BUILT_IN_ALARMS,
    ID,
    OFFLINE,
    SIDES,
    STALE,
    VALUE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.plant import Fallback, Plan, Plant, Policy, Sensor, Step, Threshold

    Place = tuple[str | int, ...]


class Misfit(NamedTuple):
    """What does not fit: its place in a plant file, what is wrong, and what was expected."""

    path: tuple[str | int, ...]
    wrong: str
    expected: str

    def __str__(self) -> str:
        place = ""
        for part in self.path:
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
        return f"{place}: {self.wrong}; expected {self.expected}"


def misfits(plant: Plant, policy: Policy) -> list[Misfit]:
    """Return everything that a plant cannot do as a policy asks; an empty list where it fits."""
    return list(_Check(plant, policy).all())


class _Check:
    """The names of one plant and policy, and what is looked up in them."""

    def __init__(self, plant: Plant, policy: Policy) -> None:
        self._plant, self._policy = plant, policy
        self._sensors = {sensor.name: sensor for sensor in plant.sensors}
        self._actuators = {actuator.name: actuator for actuator in plant.actuators}
        self._alarms = {f"{node}:{OFFLINE}" for node in plant.nodes}
        self._alarms.update(f"{sensor}:{name}" for sensor in self._sensors for name in (STALE, BAD_QUALITY))
        self._alarms.update(f"{actuator}:{name}" for actuator in self._actuators for name in ACTUATOR_ALARMS)
        self._alarms.update(threshold.alarm for threshold in policy.thresholds if threshold.measure == VALUE)
        # Not known for a while after a start or a silence: nothing for a plan to start, or to keep running, by.
        self._for_people = {each.alarm: each.measure for each in policy.thresholds if each.measure != VALUE}

    def all(self) -> Iterator[Misfit]:
        for threshold in self._policy.thresholds:
            yield from self._threshold(threshold)
        for plan in self._policy.plans:
            yield from self._plan(plan)

    def _threshold(self, threshold: Threshold) -> Iterator[Misfit]:
        sensor = self._sensors.get(f"{threshold.node}/{threshold.sensor}")
        path = ("nodes", threshold.node, "sensors", threshold.sensor, "thresholds", threshold.name)
        if sensor is None:
            yield Misfit(path, f"there is no sensor {threshold.node}/{threshold.sensor}", "a sensor of this plant")
            return
        if threshold.name in BUILT_IN_ALARMS or not ID.fullmatch(threshold.name):
            wrong = f"{threshold.name!r} is no name of a threshold"
            yield Misfit(path, wrong, "an id that is no alarm which exists without configuration")
        if threshold.measure != VALUE:
            return
        place = "limit" if threshold.name in SIDES else str(threshold.side)
        lowest, highest = good_range(sensor)
        if threshold.above and threshold.limit >= highest:
            limit, most = apart(threshold.limit, highest, short)
            yield Misfit((*path, place), f"no good reading lies above {limit}", f"less than {most}")
        elif not threshold.above and threshold.limit <= lowest:
            limit, least = apart(threshold.limit, lowest, short)
            yield Misfit((*path, place), f"no good reading lies below {limit}", f"more than {least}")

    def _plan(self, plan: Plan) -> Iterator[Misfit]:
        path = ("plans", plan.id)
        for key, alarms in (("when", plan.when), ("unless", plan.unless)):
            for place, alarm in enumerate(alarms):
                if alarm in self._for_people:
                    wrong = f"{alarm} is of {self._for_people[alarm]}, which is not always known"
                    yield Misfit((*path, key, place), wrong, "an alarm of a value; one of a rate is for people")
                elif alarm not in self._alarms:
                    yield Misfit((*path, key, place), f"{alarm} is no alarm of this plant", "one that is declared")
        if not plan.when or not plan.do:
            yield Misfit(path, "it has nothing in when or in do", "at least one alarm and one step")
        for alarm in set(plan.when) & set(plan.unless):
            yield Misfit((*path, "unless"), f"{alarm} is in when as well", "an alarm that is not in when")
        if not 0 <= plan.priority <= 100:
            yield Misfit((*path, "priority"), f"{plan.priority} is out of range", "a whole number from 0 to 100")
        for place, step in enumerate(plan.do):
            yield from self._step((*path, "do", place), step)
        for place, fallback in enumerate(plan.without_evidence):
            yield from self._fallback((*path, "without_evidence", place), plan, fallback)

    def _step(self, path: Place, step: Step) -> Iterator[Misfit]:
        actuator = self._actuators.get(step.actuator)
        if actuator is None:
            yield Misfit((*path, "actuator"), f"{step.actuator} is no actuator of this plant", "one that is declared")
            return
        actions = ACTIONS[actuator.kind]
        if step.action not in actions:
            wrong = f"{step.action} is no action of a {actuator.kind}"
            yield Misfit((*path, "action"), wrong, f"one of {', '.join(actions)}")
        elif (step.action == "set") is not (step.value is not None):
            yield Misfit((*path, "value"), "does not go with the action", "a number with action set, else none")
        elif step.value is not None and not 0 <= step.value <= 1:
            yield Misfit((*path, "value"), f"{step.value:g} is out of range", "a number from 0 to 1")

    def _fallback(self, path: Place, plan: Plan, step: Fallback) -> Iterator[Misfit]:
        given = [step.use is not None, step.run_seconds is not None, step.do is not None]
        if given.count(True) != 1:
            yield Misfit(path, "does not say one thing", "one of use, run_seconds and do")
        elif step.run_seconds is not None:
            every, most = step.every_seconds, step.at_most_seconds
            if every is None or most is None or not step.run_seconds < every <= most:
                expected = "run_seconds below every_seconds, and at_most_seconds at least as long"
                yield Misfit(path, "the times do not fit together", expected)
        elif step.use is not None:
            yield from self._instead((*path, "use"), plan, step.use)

    def _instead(self, path: Place, plan: Plan, use: str) -> Iterator[Misfit]:
        """Check another sensor: it must have what the plan looks at, and whoever stops must be able to see by it."""
        other = self._sensors.get(use)
        if other is None:
            yield Misfit(path, f"{use} is no sensor of this plant", "one that is declared")
            return
        replaceable = [name for name in _sensors_of(plan) if self._serves(plan, name, use)]
        if not replaceable:
            wrong = f"{use} has not the thresholds that the plan refers to"
            yield Misfit(path, wrong, "a sensor of the same quantity, with thresholds of the same names")
        for step in plan.do:
            actuator = self._actuators.get(step.actuator)
            if actuator is not None and step.action != actuator.fail_safe and not self._sees(step.actuator, use):
                wrong = f"no plan that asks for {actuator.fail_safe} of {step.actuator} looks at {use}"
                yield Misfit(path, wrong, "one that does, or that falls back on it too")

    def _serves(self, plan: Plan, sensor: str, use: str) -> bool:
        quantity = self._sensors[sensor].quantity if sensor in self._sensors else None
        alarms = {replaced(alarm, sensor, use) for alarm in (*plan.when, *plan.unless)}
        return quantity == self._sensors[use].quantity and alarms <= self._alarms

    def _sees(self, actuator: str, sensor: str) -> bool:
        safe = self._actuators[actuator].fail_safe
        for plan in self._policy.plans:
            if any(step.actuator == actuator and step.action == safe for step in plan.do):
                falls_back = any(step.use == sensor for step in plan.without_evidence)
                if falls_back or sensor in _sensors_of(plan):
                    return True
        return False


def good_range(sensor: Sensor) -> tuple[float, float]:
    """Return the lowest and the highest value that a good reading of a sensor can have."""
    bounds = sensor.quality.bounds
    return bounds.lowest, bounds.highest


def _sensors_of(plan: Plan) -> set[str]:
    keys = [AlarmKey.parse(alarm) for alarm in (*plan.when, *plan.unless) if ":" in alarm]
    return {f"{key.node}/{key.sensor}" for key in keys if key.sensor}
