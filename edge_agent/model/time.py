"""Instants and moments. The core is given them; it never reads a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias

# Microseconds since the Unix epoch, UTC. An integer is exact as a key and costs a tenth of an aware datetime
# on the hot path; datetimes exist at the doors only.
Instant: TypeAlias = int

MICROSECONDS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MICROSECOND = timedelta(microseconds=1)
#: 2025-01-01: no clock that says an earlier time is right, this program is younger.
EARLIEST: Instant = 1_735_689_600 * MICROSECONDS


#: Two processes begin their counts a little apart: what is ahead by less was just now.
_JITTER_SECONDS = 1.0


class Moment(NamedTuple):
    """One reading of the clock: the wall (for people and records) and a monotonic count (for intervals).

    `at` is an Instant. `seconds` grows evenly whatever happens to the wall clock: over restarts of the agent too, while
    `boot` is the same; empty, nobody knows. `sure` says that the wall clock is known to be right.
    """

    at: Instant
    seconds: float
    boot: str = ""
    sure: bool = True

    @property
    def offset(self) -> float:
        """The wall clock less the monotonic count, in seconds: what a memory needs to be placed after a restart."""
        return self.at / MICROSECONDS - self.seconds

    def recall(self, at: Instant, boot: str, offset: float, *, sure: bool = True) -> float | None:
        """Place an instant that a former run remembered, with its boot and offset, on the monotonic scale; never ahead.

        Return None where nobody can tell how long ago it was: after another boot, where its clock was or this one is
        not `sure`, or this one is behind.
        """
        same = bool(boot) and boot == self.boot
        if not same and not (self.sure and sure):
            return None
        seconds = at / MICROSECONDS - offset if same else self.seconds_at(at)
        return min(seconds, self.seconds) if seconds <= self.seconds + _JITTER_SECONDS else None

    def seconds_at(self, at: Instant) -> float:
        """Place a recorded instant on the monotonic scale of this moment."""
        return self.seconds - (self.at - at) / MICROSECONDS

    def at_seconds(self, seconds: float) -> Instant:
        """Place a monotonic time on the wall of this moment."""
        return self.at + round((seconds - self.seconds) * MICROSECONDS)


def instant(moment: datetime) -> Instant:
    """Turn an aware datetime into an instant, to the microsecond."""
    return (moment - _EPOCH) // _ONE_MICROSECOND


def as_datetime(at: Instant) -> datetime:
    """Turn an instant into an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def rfc3339(at: Instant) -> str:
    """Write an instant as RFC 3339 in UTC: milliseconds, or microseconds where it has them."""
    precision = "microseconds" if at % 1000 else "milliseconds"
    return as_datetime(at).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def parse_rfc3339(text: str) -> Instant:
    """Read RFC 3339 with an offset. Raises ValueError for anything else, a missing offset too."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return instant(moment)
