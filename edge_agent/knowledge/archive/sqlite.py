"""Reading the embedded store beside its writer, from any process: export and explain."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from edge_agent.knowledge.archive.pages import PAGE, PagedArchive, explained
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.connection import Connection, connect_reader
from edge_agent.knowledge.store.migrate import refuse_newer, refuse_older
from edge_agent.knowledge.store.ownership import refuse_foreign_tables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from edge_agent.knowledge.store.rows import Row

_SQL = statements("archive", "archive")

_BEFORE_ALL = -(2**63)


class SqliteArchive(PagedArchive):
    """What a store file holds; `async with` opens it read-only. Raises StoreError where there is none."""

    oldest = _BEFORE_ALL
    first: ClassVar[Mapping[str, Row]] = MappingProxyType(
        dict.fromkeys(("alarms", "commands", "dead_letters"), (_BEFORE_ALL,)) | {"readings": (_BEFORE_ALL, _BEFORE_ALL)}
    )

    def __init__(self, path: Path | str) -> None:
        self._connection = Connection(Path(path), _connect)

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, traceback)

    async def explain(self, command_id: str) -> dict[str, Any] | None:
        """See Archive."""
        return await self._connection.run(_explain, command_id)

    async def _page(self, what: str, after: Row, node: str | None) -> list[Row]:
        return await self._connection.run(_read, what, after, node)


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


def _read(db: sqlite3.Connection, what: str, after: Row, node: str | None) -> list[Row]:
    place = dict(zip(("at", "id", "seq"), after, strict=False))
    return db.execute(_SQL[what], {**place, "node": node, "size": PAGE}).fetchall()


def _explain(db: sqlite3.Connection, command_id: str) -> dict[str, Any] | None:
    which = (command_id,)
    command = db.execute(_SQL["command"], which).fetchone()
    decision = db.execute(_SQL["decision_of_command"], which).fetchone()
    return explained(command, decision, db.execute(_SQL["command_events"], which))
