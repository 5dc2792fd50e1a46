"""One SQLite connection in a thread of its own, and what its errors mean."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from errno import ENOSPC
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from loguru import logger

from edge_agent.errors import StoreDamagedError, StoreError, StoreFullError, StoreRefusedError
from edge_agent.knowledge.store.files import begin_private, close_to_others
from edge_agent.knowledge.store.ownership import refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: How long a statement waits for another program's write, in seconds.
BUSY_SECONDS = 5.0
#: How long one of an agent waits that controls: it tries again, and what controls the plant must not wait for long.
HURRIED_SECONDS = 1.0
#: How large the log beside the file may stay after it was checkpointed.
LOG_BYTES = 8_000_000

_REASONS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_BUSY: (StoreError, "another program is writing to it"),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "the file cannot be opened"),
    sqlite3.SQLITE_CORRUPT: (StoreDamagedError, "the file is damaged"),
    sqlite3.SQLITE_FULL: (StoreFullError, "the disk is full"),
    sqlite3.SQLITE_IOERR: (StoreError, "the disk reports an error"),
    sqlite3.SQLITE_MISMATCH: (StoreRefusedError, "a value is of the wrong type"),
    sqlite3.SQLITE_NOTADB: (StoreDamagedError, "the file is no SQLite database"),
    sqlite3.SQLITE_PERM: (StoreError, "the file may not be used"),
    sqlite3.SQLITE_READONLY: (StoreError, "the file may not be written"),
    sqlite3.SQLITE_TOOBIG: (StoreRefusedError, "a value is too long"),
}
#: What SQLite and its driver raise for a value that they cannot hold.
VALUE_ERRORS = (sqlite3.Error, OverflowError, UnicodeError)
# What the shared memory of the log says when the disk has no room for it.
_SHARED_MEMORY_FULL = 4874  # SQLITE_IOERR_SHMSIZE


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite, its driver and the file system raise into StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        kind, reason = _kind(error)
        raise kind(f"The store {path} does not work: {reason}.") from error
    except OSError as error:
        kind = StoreFullError if error.errno == ENOSPC else StoreError
        raise kind(f"The store {path} cannot be opened: {error.strerror}.") from error
    except (OverflowError, UnicodeError) as error:
        raise StoreRefusedError(f"The store {path} cannot hold a value: {error}.") from error


def is_refusal(error: Exception) -> bool:
    """Return whether the same value would be refused again, however often it is offered."""
    if isinstance(error, sqlite3.Error):
        return _kind(error)[0] is StoreRefusedError
    return isinstance(error, OverflowError | UnicodeError)


def is_full(error: sqlite3.Error) -> bool:
    """Return whether SQLite complains of a full disk."""
    return _kind(error)[0] is StoreFullError


def _kind(error: sqlite3.Error) -> tuple[type[StoreError], str]:
    # The low byte is the kind, the rest says where; the driver's own complaints carry no code.
    code = getattr(error, "sqlite_errorcode", 0)
    kind = sqlite3.SQLITE_FULL if code == _SHARED_MEMORY_FULL else code & 0xFF
    if kind == sqlite3.SQLITE_CONSTRAINT:  # a trigger's veto may be lifted, a rule of the schema stays
        return StoreError if code == sqlite3.SQLITE_CONSTRAINT_TRIGGER else StoreRefusedError, str(error)
    if not code and str(error).startswith("Error binding parameter"):  # of a type that the driver does not know
        return StoreRefusedError, str(error)
    return _REASONS.get(kind, (StoreError, str(error)))


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Do all of it durably, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # SQLite may have rolled back by itself already, on a full disk for one.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


class Connection:
    """Owns a thread and the connection opened in it; calls run one after the other, in the order they were made.

    A cancelled call that has begun is finished in the thread; one that has not, never begins.
    `farewell` is called in the thread before the connection is closed.
    """

    def __init__(
        self,
        path: Path,
        connect: Callable[[Path], sqlite3.Connection],
        farewell: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        self._path = path
        self._connect = connect
        self._farewell = farewell
        self._db: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._is_hurried = False

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            await self._call(self._open)
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    async def run(
        self, work: Callable[Concatenate[sqlite3.Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `work(connection, …)` in the thread. Raises StoreError."""
        return await self._call(lambda: work(self._opened(), *args, **kwargs))

    async def renew(self, prepare: Callable[[sqlite3.Connection], None]) -> None:
        """Close and open again, and prepare the new connection before anyone else uses it. Raises StoreError."""
        await self._call(lambda: self._reopen(prepare))

    def later(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Run work after what is under way, without waiting for it. Its errors are only logged."""
        if self._thread is not None:
            self._thread.submit(self._quietly, work)

    def _quietly(self, work: Callable[[sqlite3.Connection], None]) -> None:
        try:
            self._translated(lambda: work(self._opened()))
        except StoreError as error:
            logger.bind(error=str(error)).debug("The store could not be tidied")

    async def _call(self, work: Callable[[], _T]) -> _T:
        if self._thread is None:
            raise StoreError(f"The store {self._path} is not open.")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._translated, work)

    def _translated(self, work: Callable[[], _T]) -> _T:
        with translated(self._path):
            return work()

    def hurry(self, db: sqlite3.Connection) -> None:
        """Wait for another program's write only HURRIED_SECONDS from now on. To be called in the thread."""
        self._is_hurried = True
        db.execute(f"PRAGMA busy_timeout = {round(HURRIED_SECONDS * 1000)}")

    def _open(self) -> None:
        self._db = self._connect(self._path)

    def _reopen(self, prepare: Callable[[sqlite3.Connection], None]) -> None:
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                db.close()
        fresh = self._connect(self._path)
        try:
            if self._is_hurried:
                self.hurry(fresh)
            prepare(fresh)
        except BaseException:
            fresh.close()
            raise
        self._db = fresh

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(f"The store {self._path} is not open.")
        return self._db

    def _close(self) -> None:
        """Wait for what is under way and close; not a coroutine, so that a cancellation cannot come between."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.submit(self._disconnect)
            thread.shutdown(wait=True)

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            try:
                if self._farewell is not None:
                    self._farewell(db)
            finally:
                db.close()


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the file for its one writer, which also checkpoints; missing folders are made, files of others refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    refuse_foreign(path)
    begin_private(path)
    for part in ("", "-wal", "-shm"):  # SQLite gives those that it makes the mode of the file
        close_to_others(path.with_name(path.name + part))
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    except BaseException:
        db.close()
        raise
    return db


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open the file for reading beside its writer. Raises StoreError where there is none."""
    if not path.is_file():
        raise StoreError(f"There is no store at {path}: it is made when the agent first runs.")
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
