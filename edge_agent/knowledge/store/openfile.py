"""Whether the open file of the store is still the one that stands at its path."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

from edge_agent.knowledge.store.files import begin_private

if TYPE_CHECKING:
    from pathlib import Path

Loss: TypeAlias = Literal["removed", "replaced"]
_Identity: TypeAlias = "tuple[int, int] | None"


class OpenFile:
    """Remembers which files were opened. Two looks at the folder a commit, 2 µs each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._file: _Identity = None
        self._opened_log: _Identity = None
        self.log_bytes = 0  # of the log, at the last look

    def note(self) -> None:
        """Record which file was just opened."""
        self._file, self._opened_log = _identity(self._path), None

    def loss(self) -> Loss | None:
        """Return what has become of the open file; None where it stands, its log beside it."""
        found = _identity(self._path)
        if found != self._file:
            return "removed" if found is None else "replaced"
        log = self._look_at_log()
        if self._opened_log is None:
            self._opened_log = log
        return None if log == self._opened_log else "removed"

    def _look_at_log(self) -> _Identity:
        try:
            found = self._log.stat()
        except OSError:
            return None
        self.log_bytes = found.st_size
        return (found.st_dev, found.st_ino)

    def take_log_away(self, db: sqlite3.Connection) -> None:
        """Remove the log of the open file where it lies: it must not be taken for that of another file."""
        with suppress(sqlite3.Error):
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if self._opened_log is not None and _identity(self._log) == self._opened_log:
            for part in ("-wal", "-shm"):
                self._path.with_name(self._path.name + part).unlink(missing_ok=True)

    def write_anew(self, db: sqlite3.Connection) -> None:
        """Write all that the open file holds into one at its path, where none stands. Raises sqlite3.Error, OSError."""
        if _identity(self._path) is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            begin_private(self._path)
            try:
                with closing(sqlite3.connect(self._path)) as fresh:
                    db.backup(fresh)
            except BaseException:
                self._path.unlink(missing_ok=True)  # half of it must not be taken for the whole
                raise


def _identity(path: Path) -> _Identity:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
