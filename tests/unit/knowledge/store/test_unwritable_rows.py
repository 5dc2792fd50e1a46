"""One row that can never be written does not keep the others from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from edge_agent.errors import StoreRefusedError
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.alarms import Alarm, AlarmKey

LIMITS = StoreBounds(reserve_mb=0)
NAN, HUGE = float("nan"), 2**63


def rows(path, statement):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


@pytest.mark.parametrize("poison", [{"seq": HUGE}, {"value": NAN}, {"observed_at": HUGE}], ids=str)
async def test_a_reading_that_cannot_be_written_is_left_out_and_told(path, make_turn, poison):
    async with SqliteStore(path, spool=True, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        turn = make_turn(1, 50, rich=True)
        turn.readings[20] = replace(turn.readings[20], **poison)
        written = await store.write([turn, make_turn(2, 5)])
        assert (written.duplicates, store.unwritable_rows, store.spooled_rows) == (0, 1, 54 + 5)
        await store.write([make_turn(3, 5)])
    assert rows(path, "SELECT count(*) FROM readings") == [(59,)]
    assert rows(path, "SELECT count(*), sum(state = 'expired') FROM commands") == [(1, 1)]
    [(topic, payload)] = rows(path, "SELECT topic, payload FROM dead_letters WHERE reason = 'unwritable'")
    assert topic == "insert_reading"
    assert payload


async def test_text_that_is_no_unicode_is_mended(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        turn = make_turn(1, 5, rich=True)
        turn.alarms = [Alarm(AlarmKey("tank1", "level", "low"), "high", True, False, 0, "caf\udce9")]
        turn.command_events = [turn.command_events[0]._replace(detail="\ud800")]
        turn.commands = [replace(turn.commands[0], reason="\ud800")]
        await store.write([turn])
        assert store.unwritable_rows == 0
    assert rows(path, "SELECT reason FROM alarms") == [("caf?",)]
    assert rows(path, "SELECT state, reason FROM commands") == [("expired", "?")]


async def test_a_command_is_never_left_out(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        turn = make_turn(1, 5, rich=True)
        turn.commands = [replace(turn.commands[0], issued_at=HUGE)]
        with pytest.raises(StoreRefusedError):
            await store.write([turn])
        assert (await store.write([make_turn(2, 5)])).duplicates == 0
    assert rows(path, "SELECT count(*) FROM readings") == [(5,)]
