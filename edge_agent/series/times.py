"""Times as files of others write them: with an offset, of a named zone, or as a count of seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from edge_agent.errors import UsageError
from edge_agent.model.civil import zone as civil_zone
from edge_agent.model.time import MICROSECONDS, instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from edge_agent.model.time import Instant

#: What people and spreadsheets write besides ISO 8601. Day before month: the other order is never guessed.
_FORMATS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")
#: From 1980 to 2100: a number beyond is no count of seconds, but may be one of milliseconds.
_EARLIEST, _LATEST = 315_532_800.0, 4_102_444_800.0
_MILLI = 1000.0


class NoTimeError(ValueError):
    """A text is no time; its own text says what was expected."""


class NoZoneError(NoTimeError):
    """A time without an offset, where no zone is named: then no row of the file can be placed."""


class TimeReader:
    """Reads times in the order of a file. `zone` is the IANA name of the zone in which times without an offset stand.

    An hour that comes twice, in autumn, is the first one until times go backwards in it.
    """

    def __init__(self, zone: str | None) -> None:
        """Begin a file. Raises UsageError where there is no such zone."""
        self._zone = None if zone is None else _zone(zone)
        self._last: Instant | None = None

    def __repr__(self) -> str:
        return f"TimeReader({self._zone})"

    def read(self, text: str) -> Instant:
        """Return the instant. Raises NoTimeError, or NoZoneError where it needs a zone and none is named."""
        at = self._count(text)
        if at is None:
            at = self._civil(text)
        self._last = at
        return at

    @staticmethod
    def _count(text: str) -> Instant | None:
        """Read seconds or milliseconds since 1970; None where it is no number of that size."""
        try:
            number = float(text)
        except ValueError:
            return None
        for seconds in (number, number / _MILLI):
            if _EARLIEST <= seconds < _LATEST:
                return round(seconds * MICROSECONDS)
        raise NoTimeError("is no number of seconds or milliseconds since 1970")

    def _civil(self, text: str) -> Instant:
        moment = _moment(text)
        if moment.tzinfo is not None:
            return instant(moment)
        if self._zone is None:
            raise NoZoneError("has no offset; name its zone with --timezone, such as --timezone Europe/Berlin or UTC")
        first = moment.replace(tzinfo=self._zone)
        if first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != moment:
            raise NoTimeError(f"does not exist in {self._zone}: clocks were set forward over it")
        at, again = instant(first), instant(first.replace(fold=1))
        return again if self._last is not None and at <= self._last < again + _HOUR and again != at else at


_HOUR = round(timedelta(hours=1) / timedelta(microseconds=1))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip().upper())
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text.strip(), form)  # noqa: DTZ007 - its zone is given by itself
        except ValueError:
            continue
    raise NoTimeError("is no time; expected one such as 2026-03-01T06:00:00Z, 2026-03-01 06:00 or 01.03.2026 06:00")


def _zone(name: str) -> ZoneInfo:
    try:
        return civil_zone(name)
    except ValueError as error:
        raise UsageError(
            f"there is no time zone {name!r}; expected an IANA name such as Europe/Berlin or UTC"
        ) from error
