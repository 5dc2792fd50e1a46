"""Writing one batch of rows to PostgreSQL, within one transaction: all of it, or all but the rows that it refuses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg

from edge_agent.errors import StoreUnavailableError
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store import rows
from edge_agent.knowledge.store.parcel import kind_of
from edge_agent.knowledge.store.readback import as_text
from edge_agent.knowledge.utility.arrays import columns, reading_columns, settled_columns
from edge_agent.knowledge.utility.connection import translation
from edge_agent.ports.stores import UnreadableRow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from edge_agent.knowledge.statements import Row
    from edge_agent.knowledge.utility.connection import Connection

_SQL = {**statements("utility", "sink"), **statements("utility", "policy")}
#: How many columns are the key, of the statements that replace rows.
_REPLACING = {"put_alarm": 3, "put_memory": 2}


class BatchWrite:
    """A batch of a site on its way over a connection."""

    def __init__(self, connection: Connection, site: str, batch: rows.Batch) -> None:
        self._connection, self._site, self._batch = connection, site, batch
        self._names: Mapping[int, Row] = {number: tuple(key) for number, *key in batch.series}
        # Judged before they are written: changing a stored row costs four times as much as writing it.
        self._readings, self._settled = rows.settled_within(batch.readings, batch.settled)
        self.duplicates = 0

    async def write(self) -> int:
        """Write all of it, and return how many readings were there before."""
        await self._put_readings(self._readings)
        await self._settle("settle_reading", self._settled)
        for name, found in self._batch.others:
            await self._put(name, _last_by_key(name, found))
        await self._put_events(self._batch.command_events)
        return self.duplicates

    async def sift(self) -> tuple[UnreadableRow, ...] | None:
        """Write all but the rows that are refused, and return those; None where nothing is left."""
        parts: list[tuple[str, Sequence[Any], Callable[[list[Any]], Awaitable[object]]]] = [
            ("readings", self._readings, self._put_readings),
            ("settled", self._settled, partial(self._settle, "settle_reading")),
        ]
        for name, found in self._batch.others:
            parts.append((kind_of(name), _last_by_key(name, found), partial(self._put, name)))
        parts.append(("command_event", self._batch.command_events, self._put_events))
        refused: list[UnreadableRow] = []
        for source, whole, put in parts:
            refused += await self._sieve(source, list(whole), put)
        return None if len(refused) == sum(len(whole) for _, whole, _ in parts) else tuple(refused)

    async def _sieve(
        self, source: str, found: list[Row], put: Callable[[list[Any]], Awaitable[object]]
    ) -> list[UnreadableRow]:
        """Write rows in ever smaller parts, until what is refused stands alone: one row costs one row."""
        if not found:
            return []
        before = self.duplicates
        try:
            async with self._connection.transaction():
                await put(found)
        except (psycopg.Error, UnicodeError, OverflowError) as error:
            self.duplicates, why = before, translation(error)
            if isinstance(why, StoreUnavailableError):
                raise
            if len(found) == 1:
                row = as_text(self._told(source, found[0]))
                return [UnreadableRow(source=source, key=(), row=row, reason=str(why))]
            middle = len(found) // 2
            return [*await self._sieve(source, found[:middle], put), *await self._sieve(source, found[middle:], put)]
        return []

    def _told(self, source: str, row: Row) -> Row:
        """Name the series of a row: its number means nothing to people."""
        place = {"readings": 0, "settled": 2}.get(source)
        return row if place is None else (*row[:place], *self._names[row[place]], *row[place + 1 :])

    async def _put_readings(self, readings: list[Row]) -> None:
        if not readings:
            return
        given = reading_columns(readings, self._names)
        written = await self._connection.execute(_SQL["insert_reading"], (self._site, *given))
        duplicates = len(readings) - written.rowcount
        self.duplicates += duplicates
        if duplicates:
            await self._settle("settle_unjudged_reading", rows.judgements(readings))

    async def _settle(self, name: str, settled: list[Row]) -> None:
        if settled:
            await self._connection.execute(_SQL[name], (self._site, *settled_columns(settled, self._names)))

    async def _put_events(self, events: list[Any]) -> None:
        if events:
            await self._put("insert_command_event", list(map(tuple, events)))
            await self._put("advance_command", rows.advance_rows(events))

    async def _put(self, name: str, found: list[Row]) -> None:
        await put_rows(self._connection, self._site, name, found)


async def put_rows(connection: Connection, site: str, name: str, found: list[Row]) -> None:
    """Write rows of a site by one statement."""
    await connection.execute(_SQL[name], (site, *columns(found)))


def _last_by_key(name: str, found: list[Row]) -> list[Row]:
    """Keep the last row of each key, in the order of the last ones: a statement may replace a row only once."""
    width = _REPLACING.get(name)
    if width is None:
        return found
    last: dict[Row, Row] = {}
    for row in found:
        last.pop(row[:width], None)
        last[row[:width]] = row
    return list(last.values())
