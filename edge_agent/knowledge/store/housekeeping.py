"""Pruning the embedded store in small steps: what is too old, or too much.

Old is what a time that can be trusted calls so. Each class of records has a share of the file, dead letters first among
them; the oldest of a class go where it takes more. Where the file is full dead letters give way before anything else,
but for a little room that nothing else may have; then readings from more than a month ahead, which a wrong clock has
left: they would stay the newest for ever; then the oldest readings, and records last.

The file is not shrunk: freed pages are used again, so it stays as large as it ever was, and never larger than the
limit. SQLite's own shrinking (auto_vacuum) moves pages about, which an SD card pays for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.connection import transaction
from edge_agent.knowledge.store.shares import OVERHEAD, brought, letter_size, needed

if TYPE_CHECKING:
    import sqlite3

    from edge_agent.knowledge.store.bounds import StoreBounds
    from edge_agent.knowledge.store.rows import Batch
    from edge_agent.knowledge.store.shares import Shares
    from edge_agent.knowledge.store.trusted import TrustedTime
    from edge_agent.model.time import Instant

_SQL = {**statements("store", "housekeeping"), **statements("store", "shares")}

#: Rows that one step removes, about: some milliseconds.
STEP_ROWS = 1_000
#: Free pages that are room enough to go on with on a full disk, in bytes.
ROOM_BYTES = 1_000_000
#: How far ahead a reading is nonsense.
_AHEAD_MICROSECONDS = 31 * 86_400_000_000
#: Steps that may be done at once to make room.
_MOST_STEPS = 100
#: By class: what removes rows of it.
_STATEMENTS = {name: (name,) for name in OVERHEAD} | {"commands": ("command_events", "commands")}
_LETTERS = "dead_letters"


class Housekeeping:
    """The pruning of one store's file. Runs in the store's thread."""

    def __init__(self, bounds: StoreBounds, time: TrustedTime, shares: Shares) -> None:
        self._bounds, self._time, self._shares = bounds, time, shares

    def tidy(self, db: sqlite3.Connection) -> bool:
        """Do one step, in one short transaction; return whether more is to be done.

        What is too old is removed by the thousand only: a row may outlive its time by so many.
        """
        newest = self._newest(db)
        # A sure clock can be wrong, too; the plant's own readings do not leap with it.
        too_old = self._time.too_old(self._bounds.keep_microseconds)
        if newest is not None:
            too_old = min(too_old, newest - self._bounds.keep_microseconds)
        self._shares.begin()
        with transaction(db):
            done = _prune_readings(db, too_old) or any(self._prune(db, name, too_old) for name in OVERHEAD)
            done = done or self._give_way(db, 0)
        self._shares.settle()
        return done

    def make_room(self, db: sqlite3.Connection) -> bool:
        """Free pages for a file that cannot grow, at the cost of dead letters, and of readings not of the newest days.

        Return whether there is room for a while.
        """
        newest = self._newest(db)
        for _ in range(_MOST_STEPS):
            if free_bytes(db) >= ROOM_BYTES:
                return True
            self._shares.begin()
            with transaction(db):
                made = (self._shares.now(_LETTERS) > 0 and self._give_up(db, _LETTERS)) or self._prune_ahead(db)
                if not made and newest is not None:
                    made = _prune_readings(db, newest - self._bounds.full_keep_microseconds)
            self._shares.settle()
            if not made:
                break
        return free_bytes(db) >= ROOM_BYTES // 2

    def fit(self, db: sqlite3.Connection, batch: Batch) -> tuple[Batch, int]:
        """Make a batch and the file fit each other, within the transaction that writes it.

        Return what is to be written, and how many dead letters were given up, old and new ones.
        """
        self._shares.begin()
        need = needed(batch)
        batch, given_up = self._fit_letters(db, batch, need)
        for name, size in brought(batch).items():
            while name != _LETTERS and size and self._shares.now(name) + size > self._bounds.class_bytes:
                if not self._give_up(db, name):
                    break
        for _ in range(_MOST_STEPS):
            if not self._give_way(db, need):
                break
        self._shares.add(batch)
        return batch, given_up

    def _fit_letters(self, db: sqlite3.Connection, batch: Batch, need: int) -> tuple[Batch, int]:
        """Keep the newest dead letters, as many as have room: of the batch, and of those that are stored."""
        size, given_up = brought(batch)[_LETTERS], 0
        if not size:
            return batch, 0
        while (room := self._room_for_letters(db, need)) < size and self._shares.now(_LETTERS):
            given_up += self._give_up(db, _LETTERS)
        if size <= room:
            return batch, given_up
        others = []
        for name, found in batch.others:
            place = 0
            if name == "insert_dead_letter":
                place = len(found)
                while place and (room := room - letter_size(found[place - 1])) >= 0:
                    place -= 1
                given_up += place
            others.append((name, found[place:]))
        return replace(batch, others=others), given_up

    def _room_for_letters(self, db: sqlite3.Connection, need: int) -> int:
        """Measure the room of new dead letters: of their share, as far as the file is not full, and their own place."""
        stored = self._shares.now(_LETTERS)
        free = self._bounds.max_bytes - used_bytes(db) - need
        return max(min(self._bounds.class_bytes - stored, free), self._bounds.rubbish_floor * 3 // 4 - stored)

    def _give_way(self, db: sqlite3.Connection, need: int) -> bool:
        """Remove a step of what gives way first, where the file has no room for so many bytes; return whether any."""
        used, stored = used_bytes(db) + need, self._shares.now(_LETTERS)
        if used > self._bounds.max_bytes and stored:
            return self._give_up(db, _LETTERS) > 0
        if used - stored <= self._bounds.max_bytes - self._bounds.rubbish_floor:
            return False
        if self._prune_ahead(db) or _prune_readings(db, None):
            return True
        return any(self._give_up(db, name) for name in OVERHEAD if name != _LETTERS)

    def _give_up(self, db: sqlite3.Connection, name: str) -> int:
        """Remove a step of the rows of a class that came first, whatever they are dated; return how many."""
        parts = [db.execute(_SQL[f"give_up_{part}"], (STEP_ROWS,)).fetchall() for part in _STATEMENTS[name]]
        return self._shares.removed(name, [size for part in parts for size in part])

    def _prune(self, db: sqlite3.Connection, name: str, before: Instant) -> int:
        """Remove about a step of the oldest of a class, only where all of the step is that old; return how many."""
        found = _number(db, f"bound_of_{name}", STEP_ROWS - 1)
        if found is None or found >= before:
            return 0
        parts = [db.execute(_SQL[f"prune_{part}"], (found,)).fetchall() for part in _STATEMENTS[name]]
        return self._shares.removed(name, sizes) if (sizes := [size for part in parts for size in part]) else 0

    def _prune_ahead(self, db: sqlite3.Connection) -> bool:
        """Remove a step of the readings from too far ahead; return whether there were any."""
        if _number(db, "reading_ahead", self._horizon()) is None:
            return False
        db.execute(_SQL["prune_readings_ahead"], (self._horizon(), STEP_ROWS))
        return True

    def _newest(self, db: sqlite3.Connection) -> Instant | None:
        return _number(db, "newest_reading", self._horizon())

    def _horizon(self) -> Instant:
        return self._time.latest + _AHEAD_MICROSECONDS


def used_bytes(db: sqlite3.Connection) -> int:
    """Measure the pages in use."""
    return (_pragma(db, "page_count") - _pragma(db, "freelist_count")) * _pragma(db, "page_size")


def free_bytes(db: sqlite3.Connection) -> int:
    """Measure the pages that can be used again."""
    return _pragma(db, "freelist_count") * _pragma(db, "page_size")


def _prune_readings(db: sqlite3.Connection, before: Instant | None) -> bool:
    """Remove about a step of the oldest readings; with `before` only where all of the step is that old."""
    found = _number(db, "bound_of_readings", STEP_ROWS - 1)
    if found is None or (before is not None and found >= before):
        return False
    return db.execute(_SQL["prune_readings"], (found,)).rowcount > 0


def _number(db: sqlite3.Connection, name: str, *arguments: int) -> int | None:
    row = db.execute(_SQL[name], arguments).fetchone()
    return None if row is None else int(row[0])


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
