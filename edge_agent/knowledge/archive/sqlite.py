"""Reading the embedded store beside its writer, from any process: export and explain."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.archive import records
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.connection import Connection, connect_reader
from edge_agent.knowledge.store.migrate import refuse_newer, refuse_older
from edge_agent.knowledge.store.ownership import refuse_foreign_tables
from edge_agent.knowledge.store.readback import SENSELESS, command_noun, reason_of
from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.commands import CommandEvent, CommandState
from edge_agent.model.readings import DeadLetter
from edge_agent.model.remembered import StoredReading
from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from edge_agent.knowledge.statements import Row
    from edge_agent.model.time import Instant

    Record = dict[str, Any]

_SQL = statements("archive", "archive")
_KEPT_LENGTH = 200
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

    def readings(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[Record]:
        """See Archive."""
        return self._records("readings", since, node)

    def alarms(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[Record]:
        """See Archive."""
        return self._records("alarms", since, node)

    def commands(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[Record]:
        """See Archive."""
        return self._records("commands", since, node)

    def dead_letters(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[Record]:
        """See Archive."""
        return self._records("dead_letters", since, node)

    async def explain(self, command_id: str) -> Record | None:
        """See Archive."""
        return await self._connection.run(_explain, command_id)

    async def _records(self, what: str, since: Instant | None, node: str | None) -> AsyncIterator[Record]:
        """Read page by page; a row begins with its place in the order: an instant, then ties."""
        ties = 2 if what == "readings" else 1
        after: Row = (_BEFORE_ALL if since is None else since, *[_BEFORE_ALL] * ties)
        while page := await self._connection.run(_page, what, after, node):
            for record in sensible_records(what, page, len(after)):
                yield record
            after = page[-1][: len(after)]


def sensible_records(what: str, rows: Iterable[Row], width: int = 0) -> Iterable[Record]:
    """Make records of rows without their first `width` columns; one that makes no sense is left out, and told."""
    for row in rows:
        try:
            yield _RECORDS[what](row[width:])
        except SENSELESS as error:
            log = logger.bind(what=what, row=str(row[width:])[:_KEPT_LENGTH], reason=reason_of(error))
            log.warning("A row of the store makes no sense; it is left out")


def explained(command: Row | None, decision: Row | None, events: Iterable[Row]) -> Record | None:
    """Join the rows of one command's chain; None where there is no command. Raises StoreError for nonsense."""
    if command is None:
        return None
    try:
        alarms, judged = ([], None) if decision is None else (json.loads(decision[-1]), _decision(decision[:-1]))
        steps = [CommandEvent(number, CommandState(state), *rest) for number, state, *rest in events]
        return records.explanation(alarms, judged, command_noun(command), steps)
    except SENSELESS as error:
        raise StoreError(f"What the store has of {command[0]} makes no sense: {reason_of(error)}.") from error


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


def _reading(row: Row) -> Record:
    *members, unit = row
    return records.reading_record(StoredReading(*members), unit)


def _alarm_event(row: Row) -> Record:
    node, sensor, threshold, event, *members = row
    key = AlarmKey(node, sensor, threshold)
    return records.alarm_event_record(AlarmEvent(key, AlarmEventKind(event), *members))


def _command(row: Row) -> Record:
    return records.command_record(command_noun(row))


def _dead_letter(row: Row) -> Record:
    return records.dead_letter_record(DeadLetter(*row))


def _decision(row: Row) -> Record:
    at, *members, checks = row
    names = ("actuator", "action", "value", "plan", "verdict", "reason")
    return {"at": rfc3339(at), **dict(zip(names, members, strict=True)), "checks": json.loads(checks)}


_RECORDS: Mapping[str, Callable[[Row], Record]] = MappingProxyType(
    {"readings": _reading, "alarms": _alarm_event, "commands": _command, "dead_letters": _dead_letter}
)
