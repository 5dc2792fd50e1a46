"""A changed policy in parts, so that no turn has to put all of a large one in force."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from edge_agent.model.plant import Plan, Policy, Provision, Threshold

#: So many sensors get other limits in one turn at the most, about 10 ms.
MOST_SENSORS = 1_000


class Revision(NamedTuple):
    """What one turn puts in force: all limits of the sensors (`node/sensor`) whose limits change, and changed plans.

    `provisions` are all that plans may refer to, where one of them changes. `more`: the next turns bring the rest.
    Nothing is started before that: plans and the limits that they look at may be of two policies until then.
    """

    limits: Mapping[str, tuple[Threshold, ...]]
    plans: tuple[Plan, ...] | None = None
    more: bool = False
    provisions: tuple[Provision, ...] | None = None

    def then(self, later: Revision) -> Revision:
        """Return what puts this in force, and then another."""
        plans = self.plans if later.plans is None else later.plans
        provisions = self.provisions if later.provisions is None else later.provisions
        return Revision({**self.limits, **later.limits}, plans, later.more, provisions)


def revisions(before: Policy, after: Policy, most_sensors: int = MOST_SENSORS) -> list[Revision]:
    """Return what turns one policy into the other, in order; plans and what they refer to come last."""
    where = touched(before.thresholds, after.thresholds)
    old = by_sensor(each for each in before.thresholds if (each.node, each.sensor) in where)
    new = by_sensor(each for each in after.thresholds if (each.node, each.sensor) in where)
    changed = [(name, new.get(name, ())) for name in {**old, **new} if old.get(name) != new.get(name)]
    plans = None if before.plans == after.plans else after.plans
    provisions = None if before.provisions == after.provisions else after.provisions
    parts = [dict(changed[first : first + most_sensors]) for first in range(0, len(changed), most_sensors)]
    if not parts:
        return [] if plans is None and provisions is None else [Revision({}, plans, provisions=provisions)]
    last = Revision(parts[-1], plans, provisions=provisions)
    return [*(Revision(part, more=True) for part in parts[:-1]), last]


def touched(before: Collection[Threshold], after: Collection[Threshold]) -> set[tuple[str, str]]:
    """Return the nodes and sensors that have another threshold, as an object, than before: few where few changed."""
    kept = set(map(id, before)) & set(map(id, after))
    return {(each.node, each.sensor) for each in chain(before, after) if id(each) not in kept}


def by_sensor(thresholds: Iterable[Threshold]) -> dict[str, tuple[Threshold, ...]]:
    """Return thresholds by `node/sensor`."""
    found: dict[str, list[Threshold]] = {}
    for threshold in thresholds:
        found.setdefault(f"{threshold.node}/{threshold.sensor}", []).append(threshold)
    return {name: tuple(limits) for name, limits in found.items()}
