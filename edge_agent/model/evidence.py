"""The one rule of evidence: what is not the fail-safe action needs a good reading, lately, of all its plan looks at.

It is the same for a new request, a renewal, a restart of the agent, a return of power and a change of mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.plant import EVIDENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from edge_agent.model.plant import Plant

    #: The monotonic time of the last good reading of a sensor (`node/sensor`), or of the last word of a node's status;
    #: None where there was none in this run.
    Sight: TypeAlias = Callable[[str], float | None]

#: Whatever a plan says, a sensor may miss so many of its intervals.
LEAST_INTERVALS = 3


class Look(NamedTuple):
    """One thing that a plan looks at (`node/sensor`, or a node), and how old good evidence of it may be."""

    name: str
    within_seconds: float


def looks(places: Iterable[str], evidence_seconds: float, plant: Plant) -> tuple[Look, ...]:
    """Return how old evidence of some places may be, each once: sensors (`node/sensor`) and nodes.

    Of all else, such as actuators and the agent itself, everything is always known.
    """
    found: dict[str, Look] = {}
    for place in places:
        name, _, identity = place.partition("/")
        node = plant.nodes.get(name)
        sensor = None if node is None else node.sensors.get(identity)
        if sensor is not None:
            within = max(evidence_seconds, LEAST_INTERVALS * sensor.interval_seconds)
            found[place] = Look(place, within)
        elif node is not None and not identity:
            found[place] = Look(place, float("inf"))
    return tuple(found.values())


def replaced(alarm: str, sensor: str, by: str) -> str:
    """Return the name of the same alarm of another sensor, where it is one of `sensor`; else itself."""
    place, _, threshold = alarm.rpartition(":")
    return f"{by}:{threshold}" if place == sensor else alarm


def missing(those: Iterable[Look], sight: Sight, after: float, seconds: float) -> str | None:
    """Return, in words, which evidence is missing at a monotonic time; None where all is at hand.

    What was seen before `after` (the start of the agent, a return of the node) counts for nothing.
    """
    for look in those:
        seen = sight(look.name)
        if seen is None or seen < after:
            return f"nothing good has been heard of {look.name} yet"
        if seconds > seen + look.within_seconds:
            return f"{look.name} has not been good for {seconds - seen:.0f} s"
    return None


def grace_seconds(those: Iterable[Look]) -> float:
    """Return how long after a start or a return evidence may take to come."""
    finite = [look.within_seconds for look in those if look.within_seconds != float("inf")]
    return min(finite, default=EVIDENCE_SECONDS)


def by_name(those: Iterable[Look]) -> Mapping[str, Look]:
    """Return looks by what they look at."""
    return {look.name: look for look in those}
