from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from edge_agent.knowledge.store import housekeeping
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore

DAY = 86_400


def rows(path, statement):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


async def settled(store):
    """Wait for the pruning that goes on between writes."""
    while await store._connection.run(lambda _db: store._tidying and store._tidying.is_under_way):
        pass


async def fill(store, make_turn, days, per_day=4_000, *, rich=False):
    for day in days:
        await store.write([make_turn(day * DAY, per_day, rich=rich)])
        await settled(store)


async def test_what_is_older_than_may_be_kept_goes_in_small_steps(path, make_turn):
    async with SqliteStore(path, bounds=StoreBounds(keep_days=3, reserve_mb=0)) as store:
        await fill(store, make_turn, range(10))
    (oldest,), (count,) = rows(path, "SELECT min(observed_at) FROM readings UNION ALL SELECT count(*) FROM readings")
    assert oldest >= 5 * DAY * 1_000_000
    assert count <= 4 * 4_000 + housekeeping.STEP_ROWS


async def test_without_limits_nothing_is_pruned(path, make_turn):
    async with SqliteStore(path) as store:
        await fill(store, make_turn, (0, 100))
    assert rows(path, "SELECT count(*) FROM readings") == [(8_000,)]


async def test_the_file_stays_within_its_size_and_the_newest_stay(path, make_turn):
    limits = StoreBounds(max_mb=2, reserve_mb=0)
    async with SqliteStore(path, bounds=limits) as store:
        for minute in range(120):
            await store.write([make_turn(minute * 60, 2_000, rich=True)])
            await settled(store)
    assert path.stat().st_size < 1.2 * limits.max_bytes
    ((newest, count),) = rows(path, "SELECT max(observed_at), count(*) FROM readings")
    assert newest == 119 * 60 * 1_000_000 + 1_999
    assert count > 20_000
    assert rows(path, "SELECT count(*) FROM commands") == [(120,)]  # they go last


async def test_where_no_reading_is_left_to_go_the_oldest_records_go_and_open_commands_stay(path, make_turn):
    async with SqliteStore(path, bounds=StoreBounds(max_mb=1, reserve_mb=0)) as store:
        still_open = make_turn(0, 0, rich=True)
        still_open.command_events.clear()
        await store.write([still_open])
        for hundred in range(60):
            turns = [make_turn(1 + hundred * 100 + n, 0, rich=True) for n in range(100)]
            await store.write([*turns, make_turn(10**6, 40)])
            await settled(store)
        await store.write([make_turn(10**6, housekeeping.STEP_ROWS * 3)])
        await settled(store)
    assert path.stat().st_size < 1_500_000
    assert rows(path, "SELECT count(*) FROM commands WHERE id = 'id-0'") == [(1,)]
    assert rows(path, "SELECT count(*) FROM dead_letters")[0][0] < 6_000


async def test_a_clock_that_leaps_ahead_does_not_make_everything_old(path, make_turn):
    async with SqliteStore(path, bounds=StoreBounds(keep_days=3, reserve_mb=0)) as store:
        await fill(store, make_turn, range(3))
        leapt = make_turn(2 * DAY + 1, 3_000)
        leapt.now = leapt.now._replace(at=4_000 * DAY * 1_000_000)
        await store.write([leapt])
        await settled(store)
    assert rows(path, "SELECT count(*) FROM readings") == [(15_000,)]


def told(turn, *, ahead=0.0, sure=False):
    """Let a turn be of a clock that is not sure, and off by so many seconds; its readings are of that clock as well."""
    off = round(ahead * 1_000_000)
    turn.now = turn.now._replace(at=turn.now.at + off, sure=sure)
    turn.readings = [
        replace(reading, observed_at=reading.observed_at + off, received_at=reading.received_at + off)
        for reading in turn.readings
    ]
    return turn


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_clock_a_year_ahead_for_a_minute_makes_nothing_old(path, make_turn, restarts):
    limits = StoreBounds(keep_days=3, spool_max_days=3, reserve_mb=0)
    start = 1_000 * DAY
    async with SqliteStore(path, spool=True, bounds=limits) as store:
        await store.write([make_turn(start, 6_000)])
        await settled(store)
        if not restarts:
            await store.write([told(make_turn(start + 60, 3_000), ahead=366 * DAY)])
            await settled(store)
    async with SqliteStore(path, spool=True, bounds=limits) as store:
        if restarts:
            await store.write([told(make_turn(start + 60, 3_000), ahead=366 * DAY)])
            await settled(store)
        await store.write([told(make_turn(start + 120, 3_000))])
        await settled(store)
        assert store.spool_dropped_rows == 0
        assert store.spooled_rows == 12_000
    assert rows(path, "SELECT count(*) FROM readings") == [(12_000,)]


