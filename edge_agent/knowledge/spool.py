"""The spool inside the embedded store: what PostgreSQL has not taken yet, in the order of the commits.

Runs in the store's thread, within its transactions. Bounded by size and age: the oldest readings go first, alarms,
commands and decisions only when no reading is left.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from loguru import logger

from edge_agent.knowledge import parcel
from edge_agent.knowledge.connection import transaction
from edge_agent.knowledge.ports import Spooled
from edge_agent.knowledge.statements import statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from edge_agent.knowledge.limits import Limits
    from edge_agent.knowledge.rows import Batch, Row
    from edge_agent.knowledge.trusted import TrustedTime
    from edge_agent.model.time import Instant

_SQL = statements("sqlite", "spool")

#: What was refused for good and is kept, in commits.
KEPT_REFUSED = 1_000
#: Parcels that one look takes from the spool at the most.
_MOST_PARCELS = 500
#: Parcels that were taken and wait to be removed with a commit, at the most.
_MOST_TAKEN = 100
_UNPACK = {"readings": parcel.unpack_readings, "records": parcel.unpack_records}
#: In this order things are given up.
_STREAMS = ("readings", "records")


class _Entry(NamedTuple):
    id: int
    at: Instant
    rows: int
    bytes: int


class Spooling:
    """The spool of one file, its size kept in memory; what a transaction changed counts once it is `settle`d.

    What was taken is removed with the next commit rather than in one of its own, which would cost an SD card as much
    as the commit. After a crash in between it is offered again.
    """

    def __init__(self, limits: Limits) -> None:
        self.rows = self.dropped_rows = self.refused_rows = 0
        self._bytes = 0
        self._limits = limits
        self._streak = False  # things are being given up
        self._taken: list[int] = []
        self._change = self._change_bytes = self._given_up = self._refused = 0

    def load(self, db: sqlite3.Connection) -> None:
        """Count what is there."""
        self.rows, self._bytes = db.execute(_SQL["totals"]).fetchone()
        self._forget_change()

    def append(self, db: sqlite3.Connection, batch: Batch, time: TrustedTime) -> None:
        """Add a batch, committed now, and give up what no longer fits.

        It is dated by the later of what the clocks say, and old by the earlier: none is given up too soon.
        """
        at = time.latest
        self._forget_change()
        self._remove_taken(db)
        if batch.readings or batch.settled:
            self._add(db, "readings", at, *parcel.pack_readings(batch))
        rows, body = parcel.pack_records(batch)
        if rows:
            self._add(db, "records", at, rows, body)
        self._bound(db, time.too_old(self._limits.spool_microseconds))

    def oldest(self, db: sqlite3.Connection, most_rows: int) -> Spooled | None:
        """Look at the oldest parcels, merged: at least one, and as many rows as asked for at the most."""
        ids: list[int] = []
        batches: list[Batch] = []
        seen = 0
        after = self._taken[-1] if self._taken else 0
        with closing(db.execute(_SQL["oldest"], (after, _MOST_PARCELS))) as parcels:
            for number, stream, rows, body in parcels:
                if ids and seen + rows > most_rows:
                    break
                ids.append(number)
                batches.append(_UNPACK[stream](body))
                seen += rows
        return Spooled(tuple(ids), seen, _whole(db, batches)) if ids else None

    def drop(self, db: sqlite3.Connection, ids: Sequence[int]) -> None:
        """Take note that the oldest were taken; many of them are removed at once."""
        self._forget_change()
        fresh = [number for number in ids if not self._taken or number > self._taken[-1]]
        for number in fresh:
            rows, size = _size(db, number)
            self._change -= rows
            self._change_bytes -= size
        self._taken += fresh
        self.settle(removed=False)
        if len(self._taken) >= _MOST_TAKEN:
            self.flush(db)

    def flush(self, db: sqlite3.Connection) -> None:
        """Remove what was taken, in a transaction of its own."""
        if self._taken:
            self._forget_change()
            with transaction(db):
                self._remove_taken(db)
            self.settle()

    def refuse(self, db: sqlite3.Connection, ids: Sequence[int], reason: str) -> None:
        """Set aside what was refused for good, in a transaction of its own."""
        self._forget_change()
        with transaction(db):
            for number in ids:
                rows, size = _size(db, number)
                db.execute(_SQL["refuse"], (reason, number))
                db.execute(_SQL["drop"], (number,))
                self._change -= rows
                self._change_bytes -= size
                self._refused += rows
            db.execute(_SQL["forget_refused"], (KEPT_REFUSED,))
        self.settle(removed=False)

    def settle(self, *, removed: bool = True) -> None:
        """Take note that the transaction was committed; with it what was taken is `removed`, usually."""
        if removed:
            self._taken.clear()
        self.rows += self._change
        self._bytes += self._change_bytes
        self.dropped_rows += self._given_up
        self.refused_rows += self._refused
        if self._given_up and not self._streak:
            logger.bind(rows=self._given_up).warning("The spool is full; the oldest of it is given up from now on")
        self._streak = bool(self._given_up) or (self._streak and self._bytes > self._limits.spool_bytes // 2)
        self._forget_change()

    def _forget_change(self) -> None:
        self._change = self._change_bytes = self._given_up = self._refused = 0

    def _add(self, db: sqlite3.Connection, stream: str, at: Instant, rows: int, body: bytes) -> None:
        db.execute(_SQL["append"], (stream, at, rows, len(body), body))
        self._change += rows
        self._change_bytes += len(body)

    def _remove_taken(self, db: sqlite3.Connection) -> None:
        db.executemany(_SQL["drop"], [(number,) for number in self._taken])

    def _bound(self, db: sqlite3.Connection, too_old: Instant) -> None:
        for stream in _STREAMS:
            for entry in list(self._too_much(db, stream, too_old)):
                db.execute(_SQL["drop"], (entry.id,))

    def _too_much(self, db: sqlite3.Connection, stream: str, too_old: Instant) -> Iterator[_Entry]:
        """Yield the oldest of a stream while they are too old, or the spool too large, and count them as given up."""
        for entry in map(_Entry._make, db.execute(_SQL["sizes_of_stream"], (stream,))):
            if entry.at >= too_old and self._bytes + self._change_bytes <= self._limits.spool_bytes:
                return
            self._change -= entry.rows
            self._change_bytes -= entry.bytes
            self._given_up += entry.rows
            yield entry


def _whole(db: sqlite3.Connection, batches: list[Batch]) -> Batch:
    batch = parcel.merged(batches)
    batch.series = _series(db, batch)
    batch.names = {number: tuple(names) for number, *names in batch.series}
    return batch


def _size(db: sqlite3.Connection, number: int) -> tuple[int, int]:
    """Tell rows and bytes of a parcel: none where it was given up meanwhile."""
    rows, size = db.execute(_SQL["size"], (number,)).fetchone() or (0, 0)
    return rows, size


def _series(db: sqlite3.Connection, batch: Batch) -> list[Row]:
    used = {row[0] for row in batch.readings} | {row[2] for row in batch.settled}
    return [db.execute(_SQL["series"], (number,)).fetchone() for number in sorted(used)]
