"""The spool inside the embedded store: what PostgreSQL has not taken yet, in the order of the commits.

Runs in the store's thread, within its transactions. Bounded by size and age: dead letters go first, and never have more
than a tenth of it; then the oldest readings; alarms, commands and decisions only when no reading is left.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from loguru import logger

from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store import parcel
from edge_agent.knowledge.store.connection import transaction
from edge_agent.knowledge.store.readback import keep_aside
from edge_agent.knowledge.store.rows import Batch
from edge_agent.ports.stores import Spooled

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from edge_agent.knowledge.statements import Row
    from edge_agent.knowledge.store.bounds import StoreBounds
    from edge_agent.knowledge.store.storewatch import StoreWatch
    from edge_agent.knowledge.store.trusted import TrustedTime
    from edge_agent.model.time import Instant
    from edge_agent.ports.stores import UnreadableRow

_SQL = statements("store", "spool")

#: What was refused for good and is kept, in commits.
KEPT_REFUSED = 1_000
#: Parcels that one look takes from the spool at the most.
_MOST_PARCELS = 500
#: Parcels that were taken and wait to be removed with a commit, at the most.
_MOST_TAKEN = 100
_UNPACK = {"readings": parcel.unpack_readings, "records": parcel.unpack_records}
#: In this order things are given up: dead letters, readings, what is left.
_CLASSES = (
    ("sizes_of_rubbish", ()),
    ("sizes_of_stream", ("readings",)),
    ("sizes_of_stream", ("records",)),
)


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

    def __init__(self, bounds: StoreBounds, watch: StoreWatch) -> None:
        self._watch = watch
        self._bytes = 0
        self._bounds = bounds
        self._streak = False  # things are being given up
        self._taken: list[int] = []
        self._change = self._change_bytes = self._given_up = self._refused = 0

    def load(self, db: sqlite3.Connection) -> None:
        """Count what is there."""
        self._watch.spooled_rows, self._bytes = db.execute(_SQL["totals"]).fetchone()
        self._forget_change()

    def append(self, db: sqlite3.Connection, batch: Batch, time: TrustedTime) -> None:
        """Add a batch, committed now, and give up what no longer fits.

        It is dated by the later of what the clocks say, and old by the earlier: none is given up too soon.
        """
        at = time.latest
        self._forget_change()
        self._remove_taken(db)
        if batch.readings or batch.settled:
            self._add(db, "readings", at, parcel.pack_readings(batch))
        rubbish, records = _apart(batch)
        for part, is_rubbish in ((rubbish, True), (records, False)):
            packed = parcel.pack_records(part)
            if packed.rows:
                self._add(db, "records", at, packed, is_rubbish=is_rubbish)
        if rubbish.others:
            self._bound_rubbish(db)
        self._bound(db, time)

    def oldest(self, db: sqlite3.Connection, most_rows: int) -> Spooled | None:
        """Look at the oldest parcels, merged: at least one, and as many rows as asked for at the most."""
        while True:
            ids, rows, batch, unreadable = self._look(db, most_rows)
            for number, why in unreadable:
                self.refuse(db, [number], why)
            if unreadable:
                log = logger.bind(parcels=len(unreadable), first=unreadable[0][1])
                log.error("The spool holds what cannot be read; it is set aside")
            if ids or not unreadable:
                return Spooled(tuple(ids), rows, batch) if ids else None

    def _look(self, db: sqlite3.Connection, most_rows: int) -> tuple[list[int], int, Batch, list[tuple[int, str]]]:
        """Read the oldest parcels: ids, rows and what they hold; and those that cannot be read, with the reason."""
        ids: list[int] = []
        batches: list[Batch] = []
        unreadable: list[tuple[int, str]] = []
        known: dict[int, Row] = {}
        seen = 0
        after = self._taken[-1] if self._taken else 0
        with closing(db.execute(_SQL["oldest"], (after, _MOST_PARCELS))) as parcels:
            for number, stream, rows, body in parcels:
                if ids and seen + rows > most_rows:
                    break
                try:
                    batch = _UNPACK[stream](body)
                    _name(db, batch, known)
                except parcel.ParcelError as error:
                    unreadable.append((number, str(error)))
                    continue
                ids.append(number)
                batches.append(batch)
                seen += rows
        series = [(number, *key) for number, key in known.items()]
        return ids, seen, replace(parcel.merged(batches), series=series), unreadable

    def drop(self, db: sqlite3.Connection, ids: Sequence[int], refused: Sequence[UnreadableRow] = ()) -> None:
        """Record that the oldest were taken, but for rows that were refused; many are removed at once."""
        self._forget_change()
        fresh = [number for number in ids if not self._taken or number > self._taken[-1]]
        for number in fresh:
            rows, size = _size(db, number)
            self._change -= rows
            self._change_bytes -= size
        self._taken += fresh
        self.settle(removed=False)
        if len(self._taken) >= _MOST_TAKEN or refused:
            self.flush(db, refused)

    def flush(self, db: sqlite3.Connection, refused: Sequence[UnreadableRow] = ()) -> None:
        """Remove what was taken, in a transaction of its own, and keep the rows of it that were refused."""
        if self._taken:
            self._forget_change()
            with transaction(db):
                self._remove_taken(db)
                keep_aside(db, refused)
                self._refused = len(refused)
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
        """Record that the transaction was committed; with it what was taken is `removed`, usually."""
        if removed:
            self._taken.clear()
        self._watch.spooled_rows += self._change
        self._bytes += self._change_bytes
        self._watch.spool_dropped_rows += self._given_up
        self._watch.spool_refused_rows += self._refused
        if self._given_up and not self._streak:
            logger.bind(rows=self._given_up).warning("The spool is full; the oldest of it is given up from now on")
        self._streak = bool(self._given_up) or (self._streak and self._bytes > self._bounds.spool_bytes // 2)
        self._forget_change()

    def _forget_change(self) -> None:
        self._change = self._change_bytes = self._given_up = self._refused = 0

    def _add(
        self, db: sqlite3.Connection, stream: str, at: Instant, packed: parcel.Packed, *, is_rubbish: bool = False
    ) -> None:
        rows, body = packed
        db.execute(_SQL["append"], (stream, at, rows, len(body), body, is_rubbish))
        self._change += rows
        self._change_bytes += len(body)

    def _remove_taken(self, db: sqlite3.Connection) -> None:
        db.executemany(_SQL["drop"], [(number,) for number in self._taken])

    def _bound(self, db: sqlite3.Connection, time: TrustedTime) -> None:
        too_old = time.too_old(self._bounds.spool_microseconds)
        for statement, which in _CLASSES:
            if time.known is not None:
                _date_anew(db, statement, which, time.known)
            for entry in list(self._too_much(db, statement, which, too_old)):
                db.execute(_SQL["drop"], (entry.id,))

    def _bound_rubbish(self, db: sqlite3.Connection) -> None:
        """Drop the oldest dead letters while they take more than their share."""
        size = db.execute(_SQL["rubbish_bytes"]).fetchone()[0]
        for entry in map(_Entry._make, db.execute(_SQL["sizes_of_rubbish"]).fetchall()):
            if size <= self._bounds.spool_rubbish_bytes:
                return
            size -= entry.bytes
            self._give_up(entry)
            db.execute(_SQL["drop"], (entry.id,))

    def _too_much(
        self, db: sqlite3.Connection, statement: str, which: tuple[str, ...], too_old: Instant
    ) -> Iterator[_Entry]:
        """Yield the oldest of a class while they are too old, or the spool too large, and count them as given up."""
        for entry in map(_Entry._make, db.execute(_SQL[statement], which)):
            if entry.at >= too_old and self._bytes + self._change_bytes <= self._bounds.spool_bytes:
                return
            self._give_up(entry)
            yield entry

    def _give_up(self, entry: _Entry) -> None:
        self._change -= entry.rows
        self._change_bytes -= entry.bytes
        self._given_up += entry.rows


def _date_anew(db: sqlite3.Connection, statement: str, which: tuple[str, ...], now: Instant) -> None:
    """Give the oldest of a class, where a wrong clock has dated them ahead, the date of what was added next."""
    ahead: list[int] = []
    date = now
    with closing(db.execute(_SQL[statement], which)) as found:
        for entry in map(_Entry._make, found):
            if entry.at <= now:
                date = entry.at
                break
            ahead.append(entry.id)
    db.executemany(_SQL["date"], [(date, number) for number in ahead])


def _apart(batch: Batch) -> tuple[Batch, Batch]:
    """Part dead letters from other records: they are given up first."""
    rubbish = [one for one in batch.others if one[0] == "insert_dead_letter"]
    if not rubbish:
        return Batch(), batch
    others = [one for one in batch.others if one[0] != "insert_dead_letter"]
    return Batch(others=rubbish), replace(batch, others=others)


def _size(db: sqlite3.Connection, number: int) -> tuple[int, int]:
    """Return rows and bytes of a parcel: none where it was given up meanwhile."""
    rows, size = db.execute(_SQL["size"], (number,)).fetchone() or (0, 0)
    return rows, size


def _name(db: sqlite3.Connection, batch: Batch, known: dict[int, Row]) -> None:
    """Look up the series of a parcel that are not `known` yet. Raises ParcelError where one is nowhere."""
    for number in sorted({row[0] for row in batch.readings} | {row[2] for row in batch.settled}):
        if number not in known:
            found = db.execute(_SQL["series"], (number,)).fetchone()
            if found is None:
                raise parcel.ParcelError(f"it names a series that is not known: {number}")
            known[number] = found[1:]
