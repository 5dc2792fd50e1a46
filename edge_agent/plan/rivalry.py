"""Plans that may ask different things of one actuator at once, or in turn at one value of a sensor."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.expressions.quantities import Number, Shows
from edge_agent.model.fitness import Risk
from edge_agent.model.plant import VALUE
from edge_agent.plan.conditions.clauses import Compared, Joined
from edge_agent.plan.conditions.possible import Between, Implied, ways
from edge_agent.plan.conditions.text import is_plain, parse
from edge_agent.plan.kinds.condition import Condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from edge_agent.model.plant import Actuator, Plan, Plant, Step
    from edge_agent.plan.conditions.clauses import Clause
    from edge_agent.plan.kinds.spec import PlanKind
    from edge_agent.plan.scene import Known

#: The quantities of what can run over.
_LEVELS = frozenset({"level", "volume"})


class Asking(NamedTuple):
    """What one plan may ask of one actuator, and the conditions that hold whenever it does."""

    plan: Plan
    kind: PlanKind
    step: Step
    guards: tuple[str, ...]

    def differs(self, other: Asking) -> bool:
        """Whether another plan asks for something else."""
        mine, others = (self.step.action, self.step.value), (other.step.action, other.step.value)
        return self.plan.id != other.plan.id and mine != others


def limits_of(plant: Plant) -> Mapping[str, Implied]:
    """Return what each alarm of a value says of its sensor while it is active."""
    found = {}
    for limit in plant.policy.thresholds:
        if limit.measure == VALUE:
            span = Between(low=limit.clears_at) if limit.above else Between(high=limit.clears_at)
            found[limit.alarm] = Implied(f"{limit.node}/{limit.sensor}", span)
    return found


def disagreements(actuator: Actuator, askings: Sequence[Asking], plant: Plant, names: Known) -> Iterator[Risk]:
    """Yield the plans of equal priority that may ask different things of an actuator at once."""
    limits = limits_of(plant) if len(askings) > 1 else {}
    told: set[tuple[str, str]] = set()
    for one, other in combinations(askings, 2):
        pair = (one.plan.id, other.plan.id)
        if one.plan.priority != other.plan.priority or not one.differs(other) or pair in told:
            continue
        if one.plan.trip or other.plan.trip or ways((*one.guards, *other.guards), names, limits=limits) == []:
            continue
        told.add(pair)
        safe = actuator.fail_safe
        wins = (
            f"then {safe}, its fail-safe action, wins"
            if safe in {one.step.action, other.step.action}
            else "then the name decides"
        )
        asked = f"{one.plan.id} {one.step.action}, {other.plan.id} {other.step.action}"
        wrong = f"at equal priority two plans may ask different things of {actuator.name} at once ({asked}): {wins}"
        yield Risk("equal_priority", ("plans", other.plan.id, "priority"), wrong, "the higher one where it shall win")


def fills(actuator: Actuator, asking: Asking, names: Known, limits: Mapping[str, Implied]) -> bool:
    """Whether a plan ends what an actuator does where a level is high: so it fills."""
    if asking.step.action == actuator.fail_safe:
        return False
    for way in ways(asking.guards, names, limits=limits) or ():
        for sensor, span in way.items():
            if isinstance(span, Between) and names.sensors.get(sensor) in _LEVELS:
                return span.low > names.ranges.get(sensor, (float("-inf"), 0.0))[0]
    return False


def chatter(askings: Mapping[str, Sequence[Asking]], plant: Plant, names: Known) -> Iterator[Risk]:
    """Yield comparisons at whose value equipment would be switched to and fro: the last digit of a reading decides."""
    limits = limits_of(plant)
    told: set[tuple[str, int]] = set()
    for those in askings.values():
        for asking in those:
            rivals = [other for other in those if asking.differs(other)]
            for place, edge in _edges(asking.kind):
                found = _back(asking, edge, rivals, names, limits)
                if found is not None and (asking.plan.id, place) not in told:
                    told.add((asking.plan.id, place))
                    yield _to_and_fro(asking, place, edge, found)


def _to_and_fro(asking: Asking, place: int, edge: _Edge, back: str) -> Risk:
    wrong = f"about {edge.limit:g} it would switch {asking.step.actuator} to and fro, by turns with {back}"
    expected = "`for 10 s`, room between the two, or a switch point with a deadband"
    return Risk("chatters", ("plans", asking.plan.id, "when", place), wrong, expected)


class _Edge(NamedTuple):
    sensor: str
    limit: float
    text: str


def _edges(kind: PlanKind) -> Iterator[tuple[int, _Edge]]:
    """Yield the comparisons of a sensor with a number of which the last digit decides, each with its place."""
    for place, text in enumerate(kind.when if isinstance(kind, Condition) else ()):
        for clause in () if is_plain(text) else _required(parse(text)):
            sensor, limit = clause.left, clause.right
            if clause.for_seconds == 0 and isinstance(sensor, Shows) and isinstance(limit, Number):
                at = f"{limit} {clause.unit}".rstrip()
                yield place, _Edge(sensor.sensor, limit.value, f"{sensor} >= {at} and {sensor} <= {at}")


def _required(clause: Clause) -> Iterator[Compared]:
    if isinstance(clause, Compared):
        yield clause
    elif isinstance(clause, Joined) and clause.word == "and":
        for one in clause.clauses:
            yield from _required(one)


def _back(
    asking: Asking, edge: _Edge, rivals: Sequence[Asking], names: Known, limits: Mapping[str, Implied]
) -> str | None:
    """Return what switches back at an edge; None where nothing does."""
    until = asking.kind.until if isinstance(asking.kind, Condition) else ()

    def meets(*texts: str) -> bool:
        return ways((*texts, edge.text), names, limits=limits, touching=True) != []

    if until:
        return next((f"its until {text}" for text in until if meets(text)), None)
    return next((f"plan {one.plan.id}" for one in rivals if meets(*asking.guards, *one.guards)), None)
