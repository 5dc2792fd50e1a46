"""Reading what a site has in PostgreSQL: export and explain."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from edge_agent.knowledge.archive.pages import PAGE, PagedArchive, explained
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.utility.connection import Database
from edge_agent.knowledge.utility.migrate import accept

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from edge_agent.knowledge.store.rows import Row

_SQL = statements("utility", "archive")

_BEFORE_ALL = -(2**63)


class PostgresArchive(PagedArchive):
    """What one site has in the database; `async with` opens it, whether the server is there or not."""

    #: The first instant a datetime knows, 0001-01-01.
    oldest = -62_135_596_800_000_000
    first: ClassVar[Mapping[str, Row]] = MappingProxyType(
        dict.fromkeys(("alarms", "commands", "dead_letters"), (_BEFORE_ALL,)) | {"readings": ("", "", "", _BEFORE_ALL)}
    )

    def __init__(self, dsn: str, site: str, *, min_size: int = 1, max_size: int = 4) -> None:
        self._database = Database(dsn, accept, min_size=min_size, max_size=max_size)
        self._site = site

    @property
    def trouble(self) -> str | None:
        """Why the database could not be used last; None once it could be."""
        return self._database.trouble

    async def __aenter__(self) -> Self:
        await self._database.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._database.__aexit__(kind, error, traceback)

    async def explain(self, command_id: str) -> dict[str, Any] | None:
        """See Archive."""
        which = (self._site, command_id)
        async with self._database.connection() as connection:
            command = await (await connection.execute(_SQL["command"], which)).fetchone()
            decision = await (await connection.execute(_SQL["decision_of_command"], which)).fetchone()
            events = await (await connection.execute(_SQL["command_events"], which)).fetchall()
        return explained(command, decision, events)

    async def _page(self, what: str, after: Row, node: str | None) -> list[Row]:
        place = dict(zip(("at", "second", "third", "fourth", "fifth"), after, strict=False))
        query = {**place, "site": self._site, "node": node, "size": PAGE}
        async with self._database.connection() as connection:
            return await (await connection.execute(_SQL[what], query)).fetchall()
