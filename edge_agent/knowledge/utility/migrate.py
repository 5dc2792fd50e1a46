"""PostgreSQL's schema: forward only, each step one transaction under a lock, its version in a table beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.errors import StoreUnavailableError
from edge_agent.knowledge.statements import migrations, statements
from edge_agent.knowledge.utility.connection import cut_after, single_connection

if TYPE_CHECKING:
    from edge_agent.knowledge.statements import Migration
    from edge_agent.knowledge.utility.connection import Connection

_SQL = statements("utility", "schema")

NEWEST = migrations("utility")[-1].version

#: A step may rewrite tables: it has an hour, and waits a minute for those who use them.
_STEP_SECONDS = 3600.0
_OPTIONS = "-c statement_timeout=1h -c lock_timeout=1min -c TimeZone=UTC -c client_min_messages=warning"


async def migrate(dsn: str) -> list[int]:
    """Bring the schema up to date and return the versions that were reached, in order.

    Raises StoreError where the schema is newer than this program, or the database cannot be used.
    """
    async with single_connection(dsn, options=_OPTIONS) as connection:
        with cut_after(_STEP_SECONDS, connection):
            refuse_newer(await schema_version(connection))
            return [step.version for step in migrations("utility") if await _take(connection, step)]


async def schema_version(connection: Connection) -> int:
    """Read the version of the schema; 0 for a database without."""
    known = await _number(connection, "known")
    return await _number(connection, "version") if known else 0


async def accept(connection: Connection) -> None:
    """Raise StoreUnavailableError unless the schema is the one this program knows."""
    found = await schema_version(connection)
    refuse_newer(found)
    if found < NEWEST:
        raise StoreUnavailableError(
            f"The PostgreSQL schema has version {found} and this program needs {NEWEST}: run edge-agent migrate."
        )


def refuse_newer(found: int) -> None:
    """Raise StoreUnavailableError where a newer program migrated the schema."""
    if found > NEWEST:
        raise StoreUnavailableError(
            f"The PostgreSQL schema has version {found}, this program knows {NEWEST} at most: use the newer edge-agent."
        )


async def _take(connection: Connection, step: Migration) -> bool:
    """Run one step unless it was run, perhaps by another while this one waited for the lock."""
    if await schema_version(connection) >= step.version:
        return False
    async with connection.transaction():
        await connection.execute(_SQL["lock"])
        await connection.execute(_SQL["make_schema"])
        await connection.execute(_SQL["make_versions"])
        if await _number(connection, "version") >= step.version:
            return False
        await connection.execute(step.script)
        await connection.execute(_SQL["reached"], (step.version,))
    return True


async def _number(connection: Connection, name: str) -> int:
    row = await (await connection.execute(_SQL[name])).fetchone()
    return int(row[0]) if row else 0
