"""By alarms: while all of some are active, and none of others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.evidence import replaced
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import BAD_QUALITY, BUILT_IN_ALARMS, STALE, VALUE, Step
from edge_agent.model.spelling import did_you_mean, show
from edge_agent.plan.kinds.spec import Asked, PlanKind, step_conflicts

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from edge_agent.model.fitness import Place
    from edge_agent.plan.kinds.spec import Find, Known, Scene

ALARM_PHRASE = "an alarm: node/sensor:threshold, node/sensor:stale, node/sensor:bad_quality or node:offline"
#: To guess which of more alarms was meant takes a second.
_MOST_GUESSED = 10_000
_IGNORANCE = frozenset({STALE, BAD_QUALITY})
_AlarmName = Annotated[str, Field(title=ALARM_PHRASE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(PlanKind):
    """While all alarms of `when` are active and none of `unless`, it asks for what `do` says.

    No state. A fail-safe action it asks for as well where doubtful readings would raise those alarms.
    """

    name: ClassVar[str] = "condition"
    says: ClassVar[str] = "while alarms are active"

    when: Annotated[
        tuple[_AlarmName, ...],
        Field(
            strict=False,
            min_length=1,
            title="a list of at least one alarm",
            description="All of these alarms are active.",
        ),
    ]
    unless: Annotated[
        tuple[_AlarmName, ...],
        Field(strict=False, title="a list of alarms", description="None of these alarms is active."),
    ] = ()
    do: Annotated[
        tuple[Step, ...],
        Field(strict=False, min_length=1, title="a list of at least one step", description="What is requested."),
    ]

    def steps(self, find: Find) -> tuple[Step, ...]:
        """Return what `do` says."""
        del find
        return self.do

    @property
    def looks(self) -> tuple[str, ...]:
        """What the alarms are of."""
        return _places((*self.when, *self.unless))

    @property
    def blockers(self) -> tuple[str, ...]:
        """What the alarms of `unless` are of."""
        return _places(self.unless)

    @property
    def watched(self) -> tuple[str, ...]:
        """What the alarms of `when` are of."""
        return _places(self.when)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Those of `when` and `unless`."""
        return (*self.when, *self.unless)

    @property
    def moved(self) -> tuple[tuple[str, float | None], ...]:
        """What the limits of `when` are compared with."""
        return tuple((alarm, None) for alarm in self.when)

    @property
    def by_ignorance(self) -> bool:
        """Whether an alarm of `when` says that nothing is known."""
        return any(AlarmKey.parse(name).threshold in _IGNORANCE for name in self.when)

    def ask(self, scene: Scene, state: Any) -> tuple[Any, Asked]:  # noqa: ANN401 - it has none
        """Ask for `do` while the alarms say so."""
        holds = self._holds(scene.active)
        doubtful = holds or self._holds(scene.active, scene.doubted)
        why = f"doubtful readings lie beyond {', '.join(self.when)}"
        return state, Asked(self.do if holds else (), self.do if doubtful else (), self.when, why)

    def _holds(self, active: Container[str], doubted: Container[str] = ()) -> bool:
        if any(name in active for name in self.unless):
            return False
        return all(name in active or name in doubted for name in self.when)

    def timed(self, scene: Scene) -> tuple[Step, ...]:
        """Return `do`, unless an alarm of `unless` is active."""
        return () if any(name in scene.active for name in self.unless) else self.do

    def instead(self, sensor: str, by: str) -> Self:
        """Return the same by alarms of the same names of another sensor."""
        when, unless = (tuple(replaced(alarm, sensor, by) for alarm in alarms) for alarms in (self.when, self.unless))
        return replace(self, when=when, unless=unless)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find alarms that there are not, or that contradict each other, and wrong steps."""
        when, unless = _written(given.get("when")), _written(given.get("unless"))
        for key, alarms in (("when", when), ("unless", unless)):
            for position, alarm in alarms:
                yield from _alarm((key, position), alarm, known)
        asked_for = {alarm for _, alarm in when}
        for position, alarm in unless:
            if alarm in asked_for:
                wrong = f"{show(alarm)} is in when as well: the plan could never apply"
                yield Misfit(("unless", position), wrong, "an alarm that is not in when")
        steps = given.get("do")
        yield from step_conflicts("do", steps if isinstance(steps, list) else (), known)


def _written(alarms: object) -> list[tuple[int, str]]:
    found = enumerate(alarms) if isinstance(alarms, list) else ()
    return [(position, alarm) for position, alarm in found if isinstance(alarm, str)]


def _alarm(path: Place, alarm: str, known: Known) -> Iterator[Misfit]:
    measure = known.alarms.get(alarm)
    if measure is None:
        yield _unknown_alarm(path, alarm, list(known.alarms))
    elif measure not in {"", VALUE}:
        # Not known for a while after a start or a silence: nothing for a plan to start, or to keep running, by.
        wrong = f"{alarm} is of {measure}, which is not always known"
        yield Misfit(path, wrong, "an alarm of a value; one of a rate is for people")


def _unknown_alarm(path: Place, alarm: str, known: list[str]) -> Misfit:
    place, colon, threshold = alarm.partition(":")
    guess = did_you_mean(alarm, known) if len(known) <= _MOST_GUESSED else ""
    if colon and threshold not in BUILT_IN_ALARMS and f"{place}:{STALE}" in known:
        wrong = f"{place} has no threshold {threshold}"
        return Misfit(path, wrong, f"one that is declared{guess}")
    return Misfit(path, f"{show(alarm)} is no alarm of this plant", ALARM_PHRASE + guess)


def _places(alarms: Iterable[str]) -> tuple[str, ...]:
    """Return what alarms are of, each once: sensors, nodes, and actuators, of which all is known."""
    keys = (AlarmKey.parse(alarm) for alarm in alarms)
    return tuple(dict.fromkeys(f"{key.node}/{key.sensor}" if key.sensor else key.node for key in keys))
