"""How the agent looks after its own store: sound at the start, in bounds, with a reserve for a full disk.

Other programs open the same file without any of this. All of it runs in the store's thread.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from loguru import logger

from edge_agent.errors import StoreFullError, StoreMovedError
from edge_agent.knowledge.store.connection import is_full, translated
from edge_agent.knowledge.store.files import Reserve
from edge_agent.knowledge.store.housekeeping import Housekeeping, free_bytes
from edge_agent.knowledge.store.openfile import OpenFile
from edge_agent.knowledge.store.shares import Shares
from edge_agent.knowledge.store.soundness import open_sound
from edge_agent.knowledge.store.storelock import StoreLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge_agent.knowledge.store.bounds import StoreBounds
    from edge_agent.knowledge.store.rows import Batch
    from edge_agent.knowledge.store.storewatch import StoreWatch
    from edge_agent.knowledge.store.trusted import TrustedTime

_T = TypeVar("_T")

#: Free pages below which a file on a full disk takes no more readings, in bytes.
_LEAST_ROOM = 250_000
#: Pages of the log after which it is written into the file: as SQLite has it, and on a full disk.
_USUAL_LOG_PAGES = 1_000
_SHORT_LOG_PAGES = 50
#: A log so large cannot be emptied into the file: usually it is four megabytes, and cut to eight.
GROWN_LOG_BYTES = 16_000_000
#: Rows written between two looks at what could be pruned.
TIDY_ROWS = 2_000


class Care:
    """Opens, guards and tidies one store."""

    def __init__(self, path: Path, *, bounds: StoreBounds, time: TrustedTime, watch: StoreWatch) -> None:
        self._watch = watch
        self.bounds = bounds
        self.bare = False  # begun anew, and not yet told what the old file knew
        self._reserve = Reserve(path.with_suffix(".reserve"), bounds.reserve_bytes)
        self._open_file = OpenFile(path)
        self.lock = StoreLock(path)
        self._opened = False
        self._damages = 0
        self._untidied = TIDY_ROWS  # the first write looks
        self.shares = Shares()
        self.housekeeping = Housekeeping(bounds, time, self.shares)
        self._given_up = 0  # dead letters, in the transaction under way
        self._crowded = False

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open the file, begun anew where it is damaged. On a full disk the reserve helps.

        Raises StoreError where another agent has it open, or it is another program's.
        """
        try:
            with translated(path):
                db = self._open(path)
        except StoreFullError:
            if not self._reserve.release():
                raise
            db = self._open(path)
        self._open_file.note()
        self._reserve.restore()
        return db

    def fit(self, db: sqlite3.Connection, batch: Batch) -> Batch:
        """Make room for a batch within its transaction, and leave out the dead letters that have none."""
        batch, self._given_up = self.housekeeping.fit(db, batch)
        return batch

    def settle(self) -> None:
        """Record that the transaction was committed."""
        self.shares.settle()
        self._watch.dropped_dead_letters += self._given_up
        if self._given_up and not self._crowded:
            logger.bind(letters=self._given_up).warning("Dead letters take more than their share; the oldest give way")
        self._crowded = bool(self._given_up) or (
            self._crowded and self.shares.now("dead_letters") > self.bounds.rubbish_floor
        )

    def look(self, db: sqlite3.Connection) -> None:
        """Raise StoreError where the open file no longer stands at its path; it is to be opened again then.

        One that was removed is written anew, with all that is in it. One that was replaced stays as it is: the agent
        goes on with what stands there now, if that is a store.
        """
        loss = self._open_file.loss()
        if loss is None:
            self._watch_log()
            return
        logger.bind(loss=loss).error("The file of the store was removed or replaced while the agent runs")
        self._open_file.take_log_away(db)
        if loss == "replaced":
            self.bare = True
            self._watch.renewal = self._watch.loss = (
                "the file was replaced while the agent ran; the one that is there now is used"
            )
        else:
            self._open_file.write_anew(db)
            self._watch.loss = "the file was removed while the agent ran; it was written anew"
        raise StoreMovedError(f"The file of the store was {loss} while the agent ran; it is opened again.")

    def suspect(self) -> None:
        """Record that the open file was found damaged. The second time it is not looked through but set aside."""
        self._damages += 1

    def guarded(self, db: sqlite3.Connection, work: Callable[[], _T], *, bulky: bool) -> _T:
        """Do a transaction. On a full disk it is tried once more in the room that the reserve and old readings give.

        What is `bulky` does not touch the reserve: it needs pages of the file's own. Raises StoreFullError.
        """
        if bulky and not self._room(db):
            raise StoreFullError("The disk is full; the rest of it is kept for commands and alarms.")
        try:
            return work()
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            if self._reserve.release():
                logger.warning("The disk is full; the reserve is used, and old readings make room")
            _shorten_log(db)
            if not self._room(db) and bulky:
                raise
            return work()

    def tidy(self, db: sqlite3.Connection, rows: int) -> bool:
        """Prune a step where it is time to look; return whether more is to be done. `rows` have just been written."""
        self._untidied += rows
        if self._untidied < TIDY_ROWS:
            return False
        if self.housekeeping.tidy(db):
            return True
        self._untidied = 0
        return False

    def _open(self, path: Path) -> sqlite3.Connection:
        self.lock.take()
        db, renewal = open_sound(path, suspect=self._damages > 1, spool_only=self._opened)
        self._opened = True
        if renewal is not None:
            self._watch.renewal = renewal
            self._watch.renewals += 1
            self.bare, self._damages = True, 0
        return db

    def _watch_log(self) -> None:
        """Warn of a log that cannot be emptied, once a streak."""
        size = self._watch.log_bytes = self._open_file.log_bytes
        grows = size > GROWN_LOG_BYTES
        if grows and not self._watch.log_grows:
            log = logger.bind(bytes=size)
            log.warning("The log of the store grows: a long read keeps it from being emptied")
        self._watch.log_grows = grows

    def _room(self, db: sqlite3.Connection) -> bool:
        if self._reserve.stands:
            return True
        if self._reserve.restore():
            db.execute(f"PRAGMA wal_autocheckpoint = {_USUAL_LOG_PAGES}")
            return True
        if free_bytes(db) >= _LEAST_ROOM:
            return True
        try:
            return self.housekeeping.make_room(db)
        except sqlite3.Error:
            return False


def _shorten_log(db: sqlite3.Connection) -> None:
    """Empty the log into the file, and let it grow but little: it would take the reserve for itself."""
    with suppress(sqlite3.Error):
        db.execute(f"PRAGMA wal_autocheckpoint = {_SHORT_LOG_PAGES}")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
