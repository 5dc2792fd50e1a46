"""The time up to which the store may call things old: one that no wrong clock carries ahead.

A wall clock that is a year ahead for a minute would make everything old. So this time passes as the monotonic count
does, never beyond the wall clock, and follows the wall clock at once only where that is sure. Without any time source
it passes while the agent runs and stands while it does not: things are kept longer, never shorter. What a clock was
sure of may take it back as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.knowledge.statements import statements
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    import sqlite3

    from edge_agent.model.time import Instant, Moment

_SQL = {**statements("sqlite", "journal"), **statements("sqlite", "housekeeping")}

_KEY = "trusted_at"
#: So much of it may be lost with a crash: it is not written at each commit.
_SAVE_MICROSECONDS = 60 * MICROSECONDS


class TrustedTime:
    """That time for one store. Runs in the store's thread; `look` comes first."""

    def __init__(self) -> None:
        self._at: Instant | None = None
        self._last: Moment | None = None
        self._saved: Instant | None = None

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

    def load(self, db: sqlite3.Connection) -> None:
        """Read where it stood; in a store without, it stands where the newest things were received."""
        self._saved = None
        if self._at is None:
            row = db.execute(_SQL["get_meta"], (_KEY,)).fetchone()
            if row is None or not isinstance(row[0], int):
                row = db.execute(_SQL["newest_receipt"]).fetchone()
            self._at = row[0]

    def look(self, now: Moment) -> None:
        """Let it pass until now."""
        last, self._last = self._last, now
        if self._at is None or now.sure:
            self._at = now.at
        elif last is not None:
            elapsed = round(max(0.0, now.seconds - last.seconds) * MICROSECONDS)
            self._at = max(self._at, min(now.at, self._at + elapsed))

    def save(self, db: sqlite3.Connection) -> None:
        """Write it with a commit, once a minute."""
        if self._saved is None or abs(self.at - self._saved) >= _SAVE_MICROSECONDS:
            db.execute(_SQL["set_meta"], (_KEY, self.at))
            self._saved = self.at
