"""The utility's PostgreSQL as tests use it: turns go in as they come out of a spool, and the tables are read flat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.knowledge.archive.records import explained, sensible
from edge_agent.knowledge.store import parcel, rows
from edge_agent.knowledge.utility.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from edge_agent.ports.stores import Absorbed

_COMMAND = """
SELECT id, site, node, actuator, action, value, edge_agent.microseconds(issued_at), edge_agent.microseconds(expires_at),
       lease_seconds, epoch, counter, plan, reason, state, attempts, edge_agent.microseconds(closed_at)
FROM edge_agent.commands WHERE site = %(site)s
"""
_SQL = {
    "readings": """
SELECT node, sensor, value, unit, flag, tests, edge_agent.microseconds(observed_at),
       edge_agent.microseconds(received_at), nullif(seq, -1)
FROM edge_agent.readings WHERE site = %(site)s
  AND (%(at)s::bigint IS NULL OR observed_at >= edge_agent.instant(%(at)s))
  AND (%(node)s::text IS NULL OR node = %(node)s) ORDER BY observed_at, node, sensor, unit, seq""",
    "alarms": """
SELECT node, sensor, threshold, event, edge_agent.microseconds(at), value, by, reason
FROM edge_agent.alarm_events WHERE site = %(site)s AND (%(at)s::bigint IS NULL OR at >= edge_agent.instant(%(at)s))
  AND (%(node)s::text IS NULL OR node = %(node)s) ORDER BY at, id""",
    "commands": f"""{_COMMAND}
  AND (%(at)s::bigint IS NULL OR issued_at >= edge_agent.instant(%(at)s))
  AND (%(node)s::text IS NULL OR node = %(node)s) ORDER BY issued_at, number""",
    "dead_letters": """
SELECT reason, topic, payload, edge_agent.microseconds(received_at)
FROM edge_agent.dead_letters WHERE site = %(site)s
  AND (%(at)s::bigint IS NULL OR received_at >= edge_agent.instant(%(at)s))
  AND (%(node)s::text IS NULL
       OR strpos('/' || topic || '/', '/' || %(site)s::text || '/' || %(node)s::text || '/') > 0)
ORDER BY received_at, id""",
    "command": f"{_COMMAND} AND id = %(id)s",
    "events": """
SELECT state, edge_agent.microseconds(at), attempts, detail FROM edge_agent.command_events
WHERE site = %(site)s AND command_id = %(id)s ORDER BY id""",
    "decision": """
SELECT edge_agent.microseconds(at), actuator, action, value, plan, verdict, reason, checks::text, alarms::text
FROM edge_agent.decisions WHERE site = %(site)s AND command_id = %(id)s ORDER BY id LIMIT 1""",
}


class UtilityStore(PostgresStore):
    """The store of one site, and what it holds by its tables."""

    async def write(self, turns) -> Absorbed:
        """Send turns through parcels, as a spool does, and absorb them as one batch."""
        batch = rows.batch(turns, rows.SeriesIds(()))
        (_, readings), (_, records) = parcel.pack_readings(batch), parcel.pack_records(batch)
        whole = parcel.merged([parcel.unpack_readings(readings), parcel.unpack_records(records)])
        whole.series = batch.series
        return await self.absorb(whole)

    async def records(
        self, what: str, since: int | None = None, node: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        for record in sensible(what, await self.select(what, at=since, node=node)):
            yield record

    async def explain(self, command_id: str) -> dict[str, Any] | None:
        command, decision = await self.select("command", id=command_id), await self.select("decision", id=command_id)
        events = await self.select("events", id=command_id)
        return explained(command[0] if command else None, decision[0] if decision else None, events)

    async def select(self, name: str, **which: object) -> list[tuple[Any, ...]]:
        async with self._database.connection() as connection:
            return await (await connection.execute(_SQL[name], {"site": self._site, **which})).fetchall()
