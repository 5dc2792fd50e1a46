"""Tariffs: what energy costs, by civil time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from edge_agent.model.civil import DAYS, Window, is_zone, parse_days, spans, zone
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import ID
from edge_agent.model.spelling import show
from edge_agent.model.time import MICROSECONDS
from edge_agent.plan.periods import DAYS_PHRASE, WINDOW_PHRASE, Stretch, named_periods
from edge_agent.plan.provisions.spec import ProvisionKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.time import Instant
    from edge_agent.plan.scene import Known

_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
#: So far ahead, and back, it is looked when a period begins and ends.
_REACH = 24 * 3600 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Period:
    """A time of one price; without `between` it is all that the others leave."""

    name: Annotated[str, Field(title="an id", description="What conditions and timetables call it; it may come again.")]
    price: Annotated[float, Field(description="What a kWh costs then.")]
    between: Annotated[
        str | None, Field(title=WINDOW_PHRASE, description="When, in civil time; absent, for the last: the rest.")
    ] = None
    days: Annotated[
        tuple[Annotated[str, Field(title=DAYS_PHRASE)], ...],
        Field(strict=False, min_length=1, title="a list of at least one day", description="On which days it begins."),
    ] = ("mon-sun",)

    @property
    def weekdays(self) -> frozenset[int]:
        """The days on which it begins; Monday is 0."""
        return frozenset[int]().union(*map(parse_days, self.days))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff(ProvisionKind):
    """What energy costs, by the time of day and the day of the week."""

    name: ClassVar[str] = "tariff"
    table: ClassVar[str] = "tariffs"
    says: ClassVar[str] = "What energy costs, by id: for conditions, timetables and the cost of a day."

    periods: Annotated[
        tuple[Period, ...],
        Field(strict=False, min_length=1, title="a list of at least one period", description="Its times and prices."),
    ]
    timezone: Annotated[
        str,
        Field(title="a time zone, such as Europe/Berlin", description="Whose civil time; absent: that of the site."),
    ] = "UTC"

    def at(self, at: Instant) -> Stretch:
        """Return which period applies at an instant, and between which instants that stays so for certain.

        Where the change of the clocks moves one into another the first of them counts.
        """
        since, until, rest = at - _REACH, at + _REACH, None
        found = None
        for period in self.periods:
            if period.between is None:
                rest = period
                continue
            for span in spans(at, [Window.parse(period.between)], period.weekdays, zone(self.timezone)):
                if found is None and span.begin <= at < span.end:
                    found = period
                edges = span.begin, span.end
                since = max([since, *(edge for edge in edges if edge <= at)])
                until = min([until, *(edge for edge in edges if edge > at)])
        return Stretch(found or rest, since, until)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find what is no time, no name, and periods that overlap or leave a hole."""
        place, periods = given.get("timezone", "UTC"), given.get("periods")
        if isinstance(place, str) and not is_zone(place):
            yield Misfit(("timezone",), f"{show(place)} is no time zone", "one of the IANA's, such as Europe/Berlin")
        tables = [one if isinstance(one, dict) else {} for one in (periods if isinstance(periods, list) else ())]
        wrong = [*_times(tables), *_names(tables, known)]
        yield from wrong
        if not wrong:
            yield from _week(tables)


def _times(periods: list[dict[str, Any]]) -> Iterator[Misfit]:
    for place, period in enumerate(periods):
        between = period.get("between")
        if isinstance(between, str) and _wrong(Window.parse, between):
            yield Misfit(("periods", place, "between"), f"{show(between)} is not allowed", WINDOW_PHRASE)
        if between is None and place < len(periods) - 1:
            wrong = "is missing: only the last period is the rest of the time"
            yield Misfit(("periods", place, "between"), wrong, WINDOW_PHRASE)
        for number, days in enumerate(_days(period)):
            if isinstance(days, str) and _wrong(parse_days, days):
                yield Misfit(("periods", place, "days", number), f"{show(days)} is not allowed", DAYS_PHRASE)


def _names(periods: list[dict[str, Any]], known: Known) -> Iterator[Misfit]:
    for place, period in enumerate(periods):
        name = period.get("name")
        if not isinstance(name, str):
            continue
        users = [tariff for tariff, names in named_periods(known.provisions).items() if name in names]
        if not ID.fullmatch(name):
            expected = "an id: 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit"
            yield Misfit(("periods", place, "name"), f"{show(name)} is not allowed", expected)
        elif len(users) > 1:
            wrong = f"{show(name)} is a period of {' and '.join(users)}: nobody could tell which is meant"
            yield Misfit(("periods", place, "name"), wrong, "another name")


def _week(periods: list[dict[str, Any]]) -> Iterator[Misfit]:
    """Find minutes of the week that two periods claim, and those that none does."""
    owner: list[int | None] = [None] * _WEEK_MINUTES
    rest = False
    for place, period in enumerate(periods):
        if period.get("between") is None:
            rest = True
            continue
        taken: tuple[int, int] | None = None
        for minute in _minutes(period):
            other = owner[minute % _WEEK_MINUTES]
            taken = taken or (None if other is None else (minute, other))
            owner[minute % _WEEK_MINUTES] = place
        if taken is not None:
            wrong = f"{_clock(taken[0])} is in {show(periods[taken[1]].get('name'))} too"
            yield Misfit(("periods", place, "between"), wrong, "periods that do not overlap")
    if periods and not rest and None in owner:
        wrong = f"no period applies at {_clock(owner.index(None))}"
        yield Misfit(("periods",), wrong, "a last period without between, for the rest")


def _minutes(period: dict[str, Any]) -> Iterator[int]:
    window = Window.parse(period["between"])
    for day in sorted(frozenset[int]().union(*map(parse_days, _days(period)))):
        yield from range(day * _DAY_MINUTES + window.begin, day * _DAY_MINUTES + window.end)


def _days(period: dict[str, Any]) -> list[Any]:
    days = period.get("days", ["mon-sun"])
    return days if isinstance(days, list) else []


def _clock(minute: int) -> str:
    day, left = divmod(minute % _WEEK_MINUTES, _DAY_MINUTES)
    return f"{DAYS[day]} {left // 60:02d}:{left % 60:02d}"


def _wrong(read: Any, text: str) -> bool:  # noqa: ANN401 - reads a text, or raises ValueError
    try:
        read(text)
    except ValueError:
        return True
    return False
