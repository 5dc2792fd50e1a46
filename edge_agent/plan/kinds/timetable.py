"""By civil time: between some hours, on some days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import Field

from edge_agent.model.civil import Window, parse_days, spans, zone
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import Step
from edge_agent.model.spelling import one_of, show
from edge_agent.model.time import MICROSECONDS, rfc3339
from edge_agent.plan.kinds.spec import Asked, PlanKind, zone_conflicts
from edge_agent.plan.periods import no_period, period_names, tariff_of
from edge_agent.plan.steps import SWITCHES, step_conflicts
from edge_agent.plan.targets import OFF, RUN, is_group, is_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from edge_agent.model.time import Instant, Moment
    from edge_agent.plan.periods import Priced
    from edge_agent.plan.scene import Find, Known, Scene

#: Rules of time zones are looked up again after so long.
_MOST_SECONDS = 3600.0
_DAY = 24 * 3600 * MICROSECONDS
_WINDOW_PHRASE = "a part of the day, such as 22:00-06:00; of all of it 00:00-24:00"
_DAYS_PHRASE = "a day of the week, or from one to another: mon, tue, wed, thu, fri, sat, sun; such as mon-fri"


class Hours(NamedTuple):
    """Whether it is time, and between which instants that stays so."""

    inside: bool
    since: Instant
    until: Instant
    tariff: Priced | None = None  # it is so by this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable(PlanKind):
    """In each window of `between` on its `days`, or period of a tariff, it asks for what `do` says.

    At the end of it that is over. With both of them it asks while both apply.

    It needs no sensor, but a clock that is known to be right: while it is not, it asks for `if_clock_unsure`, or ends
    what it has asked for, so that the fail-safe action follows. Its state is the window, or the time between two.
    """

    name: ClassVar[str] = "timetable"
    says: ClassVar[str] = "between some hours, on some days"

    between: Annotated[
        tuple[Annotated[str, Field(title=_WINDOW_PHRASE)], ...],
        Field(
            strict=False,
            min_length=1,
            title="a list of at least one part of the day",
            description="When, in civil time; absent: by `tariff` alone.",
        ),
    ] = ()
    days: Annotated[
        tuple[Annotated[str, Field(title=_DAYS_PHRASE)], ...],
        Field(
            strict=False, min_length=1, title="a list of at least one day", description="On which days a window begins."
        ),
    ] = ("mon-sun",)
    tariff: Annotated[
        str | None,
        Field(title="a period of a tariff", description="In which period; with `between`, when both apply."),
    ] = None
    do: Annotated[
        tuple[Step, ...],
        Field(strict=False, min_length=1, title="a list of at least one step", description="What is requested then."),
    ]
    if_clock_unsure: Annotated[
        str | None,
        Field(
            title="an action: start, stop, open or close",
            description="What is requested while the clock may be wrong; absent: the fail-safe action follows.",
        ),
    ] = None
    timezone: Annotated[
        str,
        Field(title="a time zone, such as Europe/Berlin", description="Whose civil time; absent: that of the site."),
    ] = "UTC"

    def steps(self, find: Find) -> tuple[Step, ...]:
        """Return what `do` says, and what is asked for while the clock is not sure."""
        del find
        return (*self.do, *self._unsure())

    def _unsure(self) -> tuple[Step, ...]:
        return tuple(step for step in self._meanwhile() if step not in self.do)

    def _meanwhile(self) -> tuple[Step, ...]:
        """Return what is asked for while the clock is not sure; a group or a sequence rests, whatever that is."""
        action = self.if_clock_unsure
        if action is None:
            return ()
        return tuple(
            Step(step.actuator, RUN, 0.0)
            if is_group(step.actuator)
            else Step(step.actuator, OFF if is_sequence(step.actuator) else action)
            for step in self.do
        )

    @property
    def looks(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    @property
    def ends(self) -> bool:
        """It does, at the end of each window."""
        return True

    def ask(self, scene: Scene, state: Hours | None) -> tuple[Hours | None, Asked]:
        """Ask for `do` within a window."""
        now = scene.now
        if not now.sure:
            return None, self._without_a_clock()
        tariff = None if self.tariff is None else tariff_of(self.tariff, scene.tariffs)
        if state is None or state.tariff != tariff or not state.since <= now.at < state.until:
            state = self._hours(now, tariff)
        due = now.seconds + min((state.until - now.at) / MICROSECONDS, _MOST_SECONDS)
        if not state.inside:
            return state, Asked(over=f"the time of {self._windows} is over", due=due)
        return state, Asked(self.do, self.do, why=f"it is time: {self._windows} {self.timezone}", due=due)

    @property
    def _windows(self) -> str:
        tariff = [] if self.tariff is None else [f"tariff {self.tariff}"]
        return " in ".join(tariff + [", ".join(self.between)] * bool(self.between))

    def _without_a_clock(self) -> Asked:
        why = "nobody knows whether the clock is right"
        if self.if_clock_unsure is None:
            return Asked(over=why)
        return Asked(self._meanwhile(), self._meanwhile(), why=why)

    def _hours(self, now: Moment, tariff: Priced | None) -> Hours:
        """Find the window, and the period of the tariff, that it is, or those that it is between."""
        if self.tariff is None:
            return self._within(now)
        if tariff is None:  # there is none of it: it is never time
            return Hours(inside=False, since=now.at, until=now.at + _DAY)
        period, since, until = tariff.at(now.at)
        applies = period is not None and period.name == self.tariff
        hours = self._within(now) if self.between else Hours(inside=True, since=since, until=until)
        return Hours(applies and hours.inside, max(since, hours.since), min(until, hours.until), tariff)

    def _within(self, now: Moment) -> Hours:
        days = frozenset[int]().union(*map(parse_days, self.days))
        since, until = now.at - _DAY, now.at + _DAY
        for span in spans(now.at, [*map(Window.parse, self.between)], days, zone(self.timezone)):
            if span.begin <= now.at < span.end:
                return Hours(inside=True, since=span.begin, until=span.end)
            if span.end <= now.at:
                since = max(since, span.end)
            else:
                until = min(until, span.begin)
        return Hours(inside=False, since=since, until=until)

    def guards(self, step: Step, find: Find) -> tuple[str, ...]:
        """Return when it is time; what it asks for while the clock may be wrong it may ask for at any."""
        del find
        if step not in self.do:
            return ()
        hours = " or ".join(f"time is {window}" for window in self.between)
        tariff = "" if self.tariff is None else f"tariff is {self.tariff}"
        return tuple(filter(None, (hours, tariff)))

    def told(self, scene: Scene, state: Hours | None) -> tuple[str, ...]:
        """Return whether it is time, and until when."""
        del state
        windows = f"{self._windows} on {', '.join(self.days)} ({self.timezone})"
        if not scene.now.sure:
            return (f"{windows}: nobody knows whether the clock is right",)
        hours = self._hours(scene.now, None if self.tariff is None else tariff_of(self.tariff, scene.tariffs))
        return (f"{windows}: it is{'' if hours.inside else ' not'} time, until {rfc3339(hours.until)} at least",)

    def timed(self, scene: Scene) -> tuple[Step, ...]:
        """Return nothing: it needs no evidence, and never lacks any."""
        del scene
        return ()

    def instead(self, sensor: str, by: str) -> Self:
        """Return itself: it looks at no sensor."""
        del sensor, by
        return self

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find what is no window, day or time zone, wrong steps, and what goes only with evidence."""
        yield from _wrong("between", given.get("between"), Window.parse, _WINDOW_PHRASE)
        yield from _wrong("days", given.get("days"), parse_days, _DAYS_PHRASE)
        yield from zone_conflicts(given)
        yield from _when(given, known)
        steps = given.get("do")
        yield from step_conflicts("do", steps if isinstance(steps, list) else (), known)
        action = given.get("if_clock_unsure")
        for step in steps if isinstance(steps, list) and isinstance(action, str) else ():
            kind = known.actuators.get(str(step.get("actuator"))) if isinstance(step, dict) else None
            actions = SWITCHES.get(kind, ()) if isinstance(kind, str) else ()
            if actions and action not in actions:
                wrong = f"{show(action)} is nothing that can be asked of {step['actuator']}"
                yield Misfit(("if_clock_unsure",), wrong, one_of(actions, action))
        for key in ("trip", "without_evidence"):
            if given.get(key):
                yield Misfit((key,), "is nothing to a timetable", "a plan that looks at a sensor")


def _when(given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
    tariff, between = given.get("tariff"), given.get("between")
    if tariff is None and (between is None or between == []):
        yield Misfit(("between",), "is missing", "when: parts of the day, or tariff with a period")
    if isinstance(tariff, str) and tariff not in period_names(known.provisions):
        yield no_period(("tariff",), tariff, known)
    if not between and given.get("days", ["mon-sun"]) != ["mon-sun"]:
        yield Misfit(("days",), "is given without between", 'between = ["00:00-24:00"] with it, for whole days')


def _wrong(key: str, those: object, read: Callable[[str], object], phrase: str) -> Iterator[Misfit]:
    for position, text in enumerate(those if isinstance(those, list) else ()):
        if isinstance(text, str) and _raises(read, text):
            yield Misfit((key, position), f"{show(text)} is not allowed", phrase)


def _raises(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return True
    return False
