"""Rows of a batch as one compressed body of the spool, and back: exactly what went in comes out.

Columns rather than rows, times as differences: measured, zlib makes half as much of them.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from itertools import accumulate
from operator import sub
from typing import TYPE_CHECKING, Any

from edge_agent.knowledge.rows import Batch
from edge_agent.model.commands import CommandEvent, CommandState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_agent.knowledge.rows import Row

#: Columns of `rows.Batch.readings` and `settled` that hold instants.
_READING_INSTANTS = frozenset({1, 4})
_SETTLED_INSTANTS = frozenset({3})
#: Belongs to the session between this agent and its broker: of no use elsewhere.
_LOCAL = frozenset({"carry_epoch", "insert_delivery", "put_sequence", "rest_sequence"})


def pack_readings(batch: Batch) -> tuple[int, bytes]:
    """Pack readings and settled flags: how many rows, and their body. Series are named by their ids."""
    columns = [_columns(batch.readings, _READING_INSTANTS), _columns(batch.settled, _SETTLED_INSTANTS)]
    return len(batch.readings) + len(batch.settled), _packed(columns)


def pack_records(batch: Batch) -> tuple[int, bytes]:
    """Pack everything else that others want: how many rows, and their body."""
    others = [(name, found) for name, found in batch.others if name not in _LOCAL]
    rows = sum(len(found) for _, found in others) + len(batch.command_events)
    return rows, _packed([others, batch.command_events])


def unpack_readings(body: bytes) -> Batch:
    """Unpack what `pack_readings` made; `series` is empty."""
    readings, settled = json.loads(zlib.decompress(body))
    return Batch([], _rows(readings, _READING_INSTANTS), _rows(settled, _SETTLED_INSTANTS))


def unpack_records(body: bytes) -> Batch:
    """Unpack what `pack_records` made."""
    others, events = json.loads(zlib.decompress(body), object_hook=_bytes)
    found = [(name, [tuple(row) for row in rows]) for name, rows in others]
    return Batch([], [], [], found, [CommandEvent(i, CommandState(state), *rest) for i, state, *rest in events])


def merged(batches: Iterable[Batch]) -> Batch:
    """Join batches in their order; neighbours of one statement become one call."""
    whole = Batch([], [], [])
    for batch in batches:
        whole.series += batch.series
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


def _base64(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r} is no value of a row")
    return {"base64": b64encode(value).decode("ascii")}


def _bytes(found: dict[str, str]) -> bytes:
    return b64decode(found["base64"])


def _columns(rows: Sequence[Row], instants: frozenset[int]) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return [_steps(column) if place in instants else column for place, column in enumerate(columns)]


def _rows(columns: list[list[Any]], instants: frozenset[int]) -> list[Row]:
    whole = [list(accumulate(column)) if place in instants else column for place, column in enumerate(columns)]
    return list(zip(*whole, strict=True))


def _steps(column: list[int]) -> list[int]:
    return [*column[:1], *map(sub, column[1:], column)]
