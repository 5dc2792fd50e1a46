"""Pruning the embedded store in small steps: what is too old, or too much. The oldest readings always go first.

Old is what a time that can be trusted calls so. Where room is needed, readings from more than a month ahead, which a
wrong clock has left, go before all others: they would stay the newest for ever.

The file is not shrunk: freed pages are used again, so it stays as large as it ever was, and never larger than the
limit. SQLite's own shrinking (auto_vacuum) moves pages about, which an SD card pays for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.knowledge.connection import transaction
from edge_agent.knowledge.statements import statements

if TYPE_CHECKING:
    import sqlite3

    from edge_agent.knowledge.limits import Limits
    from edge_agent.knowledge.trusted import TrustedTime
    from edge_agent.model.time import Instant

_SQL = statements("sqlite", "housekeeping")

#: Rows that one step removes, about: some milliseconds.
STEP_ROWS = 1_000
#: Free pages that are room enough to go on with on a full disk, in bytes.
ROOM_BYTES = 1_000_000
#: How far ahead a reading is nonsense.
_AHEAD_MICROSECONDS = 31 * 86_400_000_000
#: Steps that may be done at once to make room.
_MOST_STEPS = 100

#: What gives way after the readings, in this order: where to find the bound, and what then goes.
_RECORDS = (
    ("bound_of_dead_letters", ("prune_dead_letters",)),
    ("bound_of_decisions", ("prune_decisions",)),
    ("bound_of_alarm_events", ("prune_alarm_events",)),
    ("bound_of_commands", ("prune_command_events", "prune_commands")),
)
_READINGS = ("bound_of_readings", ("prune_readings",))


def tidy(db: sqlite3.Connection, limits: Limits, time: TrustedTime) -> bool:
    """Do one step, in one short transaction; return whether more is to be done.

    What is too old is removed by the thousand only: a row may outlive its time by so many.
    """
    newest = _newest(db, time)
    # A sure clock can be wrong, too; the plant's own readings do not leap with it.
    too_old = time.too_old(limits.keep_microseconds)
    if newest is not None:
        too_old = min(too_old, newest - limits.keep_microseconds)
    if any(_prune(db, what, too_old) for what in (_READINGS, *_RECORDS)):
        return True
    if used_bytes(db) <= limits.max_bytes:
        return False
    return _prune_ahead(db, time) or any(_prune(db, what, None) for what in (_READINGS, *_RECORDS))


def make_room(db: sqlite3.Connection, limits: Limits, time: TrustedTime) -> bool:
    """Free pages for a file that cannot grow, at the cost of readings that are not of the newest days.

    Return whether there is room for a while.
    """
    newest = _newest(db, time)
    for _ in range(_MOST_STEPS):
        if free_bytes(db) >= ROOM_BYTES:
            return True
        if _prune_ahead(db, time):
            continue
        if newest is None or not _prune(db, _READINGS, newest - limits.full_keep_microseconds):
            break
    return free_bytes(db) >= ROOM_BYTES // 2


def used_bytes(db: sqlite3.Connection) -> int:
    """Measure the pages in use."""
    return (_pragma(db, "page_count") - _pragma(db, "freelist_count")) * _pragma(db, "page_size")


def free_bytes(db: sqlite3.Connection) -> int:
    """Measure the pages that can be used again."""
    return _pragma(db, "freelist_count") * _pragma(db, "page_size")


def _prune(db: sqlite3.Connection, what: tuple[str, tuple[str, ...]], before: Instant | None) -> bool:
    """Remove about a step of the oldest of one table; with `before` only where all of the step is that old.

    Tells whether something was removed.
    """
    bound, statements_ = what
    found = _number(db, bound, STEP_ROWS - 1)
    if found is None or (before is not None and found >= before):
        return False
    with transaction(db):
        removed = [db.execute(_SQL[name], (found,)).rowcount for name in statements_]
    return any(removed)


def _prune_ahead(db: sqlite3.Connection, time: TrustedTime) -> bool:
    """Remove a step of the readings from too far ahead; return whether there were any."""
    if _number(db, "reading_ahead", _horizon(time)) is None:
        return False
    with transaction(db):
        db.execute(_SQL["prune_readings_ahead"], (_horizon(time), STEP_ROWS))
    return True


def _newest(db: sqlite3.Connection, time: TrustedTime) -> Instant | None:
    return _number(db, "newest_reading", _horizon(time))


def _horizon(time: TrustedTime) -> Instant:
    return time.latest + _AHEAD_MICROSECONDS


def _number(db: sqlite3.Connection, name: str, *arguments: int) -> int | None:
    row = db.execute(_SQL[name], arguments).fetchone()
    return None if row is None else int(row[0])


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
