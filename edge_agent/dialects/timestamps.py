"""The times that nodes tell, in each of the forms in which they write them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from edge_agent.model.civil import zone
from edge_agent.model.sources import CIVIL
from edge_agent.model.time import MICROSECONDS, instant

if TYPE_CHECKING:
    from edge_agent.model.time import Instant

#: How a time is written; it keeps out what datetime reads besides (dates alone, week dates, bare numbers).
WRITTEN = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?$"
_EARLIEST, _LATEST = 0, 253_402_300_800  # Unix seconds: 1970, and the year 10000, which datetime does not know
_FIRST, _LAST = -62_135_596_800 * MICROSECONDS, _LATEST * MICROSECONDS  # what an offset can push a written time over


class TimestampError(ValueError):
    """Its text is the reason."""


def told_instant(ts: str | float | None, form: str) -> Instant | None:
    """Return the instant that a node tells; None where it tells none. Raises TimestampError.

    A text is RFC 3339 with its offset, a number Unix seconds or, of the form `unix_ms`, milliseconds. Of the form
    `local:ZONE` a text without an offset is the civil time of that zone; of an hour that comes twice it is the first.

    >>> told_instant("2026-11-22T10:00:00Z", "rfc3339") == told_instant("2026-11-22 11:00:00", "local:Europe/Berlin")
    True
    """
    if ts is None:
        return None
    if isinstance(ts, str):
        return _written(ts, form)
    seconds = ts / 1000 if form == "unix_ms" else ts
    if not _EARLIEST <= seconds < _LATEST:
        raise TimestampError("timestamp_invalid")
    return round(seconds * MICROSECONDS)


def _written(ts: str, form: str) -> Instant:
    try:
        moment = datetime.fromisoformat(ts.upper())
    except ValueError:
        raise TimestampError("timestamp_invalid") from None
    if moment.tzinfo is None:
        if not form.startswith(CIVIL):
            raise TimestampError("timestamp_without_offset")
        moment = _in_zone(moment, form.removeprefix(CIVIL))
    try:
        at = instant(moment)
    except OverflowError:  # the offset of a zone pushes the first and the last day over
        raise TimestampError("timestamp_invalid") from None
    if not _FIRST <= at < _LAST:
        raise TimestampError("timestamp_invalid")
    return at


def _in_zone(moment: datetime, name: str) -> datetime:
    try:
        return moment.replace(tzinfo=zone(name))
    except ValueError:  # `check` knew it, on another machine
        raise TimestampError("timestamp_invalid") from None
