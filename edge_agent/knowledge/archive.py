"""Reading the embedded store beside its writer, from any process: export and explain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.knowledge import records
from edge_agent.knowledge.connection import Connection, connect_reader
from edge_agent.knowledge.migrate import refuse_newer, refuse_older
from edge_agent.knowledge.rows import command_noun
from edge_agent.knowledge.statements import statements
from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.commands import CommandEvent, CommandState
from edge_agent.model.readings import DeadLetter
from edge_agent.model.remembered import StoredReading
from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType
    from typing import Self

    from edge_agent.knowledge.rows import Row
    from edge_agent.model.time import Instant

_SQL = statements("sqlite", "archive")

_PAGE = 2_000  # rows
_BEFORE_ALL = -(2**63)


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

    def readings(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """See Archive."""
        return self._pages("readings", _reading, since, node)

    def alarms(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """See Archive."""
        return self._pages("alarms", _alarm_event, since, node)

    def commands(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """See Archive."""
        return self._pages("commands", _command, since, node)

    def dead_letters(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """See Archive."""
        return self._pages("dead_letters", _dead_letter, since, node)

    async def explain(self, command_id: str) -> dict[str, Any] | None:
        """See Archive."""
        return await self._connection.run(_explain, command_id)

    async def _pages(
        self, what: str, record: Callable[[Row], dict[str, Any]], since: Instant | None, node: str | None
    ) -> AsyncIterator[dict[str, Any]]:
        """Give the rows of a table page by page; each begins with the two or three columns of its order."""
        after: Row = (_BEFORE_ALL if since is None else since, _BEFORE_ALL, _BEFORE_ALL)
        while page := await self._connection.run(_page, what, after, node):
            for row in page:
                yield record(row)
            after = page[-1]


def _connect(path: Path) -> sqlite3.Connection:
    db = connect_reader(path)
    try:
        refuse_newer(db)
        refuse_older(db)
    except BaseException:
        db.close()
        raise
    return db


def _page(db: sqlite3.Connection, what: str, after: Row, node: str | None) -> list[Row]:
    at, second, third, *_ = after
    return db.execute(_SQL[what], {"at": at, "id": second, "seq": third, "node": node, "size": _PAGE}).fetchall()


def _reading(row: Row) -> dict[str, Any]:
    observed_at, _, seq, node, sensor, value, unit, flag, tests, received_at = row
    sent = None if seq < 0 else seq
    return records.reading_record(StoredReading(node, sensor, value, observed_at, received_at, sent, flag, tests), unit)


def _alarm_event(row: Row) -> dict[str, Any]:
    at, _, node, sensor, threshold, event, value, by, reason = row
    key = AlarmKey(node, sensor, threshold)
    return records.alarm_event_record(AlarmEvent(key, AlarmEventKind(event), at, value, by, reason))


def _command(row: Row) -> dict[str, Any]:
    return records.command_record(command_noun(row[2:]))


def _dead_letter(row: Row) -> dict[str, Any]:
    return records.dead_letter_record(DeadLetter(*row[2:]))


def _explain(db: sqlite3.Connection, command_id: str) -> dict[str, Any] | None:
    command = db.execute(_SQL["command"], (command_id,)).fetchone()
    if command is None:
        return None
    row = db.execute(_SQL["decision_of_command"], (command_id,)).fetchone()
    alarms, decision = ([], None) if row is None else (json.loads(row[-1]), _decision(row[:-1]))
    events = [
        CommandEvent(number, CommandState(state), *rest)
        for number, state, *rest in db.execute(_SQL["command_events"], (command_id,))
    ]
    return records.explanation(alarms, decision, command_noun(command), events)


def _decision(row: Row) -> dict[str, Any]:
    at, *members, checks = row
    names = ("actuator", "action", "value", "plan", "verdict", "reason")
    return {"at": rfc3339(at), **dict(zip(names, members, strict=True)), "checks": json.loads(checks)}
