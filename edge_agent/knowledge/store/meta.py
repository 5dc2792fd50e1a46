"""The table `meta`: what the embedded store notes of itself under names, of one value each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.connection import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_SQL = statements("store", "journal")


def read_meta(db: sqlite3.Connection, key: str) -> Any:  # noqa: ANN401 - a column of any type
    """Read one value; None where there is none."""
    row = db.execute(_SQL["get_meta"], (key,)).fetchone()
    return row[0] if row else None


def read_number(db: sqlite3.Connection, key: str) -> int | None:
    """Read one whole number; None where there is none, or something else."""
    found = read_meta(db, key)
    return found if isinstance(found, int) else None


def write_meta(db: sqlite3.Connection, values: Mapping[str, object]) -> None:
    """Write values within a transaction; None forgets one."""
    for key, value in values.items():
        if value is None:
            db.execute(_SQL["forget_meta"], (key,))
        else:
            db.execute(_SQL["set_meta"], (key, value))


def note(db: sqlite3.Connection, values: Mapping[str, object]) -> None:
    """Write values in a transaction of their own."""
    with transaction(db):
        write_meta(db, values)
