"""Reading the embedded store beside its writer, from any process: export and explain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.knowledge.archive.records import explained, sensible
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.connection import Connection, connect_reader
from edge_agent.knowledge.store.migrate import refuse_newer, refuse_older
from edge_agent.knowledge.store.ownership import refuse_foreign_tables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from types import TracebackType
    from typing import Self

    from edge_agent.knowledge.statements import Row
    from edge_agent.model.time import Instant

    Record = dict[str, Any]

_SQL = statements("archive", "archive")
_BEFORE_ALL = -(2**63)
#: Rows that are read at a time.
_PAGE = 2_000


class SqliteArchive:
    """What a store file holds; `async with` opens it read-only. Raises StoreError where there is none."""

    def __init__(self, path: Path | str) -> None:
        self._connection = Connection(Path(path), _connect)

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, traceback)

    async def explain(self, command_id: str) -> Record | None:
        """Read the chain of one command; None for an unknown id. Raises StoreError."""
        return await self._connection.run(_explain, command_id)

    async def records(self, what: str, since: Instant | None = None, node: str | None = None) -> AsyncIterator[Record]:
        """Yield records of one kind from an instant on.

        They are read page by page; a row begins with its place in the order: an instant, then ties.
        """
        ties = 2 if what == "readings" else 1
        after: Row = (_BEFORE_ALL if since is None else since, *[_BEFORE_ALL] * ties)
        while page := await self._connection.run(_page, what, after, node):
            for record in sensible(what, page, len(after)):
                yield record
            after = page[-1][: len(after)]


def _connect(path: Path) -> sqlite3.Connection:
    db = connect_reader(path)
    try:
        refuse_foreign_tables(db, path)
        refuse_newer(db)
        refuse_older(db)
    except BaseException:
        db.close()
        raise
    return db


def _page(db: sqlite3.Connection, what: str, after: Row, node: str | None) -> list[Row]:
    place = dict(zip(("at", "id", "seq"), after, strict=False))
    return db.execute(_SQL[what], {**place, "node": node, "size": _PAGE}).fetchall()


def _explain(db: sqlite3.Connection, command_id: str) -> Record | None:
    which = (command_id,)
    command = db.execute(_SQL["command"], which).fetchone()
    decision = db.execute(_SQL["decision_of_command"], which).fetchone()
    return explained(command, decision, db.execute(_SQL["command_events"], which))
