"""The utility's store: PostgreSQL, shared by gateways. Where the spool drains to and what a site is governed by."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError, StoreForbiddenError, StoreUnavailableError
from edge_agent.knowledge.policy.differences import catalogue, differences
from edge_agent.knowledge.policy.digest import digest
from edge_agent.knowledge.policy.plant_rows import (
    PLURALS,
    POLICY_PLURALS,
    edits,
    plant_noun,
    policy_noun,
    stored_catalogue,
)
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.utility.arrays import numbers
from edge_agent.knowledge.utility.connection import WORK_SECONDS, Database, cut_after, single_connection
from edge_agent.knowledge.utility.migrate import accept
from edge_agent.knowledge.utility.writing import BatchWrite, put_rows
from edge_agent.ports.policy import Edition, Issue
from edge_agent.ports.stores import Absorbed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from types import TracebackType
    from typing import Self

    from edge_agent.knowledge.statements import Row
    from edge_agent.knowledge.store.rows import Batch
    from edge_agent.knowledge.utility.connection import Connection
    from edge_agent.model.plant import Plant, Policy
    from edge_agent.ports.policy import Change

_SQL = {**statements("utility", "sink"), **statements("utility", "policy")}

_DAY = 86_400_000_000  # microseconds
#: Days whose month is known to be there; nonsense from clocks must not make this grow for ever.
_KNOWN_DAYS = 10_000
#: How long each half of the maintenance may take; a little more than its statements.
_MAINTENANCE_SECONDS = 65.0
#: How long a batch may take of which rows are refused: it is written in many small parts.
_SIFT_SECONDS = 60.0
#: How long applying a plant may take for each thing in it or stored before; some ten times what it takes.
_APPLY_SECONDS_PER_ENTRY = 0.001
#: Rows that are taken over at a time from what the server has sent, between two turns of the loop.
_FETCHED = 1_000
#: How often a silent listening connection is asked whether it lives, and how long it may take to say so.
_SILENCE_SECONDS = 20.0
_PROOF_SECONDS = 5.0


class PostgresStore:
    """Sink and policy of one site; `async with` opens it, whether the server is there or not.

    Every call ends within seconds, whatever the server does: with StoreUnavailableError where it may go well later
    (no server, no schema, no room, no time), with another StoreError where it will not.
    """

    def __init__(
        self, dsn: str, site: str, *, min_size: int = 1, max_size: int = 4, readings_keep_days: int | None = None
    ) -> None:
        self._database = Database(dsn, accept, min_size=min_size, max_size=max_size)
        self._dsn, self._site = dsn, site
        self._keep_days = readings_keep_days
        self._days: set[int] = set()
        self.note: str | None = None  # what is to be known though it works
        self._writing = asyncio.Lock()  # what is put later must be written later

    async def __aenter__(self) -> Self:
        await self._database.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._database.__aexit__(kind, error, traceback)

    @property
    def trouble(self) -> str | None:
        """Why the database could not be used last; None once it could be."""
        return self._database.trouble

    async def absorb(self, batch: Batch) -> Absorbed:
        """Write what another store has committed, as one transaction. Idempotent by key. Raises StoreError.

        A row that is refused is left out, and told; where all are it is a StoreError.
        """
        async with self._writing:
            await self._make_months(batch)
            try:
                return Absorbed(await self._write(batch))
            except StoreUnavailableError:
                raise
            except StoreError as error:
                return await self._sift(batch, error)

    async def _write(self, batch: Batch) -> int:
        async with self._database.transaction() as connection:
            return await BatchWrite(connection, self._site, batch).write()

    async def _sift(self, batch: Batch, error: StoreError) -> Absorbed:
        """Write all but the rows that are refused. Raises the error where nothing is left."""
        async with self._database.transaction(_SIFT_SECONDS) as connection:
            writing = BatchWrite(connection, self._site, batch)
            refused = await writing.sift()
            if refused is None:
                raise error
        return Absorbed(writing.duplicates, refused)

    async def maintain(self) -> int:
        """Make the months to come, and drop those that every site has kept long enough; return how many. Once a day."""
        async with self._database.transaction(_MAINTENANCE_SECONDS) as connection:
            await connection.execute(_SQL["patiently"])
            await connection.execute(_SQL["make_months_ahead"])
            self.note = None
        async with self._database.transaction(_MAINTENANCE_SECONDS) as connection:
            await connection.execute(_SQL["patiently"])
            await connection.execute(_SQL["keep_readings"], (self._site, self._keep_days))
            dropped = await _all(connection, "drop_readings", ())
        self._days.clear()
        months = sum(int(number) for (number,) in dropped)
        if months:
            logger.bind(months=months).info("Old readings were dropped from PostgreSQL")
        return months

    async def policy(self) -> Policy:
        """Read the thresholds and plans in force, each sorted by name. Raises StoreError."""
        async with self._database.transaction() as connection:
            await connection.execute(_SQL["snapshot"])
            return await self._policy(connection)

    async def plant(self) -> Plant:
        """Read the plant that was applied last, with the policy in force. Raises StoreError where there is none."""
        async with self._database.transaction(WORK_SECONDS) as connection:
            await connection.execute(_SQL["snapshot"])
            if not await _all(connection, "applied", (self._site,)):
                raise StoreError("No plant was applied to the store.")
            stored = {plural: await _all(connection, plural, (self._site,)) for plural in PLURALS}
        return await asyncio.to_thread(plant_noun, self._site, stored)

    async def version(self) -> Edition:
        """Read which edition of the policy is in force. Raises StoreError."""
        async with self._database.connection() as connection:
            return await self._edition(connection)

    async def issue(self) -> Issue:
        """Read the policy with all that is needed to share it, as of one instant. Raises StoreError."""
        async with self._database.transaction() as connection:
            await connection.execute(_SQL["snapshot"])
            edition, policy = await self._edition(connection), await self._policy(connection)
            applied = await _all(connection, "applied", (self._site,))
            ((key,),) = await _all(connection, "policy_key", ())
        return Issue(edition=edition, policy=policy, applied=applied[0][0] if applied else None, key=key)

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]:
        """Make the database say what the plant file says, in one transaction; return what changed, or would.

        Raises StoreError for a plant of another site.
        """
        if plant.site != self._site:
            raise StoreError(f"The plant file is of site {plant.site}, the store of site {self._site}.")
        # In threads, what takes long where the plant is large: the loop turns meanwhile.
        wanted, mark = await asyncio.to_thread(lambda: (catalogue(plant), digest(plant)))
        seconds = await self._seconds_for(len(wanted))
        async with self._database.transaction(seconds) as connection:
            await connection.execute(_SQL["take_your_time"], (f"{seconds - 1:.0f}s",))
            if not dry_run:
                await connection.execute(_SQL["set_applied"], (self._site, mark))
            stored = {plural: await _all(connection, plural, (self._site,)) for plural in PLURALS}
            changes = await asyncio.to_thread(lambda: differences(stored_catalogue(stored), wanted))
            if not dry_run:
                for name, found in edits(changes, wanted):
                    await put_rows(connection, self._site, name, found)
                await connection.execute(_SQL["tell_policy"], (self._site,))
        return changes

    async def _seconds_for(self, wanted: int) -> float:
        """Return how long applying so many entries to what is stored may take."""
        async with self._database.connection() as connection:
            ((stored,),) = await _all(connection, "counted", {"site": self._site})
        return WORK_SECONDS + (wanted + int(stored)) * _APPLY_SECONDS_PER_ENTRY

    async def applied(self) -> str | None:
        """Read the digest of the plant file that was applied last; None where none was."""
        async with self._database.connection() as connection:
            found = await _all(connection, "applied", (self._site,))
        return found[0][0] if found else None

    async def changes(self) -> AsyncIterator[None]:
        """Yield when the policy may have changed: once at first, then as soon as anybody has changed it.

        Ends only with StoreUnavailableError: the connection is lost, and what changes until the next call is told by
        its first yield.
        """
        async with single_connection(self._dsn) as connection:
            await connection.execute(_SQL["policy_channel"])
            yield
            while True:
                async for notice in connection.notifies(timeout=_SILENCE_SECONDS):
                    if notice.payload == self._site:
                        yield
                with cut_after(_PROOF_SECONDS, connection):
                    await connection.execute("")

    async def _policy(self, connection: Connection) -> Policy:
        stored = {plural: await _all(connection, plural, (self._site,)) for plural in POLICY_PLURALS}
        return await asyncio.to_thread(policy_noun, stored)

    async def _edition(self, connection: Connection) -> Edition:
        (found,) = await _all(connection, "policy_version", {"site": self._site})
        return Edition(*found)

    async def _make_months(self, batch: Batch) -> None:
        """Make the partitions that the readings need; what cannot be made is caught by the default one."""
        missing = {row[1] // _DAY for row in batch.readings} - self._days
        if not missing:
            return
        try:
            async with self._database.transaction() as connection:
                await connection.execute(_SQL["make_months"], (numbers(day * _DAY for day in missing),))
        except StoreForbiddenError as error:
            self.note = f"months of readings cannot be made, so they wait in readings_default: {error}"
        except StoreUnavailableError:
            raise
        except StoreError:
            return
        if len(self._days) > _KNOWN_DAYS:
            self._days.clear()
        self._days |= missing


async def _all(connection: Connection, name: str, which: Sequence[object] | dict[str, object]) -> list[Row]:
    cursor = await connection.execute(_SQL[name], which)
    found = part = await cursor.fetchmany(_FETCHED)
    while len(part) == _FETCHED:
        await asyncio.sleep(0)
        part = await cursor.fetchmany(_FETCHED)
        found += part
    return found
