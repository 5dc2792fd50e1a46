from __future__ import annotations

import asyncio
import json
import sqlite3
import zlib
from contextlib import closing

import pytest

from edge_agent.errors import StoreError
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.spool import KEPT_REFUSED
from edge_agent.knowledge.store.sqlite import SqliteStore

DAY = 86_400


@pytest.fixture
async def store(path):
    async with SqliteStore(path, spool=True) as store:
        yield store


async def emptied(store, most_rows=1_000):
    """Take everything from a spool, in order."""
    found = []
    while spooled := await store.oldest(most_rows):
        found.append(spooled.batch)
        await store.drop(spooled.ids)
    return found


def seqs(batch):
    return [row[2] for row in batch.readings]


async def test_what_is_written_is_spooled_and_nothing_without_a_spool(path, make_turn):
    async with SqliteStore(path) as store:
        await store.write([make_turn(1)])
    async with SqliteStore(path, spool=True) as store:
        assert await store.oldest(10) is None
        await store.write([make_turn(2, 3, rich=True)])
        spooled = await store.oldest(10)
    assert spooled.rows == 3 + 4
    assert spooled.batch.series == [(1, "tank1", "level", "m")]
    assert seqs(spooled.batch) == [0, 1, 2]
    assert [name for name, _ in spooled.batch.others] == ["insert_dead_letter", "insert_alarm_event", "insert_command"]
    assert spooled.batch.others[0][1][0][3] == b"\xff\x00"
    assert [event.command_id for event in spooled.batch.command_events] == ["id-2"]


async def test_a_write_that_fails_leaves_nothing_in_the_spool(store, path, make_turn):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TRIGGER broken BEFORE INSERT ON commands BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(StoreError):
        await store.write([make_turn(1, 5, rich=True)])
    assert (store.spooled_rows, await store.oldest(10)) == (0, None)


async def test_the_oldest_come_first_and_many_commits_come_together(store, make_turn):
    for second in range(20):
        await store.write([make_turn(second, 2)])
    first = await store.oldest(10)
    assert (first.rows, [row[1] for row in first.batch.readings][:3]) == (10, [0, 1, 1_000_000])
    assert (await store.oldest(1)).rows == 2  # a commit is not divided
    await store.drop(first.ids)
    assert store.spooled_rows == 30
    assert [len(batch.readings) for batch in await emptied(store, 16)] == [16, 14]
    assert (store.spooled_rows, await store.oldest(10)) == (0, None)


async def test_what_waits_is_there_after_a_restart(path, make_turn):
    async with SqliteStore(path, spool=True) as store:
        await store.write([make_turn(1, 3)])
    async with SqliteStore(path, spool=True) as store:
        assert store.spooled_rows == 3
        await asyncio.wait_for(store.filled(), 5)
        assert [seqs(batch) for batch in await emptied(store)] == [[0, 1, 2]]


async def test_it_tells_when_something_is_there(store, make_turn):
    waiting = asyncio.ensure_future(store.filled())  # noqa: TID251 - the test's own task, ended below
    assert await store.oldest(10) is None
    await asyncio.sleep(0)
    assert not waiting.done()
    await store.write([make_turn(1)])
    await asyncio.wait_for(waiting, 5)
    spooled = await store.oldest(10)
    await store.write([make_turn(2)])
    await store.drop(spooled.ids)
    await asyncio.wait_for(store.filled(), 5)


