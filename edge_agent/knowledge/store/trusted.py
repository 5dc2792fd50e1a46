"""The time up to which the store may call things old: one that no wrong clock carries ahead.

A wall clock that is a year ahead for a minute would make everything old. So this time passes as the monotonic count
does, never beyond the wall clock, and follows the wall clock at once only where that is sure. Without any time source
it passes while the agent runs and stands while it does not: things are kept longer, never shorter. What a clock was
sure of may take it back as well.

What was recorded while the clock was not sure may look older than it is, once that is set right: by days, or 55 years.
From the earliest time it may bear nothing is called old until as much time has passed as things are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.meta import read_number, write_meta
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    import sqlite3

    from edge_agent.model.time import Instant, Moment

_SQL = statements("store", "housekeeping")

_KEY = "trusted_at"
_UNSURE_KEY, _YOUNG_KEY, _YOUNG_AT_KEY = "unsure_from", "young_from", "young_at"
#: So much of it may be lost with a crash: it is not written at each commit.
_SAVE_MICROSECONDS = 60 * MICROSECONDS
#: A clock that was set by less has dated nothing wrong.
_STEP_SECONDS = 60.0


class TrustedTime:
    """That time for one store. Runs in the store's thread; `look` comes first."""

    def __init__(self) -> None:
        self._at: Instant | None = None
        self._last: Moment | None = None
        self._saved: Instant | None = None
        self._unsure_from: Instant | None = None  # the earliest that the wall clock said since it was sure last
        self._young_from: Instant | None = None  # what bears a later time may be as young as `_young_at`
        self._young_at: Instant = 0
        self._noted: dict[str, Instant | None] = {}

    def __repr__(self) -> str:
        return f"TrustedTime(at={self._at}, last={self._last})"

    @property
    def at(self) -> Instant:
        """The trusted time; 0 before anybody has looked."""
        return self._at or 0

    @property
    def earliest(self) -> Instant:
        """The trusted time, or the wall clock where that is behind: what is old by it is old."""
        return self.at if self._last is None else min(self.at, self._last.at)

    @property
    def latest(self) -> Instant:
        """The trusted time, or the wall clock where that is ahead."""
        return self.at if self._last is None else max(self.at, self._last.at)

    @property
    def known(self) -> Instant | None:
        """What the wall clock said last, where it is known to be right: nothing was recorded after that."""
        return self._last.at if self._last is not None and self._last.sure else None

    def too_old(self, keep_microseconds: int) -> Instant:
        """Return the time before which things are too old, where they are kept so long."""
        bound = self.earliest - keep_microseconds
        if self._young_from is None or self.at >= self._young_at + keep_microseconds:
            return bound
        return min(bound, self._young_from)

    def load(self, db: sqlite3.Connection) -> None:
        """Read where it stood; in a store without, it stands where the newest things were received."""
        self._saved, self._noted = None, {}
        if self._at is None:
            self._unsure_from, self._young_from = read_number(db, _UNSURE_KEY), read_number(db, _YOUNG_KEY)
            self._young_at = read_number(db, _YOUNG_AT_KEY) or 0
            self._at = read_number(db, _KEY)
            if self._at is None:
                self._at = db.execute(_SQL["newest_receipt"]).fetchone()[0]

    def look(self, now: Moment) -> None:
        """Pass until now."""
        last, self._last = self._last, now
        self._heed_doubt(now, last)
        if self._at is None or now.sure:
            self._at = now.at
        elif last is not None:
            elapsed = round(max(0.0, now.seconds - last.seconds) * MICROSECONDS)
            self._at = max(self._at, min(now.at, self._at + elapsed))

    def _heed_doubt(self, now: Moment, last: Moment | None) -> None:
        """Note from when on times are doubtful, and, when the clock is right again, that they may be young."""
        if not now.sure:
            self._unsure_from = now.at if self._unsure_from is None else min(self._unsure_from, now.at)
        elif self._unsure_from is not None:
            if last is None or abs(now.offset - last.offset) > _STEP_SECONDS:
                known = self._unsure_from if self._young_from is None else self._young_from
                self._young_from, self._young_at = min(known, self._unsure_from), now.at
            self._unsure_from = None

    def save(self, db: sqlite3.Connection) -> None:
        """Write it with a commit, once a minute; what is doubtful at once."""
        noted = {_UNSURE_KEY: self._unsure_from, _YOUNG_KEY: self._young_from, _YOUNG_AT_KEY: self._young_at}
        if noted != self._noted:
            write_meta(db, noted)
        self._noted = noted
        if self._saved is None or abs(self.at - self._saved) >= _SAVE_MICROSECONDS:
            write_meta(db, {_KEY: self.at})
            self._saved = self.at
