"""Good readings never give way to rubbish, and the file's limit holds while it is written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.readings import DeadLetter

LIMITS = StoreBounds(max_mb=16, reserve_mb=0)
DAY = 86_400
START = 20_000 * DAY
YEARS = 80 * 365 * DAY


def rows(path, statement):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def count(path, table):
    return rows(path, f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 - named here


def rubbish(turn, letters, length=60, topic="water/riverside/node7/x"):
    at = turn.now.at
    turn.dead_letters = [DeadLetter("invalid_json", topic, b"%08d" % n + b"x" * length, at) for n in range(letters)]
    return turn


def pages(path, tables):
    names = ", ".join(f"'{name}'" for name in tables)
    return rows(path, f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({names})")[0][0]  # noqa: S608 - named here


LETTERS = ("dead_letters", "sqlite_autoindex_dead_letters_1")


@pytest.mark.parametrize("length", [20, 1_000])
@pytest.mark.parametrize("spool", [False, True])
async def test_of_good_readings_none_gives_way_to_rubbish_and_the_file_keeps_its_limit(path, make_turn, spool, length):
    """A minute of rubbish at 20,000 a second, in the commits that the loop makes of it; every tenth of it is tried."""
    largest = 0
    async with SqliteStore(path, bounds=LIMITS, spool=spool) as store:
        for second in range(60):
            await store.write([make_turn(START + second, 1_000)])
        for second in range(60, 90):
            await store.write([rubbish(make_turn(START + second, 500), 4_000, length)])
            largest = max(largest, path.stat().st_size)
        assert count(path, "readings") == 60 * 1_000 + 30 * 500
        assert store.dropped_dead_letters == 30 * 4_000 - count(path, "dead_letters")
        if spool:
            assert (await store.oldest(10**6)).batch.readings[0][1] == START * 1_000_000
            assert store.spooled_rows >= 75_000
    assert largest <= 1.05 * LIMITS.max_bytes
    assert 0 < pages(path, LETTERS) <= LIMITS.max_bytes / 10 * 1.1
    newest = rows(path, "SELECT payload FROM dead_letters ORDER BY id DESC LIMIT 1")
    assert newest[0][0].startswith(b"00003999")


async def test_in_a_file_full_of_good_readings_rubbish_moves_none(path, make_turn):
    limits = replace(LIMITS, max_mb=4)
    async with SqliteStore(path, bounds=limits) as store:
        for second in range(200):
            await store.write([make_turn(START + second, 1_000)])
        await settled(store)
        before = rows(path, "SELECT min(observed_at), count(*) FROM readings")
        for second in range(200, 230):
            await store.write([rubbish(make_turn(START + second, 0), 4_000)])
            await settled(store)
        assert rows(path, "SELECT min(observed_at), count(*) FROM readings") == before
        assert before[0][1] < 200_000  # it was full
        assert count(path, "dead_letters") > 100  # and a few of the newest have a place of their own
    assert path.stat().st_size <= 1.05 * limits.max_bytes


async def test_the_limit_holds_while_good_readings_are_written_as_fast_as_can_be(path, make_turn):
    limits, largest = replace(LIMITS, max_mb=4), 0
    async with SqliteStore(path, bounds=limits, spool=True) as store:
        for second in range(100):
            await store.write([make_turn(START + second, 5_000)])
            largest = max(largest, path.stat().st_size)
        newest = rows(path, "SELECT max(observed_at), count(*) FROM readings")
    assert largest <= 1.05 * limits.max_bytes
    assert newest[0][0] == (START + 99) * 1_000_000 + 4_999
    assert newest[0][1] > 15_000


async def test_alarms_that_come_and_go_take_no_more_than_their_share(path, make_turn):
    limits = replace(LIMITS, max_mb=4)
    key = AlarmKey("tank1", "level", "low")
    async with SqliteStore(path, bounds=limits) as store:
        await store.write([make_turn(START, 10_000)])
        for second in range(1, 60):
            turn = make_turn(START + second, 0)
            at = turn.now.at
            kinds = (AlarmEventKind.RAISED, AlarmEventKind.CLEARED)
            turn.alarm_events = [AlarmEvent(key, kinds[n % 2], at + n, 1.0, "agent", "it flaps") for n in range(2_000)]
            await store.write([turn])
        assert count(path, "readings") == 10_000
        ((newest,),) = rows(path, "SELECT max(at) FROM alarm_events")
        assert newest == (START + 59) * 1_000_000 + 1_999
    tables = ("alarm_events", "sqlite_autoindex_alarm_events_1")
    assert pages(path, tables) <= limits.max_bytes / 5
    assert path.stat().st_size <= 1.05 * limits.max_bytes


@pytest.mark.parametrize("clean", [True, False])
async def test_shares_are_known_again_after_a_restart(path, make_turn, clean):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        for second in range(5):
            await store.write([rubbish(make_turn(START + second, 1_000), 4_000, 200)])
        before = dict(store._care.shares.bytes)
    assert before["dead_letters"] > LIMITS.class_bytes / 2
    if not clean:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert store._care.shares.bytes == pytest.approx(before, rel=0.01)


async def test_letters_dated_2099_go_in_their_turn(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        wrong = rubbish(make_turn(START, 0), 500)
        wrong.dead_letters = [
            one._replace(received_at=one.received_at + YEARS * 1_000_000) for one in wrong.dead_letters
        ]
        await store.write([wrong])
        for second in range(1, 10):
            await store.write([rubbish(make_turn(START + second, 0), 4_000)])
    assert rows(
        path, "SELECT count(*) FROM dead_letters WHERE received_at > ?".replace("?", str((START + DAY) * 1_000_000))
    ) == [(0,)]


async def test_a_long_topic_is_cut(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.write([rubbish(make_turn(START, 0), 3, topic="t" * 60_000)])
    assert rows(path, "SELECT max(length(topic)) FROM dead_letters") == [(1_024,)]


async def test_on_a_full_file_system_rubbish_makes_room_before_readings(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.write([rubbish(make_turn(START, 20_000), 4_000, 300)])
        await store.write([make_turn(START + 3 * DAY, 1)])
        await store._connection.run(store._care.housekeeping.make_room)
    assert count(path, "readings") == 20_001
    assert count(path, "dead_letters") < 4_000


async def test_in_the_spool_rubbish_goes_first(path, make_turn):
    limits = replace(LIMITS, spool_max_mb=0.2)
    async with SqliteStore(path, bounds=limits, spool=True) as store:
        for second in range(60):
            await store.write([rubbish(make_turn(START + second, 20, rich=second == 0), 300)])
        seen, letters, commands = 0, 0, 0
        while spooled := await store.oldest(10**6):
            seen += len(spooled.batch.readings)
            letters += sum(len(found) for name, found in spooled.batch.others if name == "insert_dead_letter")
            commands += sum(len(found) for name, found in spooled.batch.others if name == "insert_command")
            await store.drop(spooled.ids)
        assert (seen, commands) == (60 * 20, 1)
        assert 0 < letters < 60 * 300
        assert store.spool_dropped_rows == 60 * 300 - letters


async def test_a_log_that_grows_under_a_long_reader_is_told(path, make_turn, said):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.write([make_turn(START, 1)])
        with closing(sqlite3.connect(path)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM readings").fetchone()
            for second in range(1, 120):
                await store.write([make_turn(START + second, 5_000)])
            assert store.log_bytes > 16_000_000
            assert "read" in store.notes()["store"]
        for second in range(120, 130):
            await store.write([make_turn(START + second, 5_000)])
        assert store.log_bytes < 16_000_000
        assert store.notes() == {}
    assert said.count("The log of the store grows: a long read keeps it from being emptied") == 1


async def settled(store):
    while await store._connection.run(lambda _db: store._tidying and store._tidying.is_under_way):
        pass