async def test_over_the_size_the_oldest_readings_go_first_and_what_controls_stays(path, make_turn):
    async with SqliteStore(path, spool=True, bounds=StoreBounds(spool_max_mb=0.02, reserve_mb=0)) as store:
        for second in range(300):
            await store.write([make_turn(second, 20, rich=second < 10)])
        batches = await emptied(store)
        dropped = store.spool_dropped_rows
    readings = [row for batch in batches for row in batch.readings]
    commands = [row[0] for batch in batches for name, rows in batch.others if name == "insert_command" for row in rows]
    assert commands == [f"id-{second}" for second in range(10)]
    assert 0 < len(readings) < 6_000
    assert dropped == 6_000 - len(readings) + 10  # and ten dead letters, first of all
    assert readings[-1][1] == 299_000_019
    assert len({row[1] // 1_000_000 for row in readings}) == len(readings) / 20  # whole commits, the newest


async def test_without_readings_the_oldest_records_go(path, make_turn):
    async with SqliteStore(path, spool=True, bounds=StoreBounds(spool_max_mb=0.02, reserve_mb=0)) as store:
        for second in range(300):
            await store.write([make_turn(second, 0, rich=True)])
        batches = await emptied(store)
        assert store.spool_dropped_rows > 0
    commands = [row[0] for batch in batches for name, rows in batch.others if name == "insert_command" for row in rows]
    assert commands == [f"id-{second}" for second in range(300 - len(commands), 300)]


async def test_what_is_too_old_is_given_up(path, make_turn):
    async with SqliteStore(path, spool=True, bounds=StoreBounds(spool_max_days=2, reserve_mb=0)) as store:
        for day in range(5):
            await store.write([make_turn(day * DAY, rich=True)])
        batches = await emptied(store)
        assert store.spool_dropped_rows == 2 * 5
    assert [row[1] for batch in batches for row in batch.readings] == [day * DAY * 1_000_000 for day in (2, 3, 4)]


async def test_what_a_wrong_clock_has_dated_ahead_holds_up_nothing_that_is_too_old(path, make_turn):
    async with SqliteStore(path, spool=True, bounds=StoreBounds(spool_max_days=2, reserve_mb=0)) as store:
        for day in range(1, 6):
            await store.write([make_turn(day * DAY)])
            if day == 1:
                wrong = make_turn(400 * DAY)
                wrong.now = wrong.now._replace(seconds=day * DAY + 1.0, sure=False)
                await store.write([wrong])
        batches = await emptied(store)
    assert [row[1] // (DAY * 1_000_000) for batch in batches for row in batch.readings] == [3, 4, 5]


async def test_what_may_be_from_ahead_is_kept_while_no_clock_is_known_to_be_right(path, make_turn):
    """Nobody knows whether the clock was wrong that was ahead, or the one that follows it."""
    async with SqliteStore(path, spool=True, bounds=StoreBounds(spool_max_days=2, reserve_mb=0)) as store:
        for second, day in enumerate((1, 40, 2, 3, 4, 5, 6)):
            turn = make_turn(day * DAY)
            turn.now = turn.now._replace(seconds=float(second), sure=False)
            await store.write([turn])
        assert (store.spooled_rows, store.spool_dropped_rows) == (7, 0)


async def test_what_came_before_the_clock_was_known_to_be_right_is_no_older_for_it(path, make_turn):
    """After forty days without power the time server is reached a minute after the start; the clock was right."""
    async with SqliteStore(path, bounds=StoreBounds(reserve_mb=0)) as store:
        await store.write([make_turn(1_000 * DAY)])
    async with SqliteStore(path, spool=True, bounds=StoreBounds(spool_max_days=30, reserve_mb=0)) as store:
        early, later = make_turn(1_040 * DAY), make_turn(1_040 * DAY + 60)
        early.now = early.now._replace(sure=False)
        await store.write([early])
        await store.write([later])
        assert (store.spooled_rows, store.spool_dropped_rows) == (2, 0)


async def test_what_is_refused_is_kept_apart_with_the_reason(store, path, make_turn):
    for second in range(3):
        await store.write([make_turn(second)])
    spooled = await store.oldest(1)
    await store.refuse(spooled.ids, "a value is out of range")
    assert (store.spooled_rows, store.spool_refused_rows) == (2, 1)
    assert [row[1] for batch in await emptied(store) for row in batch.readings] == [1_000_000, 2_000_000]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT stream, rows, reason FROM spool_refused").fetchall() == [
            ("readings", 1, "a value is out of range")
        ]


async def test_what_is_refused_is_kept_within_bounds(store, path, make_turn):
    with closing(sqlite3.connect(path)) as db, db:
        row = ("readings", 0, 1, 1, b"")
        db.executemany("INSERT INTO spool (stream, at, rows, bytes, body) VALUES (?, ?, ?, ?, ?)", [row] * 1_100)
    await store.refuse(range(1, 1_101), "x")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*), max(id) FROM spool_refused").fetchone() == (KEPT_REFUSED, 1_100)


async def test_dropping_what_was_given_up_meanwhile_changes_nothing(store, make_turn):
    await store.write([make_turn(1)])
    spooled = await store.oldest(1)
    await store.drop(spooled.ids)
    await store.drop(spooled.ids)
    assert store.spooled_rows == 0


def spoilt(path, *changes):
    with closing(sqlite3.connect(path)) as db, db:
        for change in changes:
            assert db.execute(change).rowcount


async def test_parcels_that_cannot_be_read_are_set_aside_and_the_others_arrive(path, make_turn):
    async with SqliteStore(path, spool=True) as store:
        for second in range(5):
            await store.write([make_turn(second, rich=second == 4)])
    newer = "x'" + zlib.compress(json.dumps({"version": 99, "readings": {}}).encode()).hex() + "'"
    spoilt(
        path,
        f"UPDATE spool SET body = {newer} WHERE id = 1",  # noqa: S608 - ours
        "UPDATE spool SET body = zeroblob(9) WHERE id = 3",
        "UPDATE spool SET body = substr(body, 1, length(body) - 5) WHERE id = 7",
    )
    async with SqliteStore(path, spool=True) as store:
        batches = await emptied(store)
        assert (store.spooled_rows, store.spool_refused_rows) == (0, 1 + 1 + 3)
    assert [row[1] for batch in batches for row in batch.readings] == [1_000_000, 3_000_000, 4_000_000]
    with closing(sqlite3.connect(path)) as db:
        reasons = [reason for (reason,) in db.execute("SELECT reason FROM spool_refused ORDER BY id")]
    assert "version 99" in reasons[0]
    assert all("cannot be read" in reason for reason in reasons[1:])


async def test_a_spool_of_nothing_that_can_be_read_is_empty(path, make_turn):
    async with SqliteStore(path, spool=True) as store:
        for second in range(5):
            await store.write([make_turn(second)])
    spoilt(path, "UPDATE spool SET body = zeroblob(9)")
    async with SqliteStore(path, spool=True) as store:
        assert await store.oldest(1_000) is None
        assert (store.spooled_rows, store.spool_refused_rows) == (0, 5)


async def test_a_parcel_whose_series_is_not_known_is_set_aside(path, make_turn):
    async with SqliteStore(path, spool=True) as store:
        await store.write([make_turn(1)])
    spoilt(path, "DELETE FROM series")
    async with SqliteStore(path, spool=True) as store:
        assert await store.oldest(1_000) is None
    with closing(sqlite3.connect(path)) as db:
        assert "series" in db.execute("SELECT reason FROM spool_refused").fetchone()[0]
