"""What the loop writes into the embedded store, and what a start reads back from it. Runs in the store's thread."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store import readback, rows
from edge_agent.knowledge.store.connection import transaction
from edge_agent.knowledge.store.meta import read_meta, write_meta
from edge_agent.knowledge.store.readback import UnreadableRows, move_aside
from edge_agent.model.commands import HIGHEST_EPOCH
from edge_agent.model.readings import KEPT_DELIVERIES
from edge_agent.model.remembered import Remembered

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from edge_agent.knowledge.statements import Row
    from edge_agent.model.remembered import StoredReading

_T = TypeVar("_T")
_SQL = statements("store", "journal")
_TOGETHER = 50
_ROW = "(?, ?, ?, ?, ?, ?, ?)"
_INSERT_TOGETHER = _SQL["insert_reading"].replace(_ROW, ", ".join([_ROW] * _TOGETHER))

#: How many of the latest readings a start looks through for the last ones of each sensor: about a second's work.
LOOK_BACK = 1_000_000
_LAST = 3
#: Beyond it numbers of JSON are no longer told apart.


def epoch(db: sqlite3.Connection) -> int:
    """Read the file's own epoch; 0, with a word of it, where that cannot be one."""
    found = read_meta(db, "epoch") or 0
    if isinstance(found, int) and 0 <= found <= HIGHEST_EPOCH:
        return found
    logger.bind(found=str(found)[:40]).warning("The epoch in the store cannot be one: it is not believed")
    return 0


def take_control(db: sqlite3.Connection, agent: str, above: int) -> tuple[Remembered, UnreadableRows]:
    """Raise the epoch, above the file's own and the one given, and return everything remembered; all of it or nothing.

    Rows that make no sense are set aside, and told.
    """
    unreadable = UnreadableRows()
    with transaction(db):
        found = remembered(db, max(epoch(db), above) + 1, unreadable)
        move_aside(db, unreadable.found)
        write_meta(db, {"epoch": found.epoch, "agent": agent, "clean": 0})
    unreadable.tell()
    return found, unreadable


def remembered(db: sqlite3.Connection, epoch: int, unreadable: UnreadableRows) -> Remembered:
    """Read everything a start is told, but for what makes no sense."""

    def read(source: str, width: int, noun: Callable[[Row], _T], statement: str, *which: str) -> list[_T]:
        return list(unreadable.sensible(source, width, noun, db.execute(_SQL[statement], which).fetchall()))

    db.text_factory = _text
    try:
        return Remembered(
            epoch=epoch,
            commands=read("commands", 1, readback.command_noun, "open_commands"),
            alarms=read("alarms", 3, readback.alarm_noun, "remembered_alarms"),
            actuators=read("actuator", 1, readback.actuator_noun, "remembered_memories", "actuator"),
            plans=read("plan", 1, readback.plan_noun, "remembered_memories", "plan"),
            groups=read("group", 1, readback.group_noun, "remembered_memories", "group"),
            readings=list(_last_readings(db, unreadable)),
            deliveries=read("deliveries", 1, readback.delivery_noun, "remembered_deliveries"),
            delays=read("delay", 1, readback.delay_noun, "remembered_memories", "delay"),
            clocks=read("clock", 1, readback.clock_noun, "remembered_memories", "clock"),
            interlocks=read("interlock", 1, readback.interlock_noun, "remembered_memories", "interlock"),
            sequences=read("sequence", 1, readback.sequence_noun, "remembered_sequences"),
        )
    finally:
        db.text_factory = str


def _text(stored: bytes) -> str:
    """Read a text whatever its bytes are: one that is no Unicode must cost its row only."""
    return stored.decode("utf-8", "replace")


def write(db: sqlite3.Connection, batch: rows.Batch, deliveries: int = KEPT_DELIVERIES) -> int:
    """Write a batch within a transaction, and return how many readings were there before; so many `deliveries` stay."""
    _write_series(db, batch.series)
    duplicates = _write_readings(db, batch)
    for name, found in batch.others:
        db.executemany(_SQL[name], found)
    if any(name == "insert_delivery" for name, _ in batch.others):
        db.execute(_SQL["forget_deliveries"], (deliveries,))
    if batch.command_events:
        db.executemany(_SQL["insert_command_event"], batch.command_events)
        db.executemany(_SQL["advance_command"], map(rows.advance_row, batch.command_events))
    return duplicates


def _last_readings(db: sqlite3.Connection, unreadable: UnreadableRows) -> Iterator[StoredReading]:
    """Return the last three of each sensor, oldest first, as far as they are among the last LOOK_BACK of all."""
    series = {number: name for number, *name in db.execute(_SQL["remembered_series"])}
    held: dict[int, list[StoredReading]] = {number: [] for number in series}
    missing = _LAST * len(held)
    # Closed at once: a statement left open would keep the log from being checkpointed.
    with closing(db.execute(_SQL["latest_readings"], (LOOK_BACK,))) as latest:
        while missing and (row := latest.fetchone()):
            found = held.get(row[0])
            if found is not None and len(found) < _LAST:
                try:
                    found.append(readback.reading_noun((*series[row[0]], *row[1:])))
                except readback.SENSELESS as error:
                    unreadable.add("readings", (row[0], row[2], row[4]), row, error)
                else:
                    missing -= 1
    for found in held.values():
        yield from reversed(found)


def _write_series(db: sqlite3.Connection, series: list[Row]) -> None:
    for number, *key in series:
        db.execute(_SQL["insert_series"], (number, *key))
        if db.execute(_SQL["series_id"], key).fetchone() != (number,):
            raise StoreError("Two agents write to the same store: each needs a file of its own.")


def _insert_readings(db: sqlite3.Connection, readings: list[Row]) -> int:
    """Insert what is not there, many rows a statement: 1.1 µs a row instead of 2.0. Returns how many were inserted."""
    whole = len(readings) - len(readings) % _TOGETHER
    written = 0
    for first in range(0, whole, _TOGETHER):
        values = [value for row in readings[first : first + _TOGETHER] for value in row]
        written += db.execute(_INSERT_TOGETHER, values).rowcount
    if whole < len(readings):
        written += db.executemany(_SQL["insert_reading"], readings[whole:]).rowcount
    return written


def _write_readings(db: sqlite3.Connection, batch: rows.Batch) -> int:
    if not batch.readings and not batch.settled:
        return 0
    written = _insert_readings(db, batch.readings)
    duplicates = len(batch.readings) - written
    if duplicates:
        duplicates -= _find_room(db, batch)
        db.executemany(_SQL["settle_unjudged_reading"], rows.judgements(batch.readings))
    db.executemany(_SQL["settle_reading"], batch.settled)
    return duplicates


def _find_room(db: sqlite3.Connection, batch: rows.Batch) -> int:
    """Put each reading whose key another one with another value has a little later; return how many are stored so.

    The monitor does so for the latest keys of a sensor; after a restart, or for a node without a clock that begins at
    the same time at each boot, only the store knows.
    """
    moved = 0
    for place, row in enumerate(batch.readings):
        free = _free(db, row)
        if free is not None:
            batch.readings[place] = free
            moved += db.execute(_SQL["insert_reading"], free).rowcount
    return moved


def _free(db: sqlite3.Connection, row: Row) -> Row | None:
    """Return the row under the next time where it has room, or is; None where that is its own, or there is none."""
    series, at, seq, value = row[:4]
    for later in range(rows.MOST_LATER):
        found = db.execute(_SQL["value_at"], (series, at + later, seq)).fetchone()
        if found is None or found[0] == value:
            return (series, at + later, *row[2:]) if later else None
    return None
