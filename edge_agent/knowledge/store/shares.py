"""What each class of records takes of the store's file, so that none of them takes more than its share.

Kept in memory, about, and written down when the file is closed in order; otherwise it is counted at the next start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.meta import read_meta, read_number, write_meta

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from edge_agent.knowledge.statements import Row
    from edge_agent.knowledge.store.rows import Batch

_SQL = statements("store", "shares")
_KEY = "share_of_"

#: The classes, in the order in which they give way, and what a row of them takes beside its texts, index included.
OVERHEAD = {"dead_letters": 0, "decisions": 250, "alarm_events": 160, "commands": 200}
#: Which statement writes into which class.
_CLASSES = {
    "insert_dead_letter": "dead_letters",
    "insert_decision": "decisions",
    "insert_alarm_event": "alarm_events",
    "insert_command": "commands",
}
#: What a reading takes, its place in the spool included, and any other row beside its texts.
_READING_BYTES = 110
_ROW_BYTES = 200


class Shares:
    """Bytes by class; what a transaction changes counts once it is `settle`d."""

    def __init__(self) -> None:
        self.bytes = dict.fromkeys(OVERHEAD, 0)
        self._change = dict.fromkeys(OVERHEAD, 0)

    def __repr__(self) -> str:
        return f"Shares({self.bytes})"

    def load(self, db: sqlite3.Connection) -> None:
        """Read what was written down when the file was closed in order, or count."""
        is_clean = read_meta(db, "clean") == 1
        for name in OVERHEAD:
            size = read_number(db, _KEY + name) if is_clean else None
            if size is None:
                size = db.execute(_SQL[f"size_of_{name}"]).fetchone()[0]
            self.bytes[name] = max(0, size)

    def save(self, db: sqlite3.Connection) -> None:
        """Write it down, for the next start."""
        write_meta(db, {_KEY + name: size for name, size in self.bytes.items()})

    def now(self, name: str) -> int:
        """Return the bytes of a class, the transaction under way included."""
        return self.bytes[name] + self._change[name]

    def begin(self) -> None:
        """Forget what a transaction has changed that was not committed."""
        self._change = dict.fromkeys(OVERHEAD, 0)

    def add(self, batch: Batch) -> None:
        """Count what a batch brings."""
        for name, size in brought(batch).items():
            self._change[name] += size

    def removed(self, name: str, sizes: Iterable[Row]) -> int:
        """Count rows that were removed, by their sizes, and return how many; none at all means that none are left."""
        found = [size for (size,) in sizes]
        self._change[name] -= sum(found) if found else self.now(name)
        return len(found)

    def settle(self) -> None:
        """Record that the transaction was committed."""
        for name, change in self._change.items():
            self.bytes[name] = max(0, self.bytes[name] + change)
        self.begin()


def brought(batch: Batch) -> dict[str, int]:
    """Measure what a batch brings, by class."""
    found = dict.fromkeys(OVERHEAD, 0)
    for statement, rows in batch.others:
        name = _CLASSES.get(statement)
        if name is not None:
            found[name] += sum(map(letter_size if name == "dead_letters" else texts, rows)) + OVERHEAD[name] * len(rows)
    found["commands"] += sum(map(texts, batch.command_events)) + OVERHEAD["commands"] * len(batch.command_events)
    return found


def needed(batch: Batch) -> int:
    """Measure the room that a batch needs without its dead letters, about and rather too much."""
    need = _READING_BYTES * len(batch.readings)
    for statement, rows in batch.others:
        if statement != "insert_dead_letter":
            need += sum(map(texts, rows)) + _ROW_BYTES * len(rows)
    return need + sum(map(texts, batch.command_events)) + _ROW_BYTES * len(batch.command_events)


def letter_size(row: Row) -> int:
    """Measure what a dead letter takes: few of the long ones fit a page."""
    return 60 + 5 * texts(row) // 4


def texts(row: Row) -> int:
    """Measure the texts and bytes of a row."""
    return sum(len(value) for value in row if isinstance(value, str | bytes))
