"""Civil time: windows of the day and days of the week, by the rules of a time zone. No clock: the instant is given."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from edge_agent.model.time import as_datetime, instant

if TYPE_CHECKING:
    from collections.abc import Collection

    from edge_agent.model.time import Instant

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")
_DAYS = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?")
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class Window(NamedTuple):
    """A part of each day, in minutes after its midnight; one that ends at or before its begin ends on the next day."""

    begin: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read `22:00-06:00`. Raises ValueError for anything else, and for one that begins when it ends.

        >>> Window.parse("22:00-06:00")
        Window(begin=1320, end=1800)
        """
        found = _WINDOW.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no part of a day")
        hours, minutes, *end = (int(part) for part in found.groups() if part is not None)
        begin, end_minutes = 60 * hours + minutes, 60 * end[0] + end[1]
        if begin == end_minutes:
            raise ValueError(f"{text!r} ends when it begins")
        return cls(begin, end_minutes if end_minutes > begin else end_minutes + 24 * 60)


class Occurrence(NamedTuple):
    """From one instant up to another, without that."""

    begin: Instant
    end: Instant


def parse_days(text: str) -> frozenset[int]:
    """Read `mon-fri`, `sat` or, over the end of the week, `fri-mon`; Monday is 0. Raises ValueError for anything else.

    >>> sorted(parse_days("sat-mon"))
    [0, 5, 6]
    """
    found = _DAYS.fullmatch(text)
    names = [] if found is None else [name for name in found.groups() if name is not None]
    if not names or not set(names) <= set(DAYS):
        raise ValueError(f"{text!r} is no day of the week, and no days from one to another")
    first, last = DAYS.index(names[0]), DAYS.index(names[-1])
    return frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))


@lru_cache(64)
def zone(name: str) -> ZoneInfo:
    """Return the rules of a time zone. Raises ValueError where this machine knows none of the name."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone that this machine knows") from error


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of the name."""
    try:
        zone(name)
    except ValueError:
        return False
    return True


def spans(at: Instant, windows: Collection[Window], days: Collection[int], place: ZoneInfo) -> list[Occurrence]:
    """Return when windows are, those that are near an instant: of the days before, of it and after it, in order.

    A window belongs to the day on which it begins. Where the clock is set forward over its begin or its end, that is
    when the clock is set, and one that lies wholly in what is left out is as long as ever from then on; where the clock
    is set back, it begins and ends at the first of two equal times. So none is left out, and none comes twice.
    """
    today = as_datetime(at).astimezone(place).date()
    found = []
    for day in (today - _DAY, today, today + _DAY):
        if day.weekday() in days:
            found += [_span(day, window, place) for window in windows]
    return sorted(found)


def _span(day: date, window: Window, place: ZoneInfo) -> Occurrence:
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - civil time
    begin, left_out = _resolved(midnight + window.begin * _MINUTE, place)
    end, _ = _resolved(midnight + window.end * _MINUTE, place)
    if left_out and end <= begin:
        end = begin + (window.end - window.begin) * _MINUTE
    return Occurrence(instant(begin), instant(end))


def _resolved(civil: datetime, place: ZoneInfo) -> tuple[datetime, bool]:
    """Return the instant of a civil time, the first of two; and whether it is left out: then when the clock is set."""
    aware = civil.replace(tzinfo=place)
    utc = aware.astimezone(UTC)
    if utc.astimezone(place).replace(tzinfo=None) == civil:
        return utc, False
    before, after = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    earlier, later = (
        (civil - (after or _DAY * 0)).replace(tzinfo=UTC),
        (civil - (before or _DAY * 0)).replace(tzinfo=UTC),
    )
    while later - earlier > timedelta(seconds=1):
        middle = earlier + (later - earlier) // 2
        earlier, later = (earlier, middle) if middle.astimezone(place).utcoffset() == after else (middle, later)
    return later.replace(microsecond=0), True
