"""Rows of a batch as one compressed body of the spool, and back: exactly what went in comes out.

Columns rather than rows, times as differences: measured, zlib makes half as much of them. A body says its version, and
names what it holds and each column of it: what an older program has left is converted, what a newer one has left is
told from it. Every column is checked for its type. What cannot be read is a ParcelError.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from functools import cache
from itertools import accumulate
from operator import sub
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ConfigDict, TypeAdapter, ValidationError

from edge_agent.errors import StoreError
from edge_agent.knowledge.store.rows import Batch
from edge_agent.model.commands import CommandEvent, CommandState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edge_agent.knowledge.statements import Row

#: What is packed now. Before it bodies had none, and named statements and places.
VERSION = 1
#: A body larger than this is not of a commit.
_MOST_BYTES = 256_000_000
_STRICT = ConfigDict(strict=True)


class ParcelError(StoreError):
    """A parcel cannot be read: damaged, of a newer program, or not of the shape that its version has."""


class Packed(NamedTuple):
    """The body of a parcel, and how many rows are in it."""

    rows: int
    body: bytes


class _Noun(NamedTuple):
    """What a kind of record is made of: the statement that writes it, and its columns in that order."""

    statement: str
    columns: Mapping[str, Any]


_TEXT_OR_NONE, _NUMBER_OR_NONE = str | None, float | None
_KEY = {"series": int, "at": int, "seq": int}
_READING: Mapping[str, Any] = _KEY | {"value": float, "received_at": int, "flag": int, "tests": int}
_SETTLED: Mapping[str, Any] = {"flag": int, "tests": int} | _KEY
_EVENT: Mapping[str, Any] = {"command": str, "state": str, "at": int, "attempts": int, "detail": str}
_ALARM = {"node": str, "sensor": str, "threshold": str}
_RECORDS: Mapping[str, _Noun] = {
    "dead_letter": _Noun(
        "insert_dead_letter",
        {"received_at": int, "reason": str, "topic": str, "payload": bytes, "digest": bytes, "ordinal": int},
    ),
    "alarm_event": _Noun(
        "insert_alarm_event",
        _ALARM | {"event": str, "at": int, "value": _NUMBER_OR_NONE, "by": str, "reason": str},
    ),
    "alarm": _Noun(
        "put_alarm",
        _ALARM
        | {"priority": str, "active": bool, "acknowledged": bool, "since": int, "reason": str, "value": _NUMBER_OR_NONE}
        | {"limit": _NUMBER_OR_NONE, "unit": _TEXT_OR_NONE, "shelved_until": int | None, "evidence": _TEXT_OR_NONE},
    ),
    "rested_alarm": _Noun("rest_alarm", _ALARM),
    "decision": _Noun(
        "insert_decision",
        {"at": int, "actuator": str, "action": str, "value": _NUMBER_OR_NONE, "plan": _TEXT_OR_NONE, "verdict": str}
        | {"reason": str, "alarms": str, "checks": str, "command": _TEXT_OR_NONE},
    ),
    "command": _Noun(
        "insert_command",
        {"id": str, "site": str, "node": str, "actuator": str, "action": str, "value": _NUMBER_OR_NONE}
        | {"issued_at": int, "expires_at": int, "lease_seconds": float, "epoch": int, "counter": int}
        | {"plan": _TEXT_OR_NONE, "reason": str},
    ),
    "memory": _Noun("put_memory", {"kind": str, "name": str, "body": str}),
}
_KINDS = {noun.statement: kind for kind, noun in _RECORDS.items()}
#: Columns of readings and of settled flags that hold instants.
_INSTANTS = frozenset({"at", "received_at"})
#: Belongs to the session between this agent and its broker, or is what its own plans stand by: of no use elsewhere.
_LOCAL = frozenset(
    {"carry_epoch", "insert_delivery", "put_sequence", "rest_sequence", "put_switch_point", "rest_switch_point"}
)
_DAMAGES = (zlib.error, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


def kind_of(statement: str) -> str:
    """Name what a statement writes, in the words of the spool."""
    return _KINDS.get(statement, statement)


def pack_readings(batch: Batch) -> Packed:
    """Pack readings and settled flags. Series are named by their ids."""
    found = {"readings": _columns(batch.readings, _READING), "settled": _columns(batch.settled, _SETTLED)}
    held = {name: _with_steps(columns) for name, columns in found.items() if columns}
    return Packed(len(batch.readings) + len(batch.settled), _packed({"version": VERSION, **held}))


def pack_records(batch: Batch) -> Packed:
    """Pack everything else that others want."""
    others = [(name, found) for name, found in batch.others if name not in _LOCAL and found]
    rows = sum(len(found) for _, found in others) + len(batch.command_events)
    records = [[_KINDS[name], _columns(found, _RECORDS[_KINDS[name]].columns)] for name, found in others]
    events = {"command_events": _columns(batch.command_events, _EVENT)} if batch.command_events else {}
    return Packed(rows, _packed({"version": VERSION, "records": records, **events}))


def unpack_readings(body: bytes) -> Batch:
    """Unpack what `pack_readings` made, in this version or an older one; `series` is empty. Raises ParcelError."""
    return _unpacked(body, _readings, _readings_of_before)


def unpack_records(body: bytes) -> Batch:
    """Unpack what `pack_records` made, in this version or an older one. Raises ParcelError."""
    return _unpacked(body, _records, _records_of_before)


def merged(batches: Iterable[Batch]) -> Batch:
    """Join batches in their order; neighbours of one statement become one call."""
    whole = Batch()
    for batch in batches:
        whole.readings += batch.readings
        whole.settled += batch.settled
        whole.command_events += batch.command_events
        for name, rows in batch.others:
            if whole.others and whole.others[-1][0] == name:
                whole.others[-1][1].extend(rows)
            else:
                whole.others.append((name, list(rows)))
    return whole


def _packed(content: object) -> bytes:
    text = json.dumps(content, separators=(",", ":"), default=_base64)
    return zlib.compress(text.encode("ascii"))


def _unpacked(body: bytes, read: Any, read_of_before: Any) -> Batch:  # noqa: ANN401 - two functions of this module
    try:
        content = json.loads(_inflated(body), object_hook=_bytes)
        if isinstance(content, list):
            return read_of_before(content)  # type: ignore[no-any-return]
        version = content.pop("version")
        if version != VERSION:
            raise ParcelError(f"it has version {version}, and this program reads {VERSION} at most")
        return read(content)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise ParcelError(f"a column is not of its type: {error.errors(include_url=False)[0]['msg']}") from error
    except _DAMAGES as error:
        raise ParcelError(f"it cannot be read: {type(error).__name__}: {error}") from error


def _inflated(body: bytes) -> bytes:
    reading = zlib.decompressobj()
    text = reading.decompress(body, _MOST_BYTES)
    if not reading.eof:
        raise ValueError("it is not whole, or too large")
    return text


def _readings(content: dict[str, Any]) -> Batch:
    found = {name: _without_steps(columns) for name, columns in content.items()}
    readings, settled = found.pop("readings", {}), found.pop("settled", {})
    _refuse_more(found)
    return Batch(readings=_rows(readings, _READING), settled=_rows(settled, _SETTLED))


def _records(content: dict[str, Any]) -> Batch:
    others = [
        (_RECORDS[kind].statement, _rows(columns, _RECORDS[kind].columns)) for kind, columns in content.pop("records")
    ]
    events = _rows(content.pop("command_events", {}), _EVENT)
    _refuse_more(content)
    steps = [CommandEvent(number, CommandState(state), *rest) for number, state, *rest in events]
    return Batch(others=others, command_events=steps)


def _readings_of_before(content: list[Any]) -> Batch:
    """Convert a body without a version: columns by their places."""
    readings, settled = (
        dict(zip(names, part, strict=False)) for names, part in zip((_READING, _SETTLED), content, strict=True)
    )
    return _readings({"readings": readings, "settled": settled})


def _records_of_before(content: list[Any]) -> Batch:
    """Convert a body without a version: rows by the statement that writes them, columns by their places."""
    others, events = content
    records = [[_KINDS[name], _columns(rows, _RECORDS[_KINDS[name]].columns)] for name, rows in others]
    return _records({"records": records, "command_events": _columns(events, _EVENT)})


def _columns(rows: Sequence[Row], names: Mapping[str, Any]) -> dict[str, list[Any]]:
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}


def _rows(columns: dict[str, list[Any]], types: Mapping[str, Any]) -> list[Row]:
    """Check columns for their names and types, and make rows of them."""
    if not columns:
        return []
    if columns.keys() != types.keys():
        raise ValueError(f"columns {', '.join(columns)}")
    return list(zip(*(_checker(kind).validate_python(columns[name]) for name, kind in types.items()), strict=True))


@cache
def _checker(kind: Any) -> TypeAdapter[list[Any]]:  # noqa: ANN401 - a type
    return TypeAdapter(list[kind], config=_STRICT)


def _refuse_more(content: dict[str, Any]) -> None:
    if content:
        raise ValueError(f"it holds {', '.join(content)} as well")


def _with_steps(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: _steps(column) if name in _INSTANTS else column for name, column in columns.items()}


def _without_steps(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: list(accumulate(column)) if name in _INSTANTS else column for name, column in columns.items()}


def _steps(column: list[int]) -> list[int]:
    return [*column[:1], *map(sub, column[1:], column)]


def _base64(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r} is no value of a row")
    return {"base64": b64encode(value).decode("ascii")}


def _bytes(found: dict[str, Any]) -> dict[str, Any] | bytes:
    return b64decode(found["base64"]) if found.keys() == {"base64"} else found
