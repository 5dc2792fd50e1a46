"""Rows that are set aside, in the embedded store: out of the way, and kept for whoever looks into them. Bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.readback import KEPT_ASIDE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from edge_agent.ports.stores import Misfit

_SQL = statements("store", "aside")


def move_aside(db: sqlite3.Connection, misfits: Sequence[Misfit]) -> None:
    """Move rows out of their tables, within a transaction."""
    for one in misfits:
        db.execute(_SQL[f"remove_{one.source}"], one.key)
    keep_aside(db, misfits)


def keep_aside(db: sqlite3.Connection, misfits: Sequence[Misfit]) -> None:
    """Keep rows that are in no table any more, within a transaction."""
    if misfits:
        db.executemany(_SQL["set_aside"], [(one.source, one.row, one.reason) for one in misfits[-KEPT_ASIDE:]])
        db.execute(_SQL["forget_aside"], (KEPT_ASIDE,))