async def test_a_store_without_a_trusted_time_believes_its_newest_receipts(path, make_turn):
    async with SqliteStore(path) as store:
        await store.write([make_turn(1_000 * DAY, 6_000)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM meta WHERE key = 'trusted_at'")
    async with SqliteStore(path, bounds=StoreBounds(keep_days=3, reserve_mb=0)) as store:
        await store.write([told(make_turn(1_000 * DAY + 60, 3_000), ahead=366 * DAY)])
        await settled(store)
    assert rows(path, "SELECT count(*) FROM readings") == [(9_000,)]


async def test_without_any_time_source_things_grow_old_while_the_agent_runs(path, make_turn):
    async with SqliteStore(path, bounds=StoreBounds(keep_days=3, reserve_mb=0)) as store:
        for day in range(1_000, 1_010):
            await store.write([told(make_turn(day * DAY, 4_000))])
            await settled(store)
    assert rows(path, "SELECT min(observed_at) FROM readings")[0][0] >= 1_005 * DAY * 1_000_000


async def test_a_sure_clock_counts_the_days_without_power_as_well(path, make_turn):
    for day in (1_000, 1_001, 1_009, 1_010):
        async with SqliteStore(path, bounds=StoreBounds(keep_days=3, reserve_mb=0)) as store:
            await store.write([make_turn(day * DAY, 4_000)])
            await settled(store)
    assert rows(path, "SELECT min(observed_at) FROM readings")[0][0] >= 1_009 * DAY * 1_000_000


@pytest.mark.parametrize("fresh", [False, True], ids=["a store", "a new card"])
@pytest.mark.parametrize("restarts", [False, True], ids=["set while it runs", "right at the next start"])
@pytest.mark.parametrize("ahead", [-20 * DAY, -20_000 * DAY])
async def test_what_was_recorded_by_a_clock_that_was_behind_is_kept_as_long_as_all(
    path, make_turn, ahead, restarts, fresh
):
    limits = StoreBounds(keep_days=3, spool_max_days=3, reserve_mb=0)
    start = 20_100 * DAY
    if not fresh:
        async with SqliteStore(path, bounds=limits) as store:
            await store.write([make_turn(start, 3_000)])
    async with SqliteStore(path, spool=True, bounds=limits) as store:
        await store.write([told(make_turn(start + 60, 3_000), ahead=ahead)])
        if not restarts:
            await store.write([make_turn(start + 120, 3_000)])
        await settled(store)
    async with SqliteStore(path, spool=True, bounds=limits) as store:
        await store.write([make_turn(start + 180, 3_000)])
        await settled(store)
        assert store.spool_dropped_rows == 0
    expected = 6_000 + 3_000 * (not fresh) + 3_000 * (not restarts)
    assert rows(path, "SELECT count(*) FROM readings") == [(expected,)]
    async with SqliteStore(path, spool=True, bounds=limits) as store:
        await fill(store, make_turn, range(20_101, 20_106))
    assert rows(path, "SELECT min(observed_at) FROM readings")[0][0] >= 20_101 * DAY * 1_000_000


async def test_where_room_is_needed_readings_of_2099_go_before_those_of_today(path, make_turn):
    limits = StoreBounds(max_mb=2, reserve_mb=0)
    start = 20_000 * DAY
    async with SqliteStore(path, bounds=limits) as store:
        wrong = make_turn(start, 5_000)
        wrong.readings = [
            replace(reading, observed_at=reading.observed_at + 27_000 * DAY * 1_000_000) for reading in wrong.readings
        ]
        await store.write([wrong])
        for minute in range(1, 60):
            await store.write([make_turn(start + minute * 60, 2_000)])
            await settled(store)
    ((newest, count),) = rows(path, "SELECT max(observed_at), count(*) FROM readings")
    assert newest == (start + 59 * 60) * 1_000_000 + 1_999
    assert count > 20_000


async def test_a_reading_from_the_future_does_not_make_everything_old(path, make_turn):
    async with SqliteStore(path, bounds=StoreBounds(keep_days=3, reserve_mb=0)) as store:
        await fill(store, make_turn, range(3))
        future = make_turn(4_000 * DAY, 3_000)
        future.now = future.now._replace(at=2 * DAY * 1_000_000)
        await store.write([future])
        await settled(store)
    assert rows(path, "SELECT count(*) FROM readings") == [(15_000,)]


async def test_pruning_that_fails_disturbs_no_write(path, make_turn):
    async with SqliteStore(path, bounds=StoreBounds(keep_days=1, reserve_mb=0)) as store:
        await fill(store, make_turn, (0,))
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TRIGGER never BEFORE DELETE ON readings BEGIN SELECT RAISE(ABORT, 'never'); END")
        await fill(store, make_turn, (10, 20))
        with closing(sqlite3.connect(path)) as db:
            db.execute("DROP TRIGGER never")
        await fill(store, make_turn, (30,))
    assert rows(path, "SELECT count(*) FROM readings")[0][0] < 8_000
