"""Writing row by row what could not be written together: what the store will never take is left out, and reported."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store import rows
from edge_agent.knowledge.store.connection import VALUE_ERRORS, is_refusal
from edge_agent.model.readings import KEPT_PAYLOAD_BYTES, DeadLetter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from edge_agent.knowledge.statements import Row
    from edge_agent.model.time import Instant

#: The reason of the dead letters that stand for rows which could not be written.
UNWRITABLE = "unwritable"
#: Never left out: a command that is not stored must not be published.
_INDISPENSABLE = frozenset({"insert_command"})
_SQL = statements("store", "journal")


def sift(db: sqlite3.Connection, batch: rows.Batch, now: Instant) -> tuple[rows.Batch, int]:
    """Try each row of a batch within a transaction that the caller rolls back; return what is left, and how many not.

    Text that is no Unicode is mended rather than left out. For each row left out there is a dead letter in the batch.
    """
    refused: list[DeadLetter] = []

    def kept(name: str, found: Sequence[Row]) -> list[Row]:
        left = []
        for row in found:
            mended = _mended(row)
            try:
                db.execute(_SQL[name], mended)
            except VALUE_ERRORS as error:
                if not is_refusal(error) or name in _INDISPENSABLE:
                    raise
                refused.append(_letter(name, row, error, now))
            else:
                left.append(mended)
        return left

    others = [(name, kept(name, found)) for name, found in batch.others]
    events = [type(event)(*_mended(event)) for event in batch.command_events]
    for number, *key in batch.series:
        db.execute(_SQL["insert_series"], (number, *key))
    left = replace(
        batch,
        readings=kept("insert_reading", batch.readings),
        settled=kept("settle_reading", batch.settled),
        others=[(name, found) for name, found in others if found],
        command_events=events,
    )
    if refused:
        first = refused[0].payload.decode("utf-8", "replace")
        logger.bind(rows=len(refused), first=first).error("Rows cannot be stored; they are left out")
        left.others = [*left.others, ("insert_dead_letter", rows.dead_letter_rows(refused))]
    return left, len(refused)


def _mended(row: Sequence[object]) -> Row:
    return tuple(one.encode("utf-8", "replace").decode() if isinstance(one, str) else one for one in row)


def _letter(statement: str, row: Row, error: Exception, now: Instant) -> DeadLetter:
    payload = f"{error}: {row}".encode("utf-8", "replace")
    return DeadLetter(UNWRITABLE, statement, payload[:KEPT_PAYLOAD_BYTES], now)
