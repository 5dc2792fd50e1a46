"""Reading a store page by page, whatever its dialect, and its rows as the records of the archive."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.archive import records
from edge_agent.knowledge.store.readback import SENSELESS, command_noun, reason_of
from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.commands import CommandEvent, CommandState
from edge_agent.model.readings import DeadLetter
from edge_agent.model.remembered import StoredReading
from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from edge_agent.knowledge.store.rows import Row
    from edge_agent.model.time import Instant

    Record = dict[str, Any]

_KEPT_LENGTH = 200
#: Rows of a page.
PAGE = 2_000


class PagedArchive(ABC):
    """The archive of a dialect. A row of its pages begins with its place in the order: an instant, then ties."""

    oldest: ClassVar[Instant]
    #: What comes before all ties of one instant, by what is read.
    first: ClassVar[Mapping[str, Row]]

    @abstractmethod
    async def _page(self, what: str, after: Row, node: str | None) -> list[Row]:
        """Read up to PAGE rows after a place. Raises StoreError."""

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

    async def _records(self, what: str, since: Instant | None, node: str | None) -> AsyncIterator[Record]:
        after = (self.oldest if since is None else since, *self.first[what])
        width, record = len(after), _RECORDS[what]
        while page := await self._page(what, after, node):
            for row in page:
                try:
                    told = record(row[width:])
                except SENSELESS as error:
                    log = logger.bind(what=what, row=str(row[width:])[:_KEPT_LENGTH], reason=reason_of(error))
                    log.warning("A row of the store makes no sense; it is left out")
                else:
                    yield told
            after = page[-1][:width]


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
