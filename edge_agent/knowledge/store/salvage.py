"""What can still be read of a damaged store goes into the fresh one: what the next run must know, and the spool.

Best effort: each table is read from both ends until a damaged page, for SALVAGE_SECONDS in all, and each row is looked
at before it is believed. Thresholds and plans are not among it: a damaged limit is worse than the plant file's.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store import journal, parcel, readback
from edge_agent.knowledge.store.connection import VALUE_ERRORS, transaction
from edge_agent.knowledge.store.readback import UnreadableRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_agent.knowledge.statements import Row

_SQL = statements("store", "salvage")

#: How long a damaged file may be read.
SALVAGE_SECONDS = 5.0
_ALONE = "mode=ro&immutable=1"
_STEPS = 10_000  # of SQLite's machine between two looks at the clock
#: Instants are believed between 2000 and 2100, other whole numbers up to here.
_EARLIEST, _LATEST = 946_684_800_000_000, 4_102_444_800_000_000
_MOST = 2**53
#: Tables in the order in which they are saved: parcels and readings name series.
_SPOOL = ("series", "parcels")
_MEMORY = ("open_commands", "memories", "readings", "deliveries")
#: What damaged rows do to those who read them.
_NONSENSE = (ValueError, TypeError, KeyError, IndexError, AttributeError, StoreError, zlib.error)


class Salvaged(NamedTuple):
    """How many rows of each table were saved, and the tables that could not be read to their end."""

    saved: dict[str, int]
    torn: list[str]

    def __str__(self) -> str:
        saved = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self.saved.items() if count)
        torn = ", ".join(name.replace("_", " ") for name in self.torn)
        return f"saved of it: {saved or 'nothing'}" + (f"; not all could be read of: {torn}" if torn else "")


def salvage(damaged: Path, db: sqlite3.Connection, *, spool_only: bool) -> Salvaged:
    """Move what can be read of a damaged file into a fresh one. Raises MemoryError only: else nothing is saved.

    `spool_only` where the agent runs on: it knows the rest itself, and better.
    """
    tables = _SPOOL if spool_only else _SPOOL + _MEMORY
    # Whatever is the matter with a damaged file, the agent starts.
    try:
        with closing(_open(damaged)) as source, transaction(db):
            salvaged = _move(source, db, tables)
            journal.remembered(db, 0, UnreadableRows())  # what a start could not read must not be kept
    except MemoryError:
        raise
    except Exception as error:
        logger.bind(error=str(error)).warning("Nothing could be saved of the damaged store")
        return Salvaged({}, list(tables))
    return salvaged


def _open(path: Path) -> sqlite3.Connection:
    """Open a file to read it, its log too, and change nothing; where that cannot be, the file alone."""
    deadline = time.perf_counter() + SALVAGE_SECONDS
    log = path.with_name(path.name + "-wal")
    modes = ("mode=ro", _ALONE) if log.exists() and log.stat().st_size else (_ALONE,)
    for mode in modes:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, isolation_level=None)
        db.set_progress_handler(lambda: time.perf_counter() > deadline, _STEPS)
        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except (sqlite3.Error, UnicodeDecodeError):  # of a damaged schema the complaint itself may be no text
            db.close()
        else:
            return db
    raise StoreError(f"the file {path.name} cannot be opened")


def _move(source: sqlite3.Connection, db: sqlite3.Connection, tables: tuple[str, ...]) -> Salvaged:
    saved: dict[str, int] = {}
    torn: list[str] = []
    for name in tables:
        forward = _Scan(source, _SQL[name])
        saved[name] = sum(_keep(db, name, row) for row in forward)
        if forward.torn:
            torn.append(name)
            for row in _Scan(source, _SQL.get(f"{name}_backwards", _SQL[name])):
                saved[name] += _keep(db, name, row)
    return Salvaged(saved, torn)


class _Scan:
    """The rows of a statement until it meets damage, or the time is up."""

    def __init__(self, source: sqlite3.Connection, statement: str) -> None:
        self._source, self._statement = source, statement
        self.torn = False

    def __iter__(self) -> Iterator[Row]:
        try:
            with closing(self._source.execute(self._statement)) as cursor:
                yield from cursor
        except sqlite3.Error:
            self.torn = True


def _keep(db: sqlite3.Connection, name: str, row: Row) -> int:
    """Write a row that makes sense and is not there; return how many that is."""
    makes_sense = _SENSE.get(name)
    with suppress(*VALUE_ERRORS, *_NONSENSE):
        if makes_sense is None or makes_sense(row, db):
            return db.execute(_SQL[f"keep_{name}"], row).rowcount
    return 0


def _known(db: sqlite3.Connection, series: set[int]) -> bool:
    found = {number for (number,) in db.execute(_SQL["known_series"])} if series else series
    return series <= found


def _is_parcel(row: Row, db: sqlite3.Connection) -> bool:
    """Unpack a parcel, which carries a checksum: it is whole, or it is not believed."""
    _, stream, at, count, size, body = row
    unpacked = (parcel.unpack_readings if stream == "readings" else parcel.unpack_records)(body)
    series = {one[0] for one in unpacked.readings} | {one[2] for one in unpacked.settled}
    return _is_instant(at) and size == len(body) and count == unpacked.size and _known(db, series)


def _is_command(row: Row, _: sqlite3.Connection) -> bool:
    record = readback.command_noun(row)
    command = record.command
    moments = (command.issued_at, command.expires_at)
    return (
        all(map(_is_instant, moments))
        and 0 < command.expires_at - command.issued_at <= _MOST
        and all(0 <= number < _MOST for number in (command.epoch, command.counter, record.attempts))
    )


def _is_memory(row: Row, _: sqlite3.Connection) -> bool:
    kind, name, body = row
    if kind == "actuator":
        memory = readback.actuator_noun((name, body))
        moments = [memory.desired_at, memory.started_at, memory.stopped_at, *memory.starts]
        return all(moment is None or _is_instant(moment) for moment in moments)
    if kind == "plan":
        plan = readback.plan_noun((name, body))
        return plan.fired_at is None or _is_instant(plan.fired_at)
    if kind == "group":
        return bool(readback.group_noun((name, body)))
    if kind == "delay":
        delay = readback.delay_noun((name, body))
        return delay.since_at is None or _is_instant(delay.since_at)
    if kind == "clock":
        return abs(readback.clock_noun((name, body)).offset) <= _LATEST
    seen = readback.sequence_noun((name, body)).seen
    return kind == "sequence" and all(one is None or 0 <= one[0] <= _LATEST for one in seen)


def _is_reading(row: Row, db: sqlite3.Connection) -> bool:
    return (
        _known(db, {row[1]})
        and _is_instant(row[0])
        and _is_instant(row[4])
        and 0 <= row[5] <= 9
        and 0 <= row[6] < _MOST
    )


def _is_instant(at: object) -> bool:
    return isinstance(at, int) and _EARLIEST <= at <= _LATEST


_SENSE: dict[str, Callable[[Row, sqlite3.Connection], bool]] = {
    "parcels": _is_parcel,
    "open_commands": _is_command,
    "memories": _is_memory,
    "readings": _is_reading,
}
