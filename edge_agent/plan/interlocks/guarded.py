"""Conditions as interlocks see them: without fresh evidence even an alarm is unknown, and what only lasts counts."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.figures import figure
from edge_agent.model.plant import BAD_QUALITY, STALE
from edge_agent.plan.conditions.circumstances import Circumstances
from edge_agent.plan.conditions.clauses import ActuatorIs, Compared, Joined, Not
from edge_agent.plan.conditions.meaning import named
from edge_agent.plan.conditions.text import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.evidence import Sight
    from edge_agent.plan.conditions.clauses import Clause, Truth
    from edge_agent.plan.scene import Scene

_IGNORANCE = frozenset({STALE, BAD_QUALITY})


class Outlook(NamedTuple):
    """How things are in one turn, and when what tells so was good last."""

    scene: Scene
    sight: Sight

    @property
    def seconds(self) -> float:
        """The monotonic time."""
        return self.scene.now.seconds


class GuardedCircumstances(Circumstances):
    """Circumstances in which a sensor counts no longer than its evidence, and an alarm no longer than its sensor.

    `ages` say how old evidence may be, by sensor and node; of all else, such as actuators, everything is known.
    """

    __slots__ = ("_ages", "_outlook")

    def __init__(
        self,
        outlook: Outlook,
        timezone: str,
        ages: Mapping[str, float],
        since: dict[str, float],
        *,
        doubt: bool = False,
    ) -> None:
        super().__init__(outlook.scene, timezone, since, doubt=doubt)
        self._outlook, self._ages = outlook, ages

    def value(self, sensor: str) -> float | None:
        """Return the value of a sensor; None where it is not known, or too old."""
        found = super().value(sensor)
        return found if self._fresh(sensor) or (self.doubt and self.gauge(sensor).doubtful is not None) else None

    def is_active(self, alarm: str) -> bool | None:
        """Whether an alarm is active; None where what it is of was not heard lately."""
        key = AlarmKey.parse(alarm)
        place = f"{key.node}/{key.sensor}" if key.sensor else key.node
        active = super().is_active(alarm)
        if key.threshold in _IGNORANCE:
            return True if active else None if self._outlook.sight(place) is None else False
        return active if self._fresh(place) or (active and self.doubt) else None

    def _fresh(self, place: str) -> bool:
        within = self._ages.get(place)
        if within is None:
            return True
        seen = self._outlook.sight(place)
        return seen is not None and self.seconds < seen + within


@lru_cache(4096)
def at_once(text: str) -> Truth:
    """Return the closure that finds out whether a condition holds, for however short a time."""
    return _at_once(parse(text)).compiled()


def _at_once(clause: Clause) -> Clause:
    if isinstance(clause, Compared):
        return replace(clause, for_seconds=0.0)
    if isinstance(clause, Not):
        return replace(clause, clause=_at_once(clause.clause))
    if isinstance(clause, Joined):
        return replace(clause, clauses=tuple(map(_at_once, clause.clauses)))
    return clause


@lru_cache(4096)
def actuators_in(text: str) -> tuple[str, ...]:
    """Return the actuators that a condition names, each once."""
    return tuple(dict.fromkeys(term.actuator for term in parse(text).all() if isinstance(term, ActuatorIs)))


def shown(texts: Iterable[str], scene: Scene) -> str:
    """Write what the sensors of some conditions show: ` (s1/suction is 0.21 bar)`; empty where nothing is known."""
    gauges = [(name, scene.gauge(name)) for name in named(texts) if "/" in name]
    values = ((name, gauge.good if gauge.doubtful is None else gauge.doubtful, gauge.unit) for name, gauge in gauges)
    found = [f"{name} is {figure(value)} {unit}".rstrip() for name, value, unit in values if value is not None]
    return f" ({', '.join(found)})" if found else ""
