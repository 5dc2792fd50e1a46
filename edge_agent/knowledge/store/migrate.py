"""The embedded store's schema: forward only, each step one transaction, its version in the file itself."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_agent.errors import StoreError
from edge_agent.knowledge.statements import migrations
from edge_agent.knowledge.store.connection import connect_writer, transaction
from edge_agent.knowledge.store.ownership import APPLICATION_ID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWEST = migrations("store")[-1].version


def schema_version(db: sqlite3.Connection) -> int:
    """Read the version of the file's schema; 0 for a new file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def migrate(db: sqlite3.Connection) -> None:
    """Bring the schema up to date. Raises StoreError where the file is newer than this program."""
    for step in migrations("store"):
        if schema_version(db) >= step.version:
            continue
        with transaction(db):
            # Another process may have taken this step while this one waited for the lock.
            if schema_version(db) < step.version:
                for statement in _statements(step.script):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {step.version}")
    refuse_newer(db)


def connect_owner(path: Path) -> sqlite3.Connection:
    """Open the file for its one writer, its schema up to date."""
    db = connect_writer(path)
    try:
        migrate(db)
        _mark(db)
    except BaseException:
        db.close()
        raise
    return db


def _mark(db: sqlite3.Connection) -> None:
    """Write into the file's header whose it is."""
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        with suppress(sqlite3.OperationalError):  # another program is writing: the next start says it
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def refuse_newer(db: sqlite3.Connection) -> None:
    """Raise StoreError where the file was written by a newer program."""
    found = schema_version(db)
    if found > NEWEST:
        raise StoreError(
            f"The store has schema version {found}, this program knows {NEWEST} at most: use the newer edge-agent."
        )


def refuse_older(db: sqlite3.Connection) -> None:
    """Raise StoreError where the file waits for a migration, which only its owner may do."""
    found = schema_version(db)
    if found < NEWEST:
        raise StoreError(
            f"The store has schema version {found} and this program reads {NEWEST}: start the agent once to migrate it."
        )


def _statements(script: str) -> Iterator[str]:
    """Split a script at its statements' ends (sqlite3's own script call would commit the transaction)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
