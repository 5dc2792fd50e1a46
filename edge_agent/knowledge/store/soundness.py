"""Whether the embedded store's file is sound; one that is not is set aside, and a fresh one begun."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreDamagedError
from edge_agent.knowledge.store.connection import connect_writer, translated
from edge_agent.knowledge.store.meta import read_meta
from edge_agent.knowledge.store.migrate import connect_owner
from edge_agent.knowledge.store.salvage import salvage

if TYPE_CHECKING:
    from pathlib import Path

#: Damaged files that are kept for whoever looks into them.
KEPT_DAMAGED = 2
_PARTS = ("", "-wal", "-shm")


def open_sound(path: Path, *, suspect: bool = False, spool_only: bool = False) -> tuple[sqlite3.Connection, str | None]:
    """Open the file for its owner, begun anew where it is damaged (or suspected of it); return what became of it.

    It is looked through only where its last owner did not close it in order: some seconds a gigabyte.
    """
    if not path.exists():
        return connect_owner(path), None
    try:
        with translated(path):
            return _opened(path, suspect=suspect), None
    except StoreDamagedError as error:
        aside = set_aside(path)
        logger.bind(error=str(error), set_aside=str(aside)).error("The store is damaged; a fresh one is begun")
    db = connect_owner(path)
    salvaged = salvage(aside, db, spool_only=spool_only)
    logger.bind(**salvaged.saved, torn=salvaged.torn).warning("What could be read of the damaged store was saved")
    return db, f"the damaged file is {aside}; {salvaged}"


def _opened(path: Path, *, suspect: bool) -> sqlite3.Connection:
    try:
        _doubt(path, suspect=suspect)
        return connect_owner(path)
    except UnicodeDecodeError as error:  # the driver's complaint of a damaged schema quotes what is no text
        raise StoreDamagedError(f"The store {path} is damaged: its schema is no text.") from error


def set_aside(path: Path) -> Path:
    """Rename a file and what belongs to it to `….corrupt-<UTC time of its last write>`; the oldest such are removed."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(path.stat().st_mtime))
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    for part in _PARTS:
        source = path.with_name(path.name + part)
        if source.exists():
            source.rename(aside.with_name(aside.name + part))
    _remove_oldest(path)
    return aside


def _remove_oldest(path: Path) -> None:
    found = [one for one in path.parent.glob(f"{path.name}.corrupt-*") if not one.name.endswith(_PARTS[1:])]
    for old in sorted(found, key=os.path.getmtime)[:-KEPT_DAMAGED]:
        for part in _PARTS:
            old.with_name(old.name + part).unlink(missing_ok=True)


def _doubt(path: Path, *, suspect: bool) -> None:
    """Raise StoreDamagedError where the file is not sound, or not believed to be."""
    db = connect_writer(path)
    try:
        found = "it was found so twice" if suspect else "ok"
        if not suspect and not _closed_in_order(db):
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        db.close()
    if found != "ok":
        raise StoreDamagedError(f"The store {path} is damaged: {found}.")


def _closed_in_order(db: sqlite3.Connection) -> bool:
    try:
        return bool(read_meta(db, "clean") == 1)
    except sqlite3.OperationalError:  # a new file, or one from before there was a word of it
        return False
