"""By conditions: while all of some hold, and none of others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import Field

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.figures import figure
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import BAD_QUALITY, BUILT_IN_ALARMS, STALE, VALUE, Step
from edge_agent.model.spelling import did_you_mean, show
from edge_agent.plan.conditions.circumstances import Circumstances
from edge_agent.plan.conditions.meaning import (
    alarms,
    asserted,
    compared,
    elsewhere,
    how,
    misfits,
    named,
    never_known,
    places,
    truths,
)
from edge_agent.plan.conditions.possible import at_odds, possible
from edge_agent.plan.conditions.text import is_plain
from edge_agent.plan.kinds.spec import Asked, PlanKind, zone_conflicts
from edge_agent.plan.steps import step_conflicts

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from edge_agent.model.fitness import Place
    from edge_agent.plan.scene import Find, Known, Scene

ALARM_PHRASE = (
    "a condition, or an alarm: node/sensor:threshold, node/sensor:stale, node/sensor:bad_quality or node:offline"
)
#: To guess which of more alarms was meant takes a second.
_MOST_GUESSED = 10_000
_IGNORANCE = frozenset({STALE, BAD_QUALITY})
_Text = Annotated[str, Field(title=ALARM_PHRASE)]


class Progress(NamedTuple):
    """What a plan with conditions remembers: that it has begun and not ended, and since when what has to last lasts."""

    begun: bool = False
    since: Mapping[str, float] = MappingProxyType({})
    doubted: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(PlanKind):
    """While all of `when` holds and none of `unless`, it asks for what `do` says; with `until` from then on until that.

    What is unknown neither begins nor goes on, and blocks in `unless`. A fail-safe action it asks for as well where
    doubtful readings say so. Progress is remembered where something has to last, or to end.
    """

    name: ClassVar[str] = "condition"
    says: ClassVar[str] = "while conditions hold"

    when: Annotated[
        tuple[_Text, ...],
        Field(
            strict=False,
            min_length=1,
            title="a list of at least one condition",
            description="All of these alarms are active, and conditions true.",
        ),
    ]
    unless: Annotated[
        tuple[_Text, ...],
        Field(strict=False, title="a list of conditions", description="None of these is, and of none nobody knows."),
    ] = ()
    until: Annotated[
        tuple[_Text, ...],
        Field(
            strict=False,
            title="a list of conditions",
            description="What has begun ends when one of these is true; absent: it stands until another plan ends it.",
        ),
    ] = ()
    do: Annotated[
        tuple[Step, ...],
        Field(strict=False, min_length=1, title="a list of at least one step", description="What is requested."),
    ]
    timezone: Annotated[
        str,
        Field(title="a time zone, such as Europe/Berlin", description="Whose civil time; absent: that of the site."),
    ] = "UTC"

    def steps(self, find: Find) -> tuple[Step, ...]:
        """Return what `do` says."""
        del find
        return self.do

    @property
    def _all(self) -> tuple[str, ...]:
        return (*self.when, *self.unless, *self.until)

    @property
    def _simple(self) -> bool:
        """Whether it is about alarms alone, so that there is nothing to remember."""
        return not self.until and all(map(is_plain, self._all))

    @property
    def looks(self) -> tuple[str, ...]:
        """What the alarms and conditions are of."""
        return places(self._all)

    @property
    def blockers(self) -> tuple[str, ...]:
        """What those of `unless` are of."""
        return places(self.unless)

    @property
    def watched(self) -> tuple[str, ...]:
        """What those of `when` are of."""
        return places(self.when)

    @property
    def alarms(self) -> tuple[str, ...]:
        """Those in `when`, `unless` and `until`."""
        return alarms(self._all)

    @property
    def values(self) -> tuple[str, ...]:
        """The sensors and nodes in conditions."""
        return named(self._all)

    @property
    def moved(self) -> tuple[tuple[str, float | None], ...]:
        """What the limits of `when` are compared with."""
        return tuple((text, None) for text in self.when if is_plain(text)) + compared(self.when)

    @property
    def ends(self) -> bool:
        """Whether there is an `until`."""
        return bool(self.until)

    @property
    def by_ignorance(self) -> bool:
        """Whether it begins because nothing is known."""
        return any(AlarmKey.parse(name).threshold in _IGNORANCE for name in asserted(self.when))

    def ask(self, scene: Scene, state: Progress | None) -> tuple[Progress | None, Asked]:
        """Ask for `do` while the conditions say so."""
        return (None, self._by_alarms(scene)) if self._simple else self._by_texts(scene, state or Progress())

    def _by_alarms(self, scene: Scene) -> Asked:
        holds = self._holds(scene.active)
        doubtful = holds or self._holds(scene.active, scene.doubted)
        why = f"doubtful readings lie beyond {', '.join(self.when)}"
        return Asked(self.do if holds else (), self.do if doubtful else (), self.when, why)

    def _holds(self, active: Container[str], doubted: Container[str] = ()) -> bool:
        if any(name in active for name in self.unless):
            return False
        return all(name in active or name in doubted for name in self.when)

    def _by_texts(self, scene: Scene, before: Progress) -> tuple[Progress, Asked]:
        good = Circumstances(scene, self.timezone, dict(before.since))
        doubt = Circumstances(scene, self.timezone, dict(before.doubted), doubt=True)
        blocked = truths(self.unless, good)
        free = all(truth is False for truth in blocked)
        whens, suspected, ends = truths(self.when, good), truths(self.when, doubt), truths(self.until, good)
        ended = True in ends or True in truths(self.until, doubt) or never_known(self.until, good)
        holds = all(whens) and free
        begun = (before.begun or holds) and bool(self.until) and not ended
        steps = self.do if (begun and free) or (holds and not ended) else ()
        doubtful = self.do if steps or (all(suspected) and True not in blocked and not ended) else ()
        over = f"{' or '.join(self.until)}: so it ends" if ended else ""
        asked = Asked(steps, doubtful, alarms(self.when), self._why(scene), over, min(good.due, doubt.due))
        return Progress(begun, good.since, doubt.since), asked

    def _why(self, scene: Scene) -> str:
        gauges = [(name, scene.gauge(name)) for name in named(self.when) if "/" in name]
        shown = [
            f"{name} is {figure(gauge.good)} {gauge.unit}".rstrip() for name, gauge in gauges if gauge.good is not None
        ]
        return "; ".join([" and ".join(self.when), *shown])

    def guards(self, step: Step, find: Find) -> tuple[str, ...]:
        """Return its conditions; with `until` it goes on without those of `when`."""
        del step, find
        kept = tuple(f"not ({text})" for text in (*self.unless, *self.until))
        return kept if self.until else (*self.when, *kept)

    def told(self, scene: Scene, state: Progress | None) -> tuple[str, ...]:
        """Return how each of its conditions is now."""
        since = {} if state is None else dict(state.since)
        around = Circumstances(scene, self.timezone, since)
        found = ((key, text) for key in ("when", "unless", "until") for text in getattr(self, key))
        begun = ("it has begun, and goes on until it ends",) if state is not None and state.begun else ()
        return (*begun, *(f"{key} {text}: {how(text, around)}" for key, text in found))

    def timed(self, scene: Scene) -> tuple[Step, ...]:
        """Return `do`, unless something of `unless` is so, or nobody knows."""
        around = Circumstances(scene, self.timezone, {})
        return self.do if all(truth is False for truth in truths(self.unless, around)) else ()

    def instead(self, sensor: str, by: str) -> Self:
        """Return the same by alarms of the same names of another sensor."""
        when, unless, until = (
            tuple(elsewhere(text, sensor, by) for text in texts) for texts in (self.when, self.unless, self.until)
        )
        return replace(self, when=when, unless=unless, until=until)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find what is no condition, what there is not, what can never be, what contradicts itself, and wrong steps."""
        found = {key: _written(given.get(key)) for key in ("when", "unless", "until")}
        alone = [
            one
            for key, texts in found.items()
            for place, text in texts
            for one in (_alarm if is_plain(text) else misfits)((key, place), text, known)
        ]
        yield from alone or _together(found, known)
        asked_for = {text for _, text in found["when"]}
        for key in ("unless", "until"):
            for position, text in found[key]:
                if text in asked_for:
                    wrong = f"{show(text)} is in when as well: the plan could never apply"
                    yield Misfit((key, position), wrong, "an alarm that is not in when")
        yield from zone_conflicts(given)
        steps = given.get("do")
        yield from step_conflicts("do", steps if isinstance(steps, list) else (), known)


def _written(alarms: object) -> list[tuple[int, str]]:
    found = enumerate(alarms) if isinstance(alarms, list) else ()
    return [(position, alarm) for position, alarm in found if isinstance(alarm, str)]


def _together(found: Mapping[str, list[tuple[int, str]]], known: Known) -> Iterator[Misfit]:
    """Find conditions of which each may hold, and that never do at once."""
    whens, unless, until = ([text for _, text in found[key]] for key in ("when", "unless", "until"))
    if set(whens) & {*unless, *until}:
        return  # told already
    if not possible(whens, known):
        wrong = f"{' and '.join(map(show, at_odds(whens, known)))} can never hold at once: the plan would never apply"
        yield Misfit(("when",), wrong, "conditions that can all hold")
        return
    for key, texts, does in (("unless", unless, "would never apply"), ("until", until, "would end as it begins")):
        for place, text in enumerate(texts):
            if not possible((*whens, f"not ({text})"), known):
                wrong = f"whenever all of when holds, {show(text)} does too: the plan {does}"
                yield Misfit((key, place), wrong, "a condition that does not follow from when")


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
