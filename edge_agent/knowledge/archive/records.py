"""Rows of a store as flat records for `export`, and as the chain of one command for `explain`.

Times become RFC 3339 in UTC, flags and tests their names.
"""

from __future__ import annotations

import base64
import codecs
import json
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.store.readback import SENSELESS, command_noun, reason_of
from edge_agent.model.alarms import AlarmEventKind
from edge_agent.model.commands import CommandState
from edge_agent.model.quality import flag_name
from edge_agent.model.readings import KEPT_PAYLOAD_BYTES
from edge_agent.model.time import rfc3339
from edge_agent.monitor.tests.registry import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from edge_agent.knowledge.statements import Row

    Record = dict[str, Any]

_KEPT_LENGTH = 200
_READING = ("node", "sensor", "value", "unit", "flag", "tests", "observed_at", "received_at", "seq")
_ALARM_EVENT = ("node", "sensor", "threshold", "event", "at", "value", "by", "reason")
_DECISION = ("at", "actuator", "action", "value", "plan", "verdict", "reason", "checks")
_COMMAND_EVENT = ("state", "at", "attempts", "detail")


def sensible(what: str, rows: Iterable[Row], width: int = 0) -> Iterator[Record]:
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
        return {
            "alarms": json.loads(decision[-1]) if decision else [],
            "decision": _flat(_DECISION, decision[:-1]) if decision else None,
            "command": _command(command),
            "events": [_flat(_COMMAND_EVENT, event) for event in events],
        }
    except SENSELESS as error:
        raise StoreError(f"What the store has of {command[0]} makes no sense: {reason_of(error)}.") from error


def _flat(names: tuple[str, ...], row: Row) -> Record:
    return {name: _AS[name](value) if name in _AS else value for name, value in zip(names, row, strict=True)}


def _command(row: Row) -> Record:
    """Flatten a command: its members as they go out, then outcome (null while it is open), attempts, closed_at."""
    record = command_noun(row)
    command = record.command
    members = {field.name: getattr(command, field.name) for field in fields(command)}
    return members | {
        "issued_at": rfc3339(command.issued_at),
        "expires_at": rfc3339(command.expires_at),
        "outcome": None if record.open else str(record.state),
        "attempts": record.attempts,
        "closed_at": None if record.closed_at is None else rfc3339(record.closed_at),
    }


def _dead_letter(row: Row) -> Record:
    """Flatten a dead letter: reason, topic, payload, received_at; `encoding` where the payload is base64."""
    reason, topic, payload, received_at = row
    record: Record = {"reason": reason, "topic": topic}
    try:
        record["payload"] = _as_text(payload)
    except UnicodeDecodeError:
        record |= {"payload": base64.b64encode(payload).decode("ascii"), "encoding": "base64"}
    return record | {"received_at": rfc3339(received_at)}


def _as_text(payload: bytes) -> str:
    # The cut of a long payload may go through a character: that one is left out, the rest is still text.
    whole = len(payload) < KEPT_PAYLOAD_BYTES
    return codecs.getincrementaldecoder("utf-8")().decode(payload, final=whole)


_AS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        **dict.fromkeys(("at", "observed_at", "received_at"), rfc3339),
        "flag": flag_name,
        "tests": LAYOUT.unpack,
        "event": lambda event: str(AlarmEventKind(event)),
        "state": lambda state: str(CommandState(state)),
        "checks": json.loads,
    }
)
_RECORDS: Mapping[str, Callable[[Row], Record]] = MappingProxyType(
    {
        "readings": lambda row: _flat(_READING, row),
        "alarms": lambda row: _flat(_ALARM_EVENT, row),
        "commands": _command,
        "dead_letters": _dead_letter,
    }
)
