"""Whose a file is: the agent's tables go into no other program's database, and no file of others is moved away."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from edge_agent.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

#: Stands in the header of each store: "EdAg".
APPLICATION_ID = 0x45644167
#: Tables by which stores from before they were marked are known, so many of them: one may be damaged.
_TABLES = frozenset({b"series", b"readings", b"deliveries", b"command_events", b"decisions", b"spool"})
_ENOUGH = 3
_ALONE = "mode=ro&immutable=1"
#: Where a sound or damaged file says whose it is.
_MARK = slice(68, 72)
_BEGINNING = 262_144
_TABLE_OF_OURS = b"CREATE TABLE deliveries"


def refuse_foreign(path: Path) -> None:
    """Raise StoreError for a file that is another's, and do nothing to it. A damaged one of ours passes."""
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        with closing(_looked_at(path)) as db:
            refuse_foreign_tables(db, path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if _is_damage(error) and not _was_ours(path):
            raise StoreError(
                f"The file {path} is no SQLite database and never was a store: it is left alone; name another one "
                "(store.path)."
            ) from error


def refuse_foreign_tables(db: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError where a database that is open is neither empty nor a store."""
    mark = db.execute("PRAGMA application_id").fetchone()[0]
    # As bytes: in a damaged file they need not be text.
    tables = {name for (name,) in db.execute("SELECT CAST(name AS BLOB) FROM sqlite_master WHERE type = 'table'")}
    if mark != APPLICATION_ID and (mark or (tables and len(tables & _TABLES) < _ENOUGH)):
        raise StoreError(
            f"The file {path} is the database of another program: it is left alone; name another one (store.path)."
        )


def _is_damage(error: sqlite3.DatabaseError | UnicodeDecodeError) -> bool:
    # Of a damaged schema the driver's complaint quotes what may be no text, and fails of that.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def _looked_at(path: Path) -> sqlite3.Connection:
    """Open a file to look at it, without making anything beside it; with its log where it has one."""
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else _ALONE
    return sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, isolation_level=None)


def _was_ours(path: Path) -> bool:
    """Return whether a file that cannot be read was a store: it says so itself, or the epoch beside it does."""
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    return (
        path.with_suffix(".epoch").exists()
        or beginning[_MARK] == APPLICATION_ID.to_bytes(4, "big")
        or _TABLE_OF_OURS in beginning
        or not beginning.strip(b"\0")  # a power cut leaves such files
    )
