"""Writing row by row what could not be written together: what the store will never take is left out, and told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from loguru import logger

from edge_agent.knowledge.store import rows
from edge_agent.knowledge.store.connection import VALUE_ERRORS, is_refusal
from edge_agent.model.readings import KEPT_PAYLOAD_BYTES, DeadLetter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from edge_agent.knowledge.statements import Row
    from edge_agent.model.time import Instant

#: The reason of the dead letters that stand for rows which could not be written.
UNWRITABLE = "unwritable"
#: Never left out: a command that is not stored must not be published.
_INDISPENSABLE = frozenset({"insert_command"})


class Refusal(NamedTuple):
    """A row that was left out: the statement that could not write it, and why."""

    statement: str
    row: Row
    error: str


def sift(
    db: sqlite3.Connection, sql: dict[str, str], batch: rows.Batch, now: Instant
) -> tuple[rows.Batch, list[Refusal]]:
    """Try each row of a batch within a transaction that the caller rolls back; return what is left, and what is not.

    Text that is no Unicode is mended rather than left out. For each row left out there is a dead letter in the batch.
    """
    refused: list[Refusal] = []

    def kept(name: str, found: Sequence[Row]) -> list[Row]:
        return _kept(name, found, lambda row: db.execute(sql[name], row), refused)

    others = [(name, kept(name, found)) for name, found in batch.others]
    events = [type(event)(*_mended(event)) for event in batch.command_events]
    for number, *key in batch.series:
        db.execute(sql["insert_series"], (number, *key))
    left = replace(
        batch,
        readings=kept("insert_reading", batch.readings),
        settled=kept("settle_reading", batch.settled),
        others=[(name, found) for name, found in others if found],
        command_events=events,
    )
    if refused:
        logger.bind(rows=len(refused), first=refused[0].error).error("Rows cannot be stored; they are left out")
        left.others = [*left.others, ("insert_dead_letter", rows.dead_letter_rows(_letters(refused, now)))]
    return left, refused


def _kept(name: str, found: Sequence[Row], write: Callable[[Row], object], refused: list[Refusal]) -> list[Row]:
    left = []
    for row in found:
        mended = _mended(row)
        try:
            write(mended)
        except VALUE_ERRORS as error:
            if not is_refusal(error) or name in _INDISPENSABLE:
                raise
            refused.append(Refusal(name, row, str(error)))
        else:
            left.append(mended)
    return left


def _mended(row: Sequence[object]) -> Row:
    return tuple(one.encode("utf-8", "replace").decode() if isinstance(one, str) else one for one in row)


def _letters(refused: Sequence[Refusal], now: Instant) -> list[DeadLetter]:
    return [
        DeadLetter(
            UNWRITABLE, one.statement, f"{one.error}: {one.row}".encode("utf-8", "replace")[:KEPT_PAYLOAD_BYTES], now
        )
        for one in refused
    ]
