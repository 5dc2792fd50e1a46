"""What the loop writes into the embedded store, and what a start reads back from it. Runs in the store's thread."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from edge_agent.errors import StoreError
from edge_agent.knowledge import rows
from edge_agent.knowledge.connection import transaction
from edge_agent.knowledge.statements import statements
from edge_agent.model.commands import HIGHEST_EPOCH
from edge_agent.model.readings import KEPT_DELIVERIES, Delivery
from edge_agent.model.remembered import Remembered, StoredReading

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_SQL = statements("sqlite", "journal")
_TOGETHER = 50
_ROW = "(?, ?, ?, ?, ?, ?, ?)"
_INSERT_TOGETHER = _SQL["insert_reading"].replace(_ROW, ", ".join([_ROW] * _TOGETHER))

#: How many of the latest readings a start looks through for the last ones of each sensor: about a second's work.
LOOK_BACK = 1_000_000
_LAST = 3


def take_control(db: sqlite3.Connection, agent: str, above: int) -> Remembered:
    """Raise the epoch, above the file's own and the one given, and tell everything remembered."""
    with transaction(db):
        begun = db.execute(_SQL["raise_epoch"], (above,)).fetchall()[0][0]
        db.execute(_SQL["set_meta"], ("agent", agent))
        db.execute(_SQL["set_meta"], ("clean", 0))
    return remembered(db, begun)


def epoch(db: sqlite3.Connection) -> int:
    """Tell the highest epoch that the file knows; 0 where what stands there makes no sense."""
    (found,) = db.execute(_SQL["get_meta"], ("epoch",)).fetchone() or (0,)
    return found if isinstance(found, int) and 0 <= found <= HIGHEST_EPOCH else 0


def remembered(db: sqlite3.Connection, epoch: int) -> Remembered:
    """Read everything a start is told."""
    return Remembered(
        epoch=epoch,
        commands=[rows.command_noun(row) for row in db.execute(_SQL["open_commands"])],
        alarms=[rows.alarm_noun(row) for row in db.execute(_SQL["remembered_alarms"])],
        actuators=[rows.actuator_noun(body) for (body,) in db.execute(_SQL["remembered_memories"], ("actuator",))],
        plans=[rows.plan_noun(body) for (body,) in db.execute(_SQL["remembered_memories"], ("plan",))],
        readings=list(_last_readings(db)),
        deliveries=[Delivery(*row) for row in db.execute(_SQL["remembered_deliveries"])],
        sequences=[rows.sequence_noun(*row) for row in db.execute(_SQL["remembered_sequences"])],
    )


def write(db: sqlite3.Connection, batch: rows.Batch) -> int:
    """Write a batch within a transaction, and tell how many readings were there before."""
    _write_series(db, batch.series)
    duplicates = _write_readings(db, batch)
    for name, found in batch.others:
        db.executemany(_SQL[name], found)
    if any(name == "insert_delivery" for name, _ in batch.others):
        db.execute(_SQL["forget_deliveries"], (KEPT_DELIVERIES,))
    if batch.command_events:
        db.executemany(_SQL["insert_command_event"], map(rows.event_row, batch.command_events))
        db.executemany(_SQL["advance_command"], map(rows.advance_row, batch.command_events))
    return duplicates


def _last_readings(db: sqlite3.Connection) -> Iterator[StoredReading]:
    """Give the last three of each sensor, oldest first, as far as they are among the last LOOK_BACK of all."""
    series = {number: name for number, *name in db.execute(_SQL["remembered_series"])}
    held: dict[int, list[StoredReading]] = {number: [] for number in series}
    missing = _LAST * len(held)
    # Closed at once: a statement left open would keep the log from being checkpointed.
    with closing(db.execute(_SQL["latest_readings"], (LOOK_BACK,))) as latest:
        while missing and (row := latest.fetchone()):
            found = held.get(row[0])
            if found is not None and len(found) < _LAST:
                found.append(StoredReading(*series[row[0]], *row[1:]))
                missing -= 1
    for found in held.values():
        yield from reversed(found)


def _write_series(db: sqlite3.Connection, series: list[rows.Row]) -> None:
    for number, *key in series:
        db.execute(_SQL["insert_series"], (number, *key))
        if db.execute(_SQL["series_id"], key).fetchone() != (number,):
            raise StoreError("Two agents write to the same store: each needs a file of its own.")


def _insert_readings(db: sqlite3.Connection, readings: list[rows.Row]) -> int:
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
    """Put each reading whose key another one with another value has a little later; tell how many are stored so.

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


def _free(db: sqlite3.Connection, row: rows.Row) -> rows.Row | None:
    """Return the row under the next time where it has room, or is; None where that is its own, or there is none."""
    series, at, seq, value = row[:4]
    for later in range(rows.MOST_LATER):
        found = db.execute(_SQL["value_at"], (series, at + later, seq)).fetchone()
        if found is None or found[0] == value:
            return (series, at + later, *row[2:]) if later else None
    return None
