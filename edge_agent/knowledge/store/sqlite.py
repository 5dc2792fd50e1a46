"""The embedded store: where the loop writes and what it is governed by, in one SQLite file. Reading is in archive."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge_agent.errors import StoreDamagedError, StoreError, StoreMovedError, StoreRefusedError
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store import journal, piecemeal, rows
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.care import Care
from edge_agent.knowledge.store.connection import Connection, transaction
from edge_agent.knowledge.store.files import EpochFile
from edge_agent.knowledge.store.governing import StoredPolicy
from edge_agent.knowledge.store.meta import write_meta
from edge_agent.knowledge.store.migrate import connect_owner
from edge_agent.knowledge.store.spool import Spooling
from edge_agent.knowledge.store.storewatch import StoreWatch
from edge_agent.knowledge.store.tidying import Tidying
from edge_agent.knowledge.store.trusted import TrustedTime
from edge_agent.model.commands import HIGHEST_EPOCH, MOST_EPOCH_JUMP
from edge_agent.model.readings import KEPT_DELIVERIES
from edge_agent.ports.stores import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from edge_agent.model.plant import Plant
    from edge_agent.model.remembered import Remembered
    from edge_agent.model.time import Instant, Moment
    from edge_agent.model.turn import Turn
    from edge_agent.ports.stores import Spooled, UnreadableRow

_T = TypeVar("_T")

_SQL = dict(statements("store", "journal"))


class SqliteStore(StoreWatch, StoredPolicy):
    """Journal, policy and spool of one site in one file; `async with` opens it, makes it where it is missing.

    WAL with a sync at each commit. The one connection that writes, and checkpoints, lives in a thread of its own.
    With `bounds` the file is looked after, as only the agent may: kept in bounds, with a reserve for a full disk, and
    set aside and begun anew where it is damaged; `plant` is then put in force in a fresh one. With `spool` all that is
    written waits for the utility's own store as well. So many `deliveries` are kept that have no identity of their own.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        spool: bool = False,
        bounds: StoreBounds | None = None,
        plant: Plant | None = None,
        deliveries: int = KEPT_DELIVERIES,
    ) -> None:
        path = Path(path)
        self._deliveries = deliveries
        self._time = TrustedTime()
        StoreWatch.__init__(self, EpochFile(path))
        self._care = care = None if bounds is None else Care(path, bounds=bounds, time=self._time, watch=self)
        self._spooling = Spooling(bounds or StoreBounds(), self) if spool else None
        connection = Connection(path, care.connect if care else connect_owner, self._bid_farewell)
        StoredPolicy.__init__(self, connection, plant)
        self._ids = rows.SeriesIds(())
        self._tidying = None if care is None else Tidying(connection, care)
        self._agent: str | None = None  # who has taken control
        self._renewed: str | None = None  # the next write is to tell
        self._filled = asyncio.Event()

    async def __aenter__(self) -> Self:
        try:
            await self._connection.__aenter__()
            await self._connection.run(self._prepare)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        if self.spooled_rows:
            self._filled.set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, traceback)
        if self._care is not None:
            self._care.lock.release()

    async def begin(self, agent: str, above: int = 0) -> Remembered:
        """Raise the epoch of the site, and return everything remembered. Raises StoreError."""
        remembered = await self._connection.run(self._begin, agent, above)
        self._agent = agent
        return remembered

    async def write(self, turns: Sequence[Turn]) -> Written:
        """Write turns in one durable transaction. What is written is copied from them before the first suspension."""
        if self._unsound:
            await self._connection.renew(self._renew)
            # Not written after all: what was given may have changed while this waited.
            raise StoreError("The store was damaged or moved, and has been opened again.")
        batch = rows.batch(turns, self._ids)
        if not turns:
            return Written(0)
        try:
            duplicates = await self._write_or_sift(batch, turns[-1].now)
        except StoreMovedError:
            self._unsound = True
            raise
        except StoreDamagedError:
            if self._care is not None:
                self._care.suspect()
                self._unsound = True
            raise
        self._ids.saved(batch.series)
        if self._tidying is not None:
            self._tidying.after(batch.size)
        if self.spooled_rows:
            self._filled.set()
        renewed, self._renewed = self._renewed, None
        return Written(duplicates, renewed)

    async def filled(self) -> None:
        """Wait until the spool holds something."""
        await self._filled.wait()

    async def oldest(self, most_rows: int) -> Spooled | None:
        """Return the oldest rows of the spool, about so many; None where nothing is left. Raises StoreError."""
        self._filled.clear()
        found = await self._connection.run(self._oldest, most_rows)
        if found is not None:
            self._filled.set()
        return found

    async def drop(self, ids: Sequence[int], refused: Sequence[UnreadableRow] = ()) -> None:
        """Remove from the spool what has arrived, and set aside the rows of it that were refused. Raises StoreError."""
        await self._connection.run(self._shrink, lambda spooling, db: spooling.drop(db, ids, refused))

    async def refuse(self, ids: Sequence[int], reason: str) -> None:
        """Set aside parcels of the spool that never will arrive. Raises StoreError."""
        await self._connection.run(self._shrink, lambda spooling, db: spooling.refuse(db, ids, reason))

    async def _write_or_sift(self, batch: rows.Batch, now: Moment) -> int:
        try:
            return await self._connection.run(self._write, batch, now)
        except StoreRefusedError:  # offered again it would be refused again, and everything after it would wait
            left, refused = await self._connection.run(self._sift, batch, now.at)
        duplicates = await self._connection.run(self._write, left, now)
        self.unwritable_rows += refused
        return duplicates

    # What follows runs in the store's thread.

    def _prepare(self, db: sqlite3.Connection) -> None:
        self._ids = rows.SeriesIds(db.execute(_SQL["all_series"]).fetchall())
        self._time.load(db)
        if self._care is not None:
            self._care.shares.load(db)
        if self._spooling is not None:
            self._spooling.load(db)

    def _begin(self, db: sqlite3.Connection, agent: str, above: int) -> Remembered:
        above = max(self._epoch.read(journal.epoch(db) + MOST_EPOCH_JUMP), above)
        remembered, unreadable = self._guarded(db, lambda: journal.take_control(db, agent, above), bulky=False)
        self.unreadable_rows += len(unreadable.found)
        self._epoch.write(remembered.epoch)
        self._connection.hurry(db)
        if self._care is not None:
            self._care.bare = False
            self._care.lock.name(agent)
        return remembered

    def _write(self, db: sqlite3.Connection, batch: rows.Batch, now: Moment) -> int:
        self._time.look(now)
        if self._care is not None:
            self._care.look(db)
        bulky = bool(batch.readings or batch.settled or any(name == "insert_dead_letter" for name, _ in batch.others))
        return self._guarded(db, lambda: self._transact(db, batch), bulky=bulky)

    @staticmethod
    def _sift(db: sqlite3.Connection, batch: rows.Batch, now: Instant) -> tuple[rows.Batch, int]:
        db.execute("BEGIN IMMEDIATE")
        try:
            return piecemeal.sift(db, batch, now)
        finally:
            db.execute("ROLLBACK")

    def _transact(self, db: sqlite3.Connection, batch: rows.Batch) -> int:
        with transaction(db):
            if self._care is not None:
                batch = self._care.fit(db, batch)
            duplicates = journal.write(db, batch, self._deliveries)
            self._time.save(db)
            if self._spooling is not None:
                self._spooling.append(db, batch, self._time)
        if self._care is not None:
            self._care.settle()
        if self._spooling is not None:
            self._spooling.settle()
        return duplicates

    def _guarded(self, db: sqlite3.Connection, work: Callable[[], _T], *, bulky: bool) -> _T:
        return work() if self._care is None else self._care.guarded(db, work, bulky=bulky)

    def _shrink(self, db: sqlite3.Connection, change: Callable[[Spooling, sqlite3.Connection], None]) -> None:
        if self._spooling is not None:
            spooling = self._spooling
            self._guarded(db, lambda: change(spooling, db), bulky=False)

    def _oldest(self, db: sqlite3.Connection, most_rows: int) -> Spooled | None:
        return self._spooling.oldest(db, most_rows) if self._spooling is not None else None

    def _renew(self, db: sqlite3.Connection) -> None:
        """Write what the agent knows into a file that was begun anew, and take up the present one."""
        if self._care is not None and self._care.bare:
            with transaction(db):
                db.execute(_SQL["carry_epoch"], (self._epoch.read(HIGHEST_EPOCH),))
            self._tell(db)
            self._care.bare, self._renewed = False, self.renewal
        self._prepare(db)
        self._unsound = False

    def _bid_farewell(self, db: sqlite3.Connection) -> None:
        if self._spooling is not None:
            with suppress(sqlite3.Error):  # it is offered again then
                self._spooling.flush(db)
        if self._care is not None and self._agent is not None and not self._unsound:
            # It is looked through at the next start where this fails. One commit: each costs a card some kilobytes.
            with suppress(sqlite3.Error), transaction(db):
                self._care.shares.save(db)
                write_meta(db, {"clean": 1})
