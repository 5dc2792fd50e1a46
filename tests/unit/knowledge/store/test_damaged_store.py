from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import edge_agent
from edge_agent.errors import StoreDamagedError, StoreError
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.soundness import KEPT_DAMAGED
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.plant import Node, Plan, Plant, Policy, Sensor, Step, Threshold

LIMITS = StoreBounds(reserve_mb=0)
LOW = Threshold("tank1", "level", "low", 1.5)
FILL = Plan("fill", ("tank1/level:low",), (Step("station/pump1", "start"),))
LEVEL = Sensor("tank1", "level", "level", "m")
PLANT = Plant("riverside", {"tank1": Node("tank1", {"level": LEVEL})}, Policy((LOW,), (FILL,)))


def damage(path, first_page=2):
    """Overwrite all but the first pages of a file."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(first_page * 4096)
        file.write(b"\xa5" * (size - first_page * 4096))


def aside(path):
    return sorted(path.parent.glob(f"{path.name}.corrupt-*"))


def rows(path, statement):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


async def written(path, make_turn, epochs=3):
    for _ in range(epochs):
        async with SqliteStore(path, bounds=LIMITS) as store:
            await store.begin("gateway-1")
            await store.write([make_turn(n, 200) for n in range(20)])


def unclean(path):
    """Leave the file as a crash leaves it."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = 0 WHERE key = 'clean'")


@pytest.mark.parametrize(
    "content",
    [b"just a note, but longer than a header of SQLite " * 9, bytes(8192), b"SQLite format 3\0" + b"\xff" * 9000],
)
async def test_a_file_that_is_no_database_is_set_aside_and_the_epoch_still_grows(path, make_turn, content):
    await written(path, make_turn)
    path.write_bytes(content)
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == 4
        await store.write([make_turn(1)])
        assert store.renewals == 1
    (kept,) = aside(path)
    assert kept.read_bytes() == content


async def test_a_file_damaged_inside_is_found_out_after_a_crash(path, make_turn):
    await written(path, make_turn)
    unclean(path)
    damage(path)
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == 4
    assert len(aside(path)) == 1
    assert rows(path, "SELECT count(*) FROM readings") == [(0,)]


async def test_a_sound_file_is_kept_after_a_crash(path, make_turn):
    await written(path, make_turn)
    unclean(path)
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
    assert aside(path) == []
    assert rows(path, "SELECT count(*) FROM readings") == [(4_000,)]


async def test_the_file_says_whether_it_was_closed_in_order(path, make_turn):
    def clean():
        return rows(path, "SELECT value FROM meta WHERE key = 'clean'")

    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        assert clean() == [(0,)]
        async with SqliteStore(path) as other:  # another program comes and goes
            await other.apply(PLANT)
        assert clean() == [(0,)]
    assert clean() == [(1,)]


async def test_other_programs_set_nothing_aside(path):
    path.write_bytes(b"just a note, but longer than a header of SQLite " * 9)
    with pytest.raises(StoreError, match="no SQLite database"):
        await SqliteStore(path).__aenter__()
    assert aside(path) == []


async def test_a_file_of_a_newer_program_is_not_set_aside(path, make_turn):
    await written(path, make_turn, 1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer edge-agent"):
        await SqliteStore(path, bounds=LIMITS).__aenter__()
    assert aside(path) == []


async def test_only_the_newest_damaged_files_are_kept(path, make_turn):
    await written(path, make_turn, 1)
    for number in range(5):
        path.write_bytes(b"just a note, but longer than a header of SQLite " * (9 + number))
        async with SqliteStore(path, bounds=LIMITS):
            pass
    assert len(aside(path)) == KEPT_DAMAGED


async def test_a_lost_file_does_not_set_the_epoch_back(path, make_turn):
    await written(path, make_turn)
    path.unlink()
    async with SqliteStore(path) as store:
        assert (await store.begin("gateway-1")).epoch == 4


@pytest.mark.parametrize("epoch", [2**63, 2**63 - 1, 2**53 - 1, 10**9, -7])
async def test_an_epoch_file_that_tells_what_cannot_be_is_not_believed(path, make_turn, epoch):
    """Nodes would refuse it as too far ahead, or take it for another than it is."""
    await written(path, make_turn, epochs=2)
    note = path.with_suffix(".epoch")
    note.write_text(f"{epoch}\n")
    async with SqliteStore(path) as store:
        assert (await store.begin("gateway-1")).epoch == 3
    assert note.read_text() == "3\n"


async def test_an_epoch_file_is_believed_where_the_store_is_older(path, make_turn):
    await written(path, make_turn, epochs=2)
    path.with_suffix(".epoch").write_text("1000\n")
    async with SqliteStore(path) as store:
        assert (await store.begin("gateway-1")).epoch == 1001


@pytest.mark.parametrize("content", [b"", b"many", b"-7", b"\xff"])
async def test_an_epoch_file_that_makes_no_sense_is_put_right(path, make_turn, content):
    await written(path, make_turn, 2)
    note = path.with_suffix(".epoch")
    assert note.read_text() == "2\n"
    note.write_bytes(content)
    async with SqliteStore(path) as store:
        assert (await store.begin("gateway-1")).epoch == 3
    assert note.read_text() == "3\n"


@pytest.mark.parametrize("mark", [None, "of edition 7"])
async def test_damage_met_while_running_leads_to_a_fresh_file_that_knows_what_the_old_one_knew(path, make_turn, mark):
    tuned = replace(PLANT, policy=Policy((replace(LOW, limit=1.8),), (FILL,)))
    async with SqliteStore(path, spool=True, bounds=LIMITS, plant=PLANT) as store:
        await store.begin("gateway-1")
        await store.begin("gateway-1")
        if mark is None:
            await store.apply(tuned)
            await store.policy()
        else:
            await store.keep(tuned, mark)
        await store.write([make_turn(n, 500) for n in range(20)])
        await store._connection.run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        await store._connection.run(lambda db: db.execute("PRAGMA cache_size = 0"))
        damage(path, 1)
        with pytest.raises(StoreDamagedError):
            await store.write([make_turn(100, 2_000)])
        with pytest.raises(StoreError):  # it would say that nothing is in force
            await store.policy()
        with pytest.raises(StoreError, match="opened again"):
            await store.write([make_turn(100)])
        assert await store.policy() == tuned.policy
        assert await store.mark() == mark
        assert (await store.write([make_turn(100, 7)])).renewed
        assert not (await store.write([make_turn(101, 1)])).renewed
        assert (store.renewals, store.spooled_rows) == (1, 8)
    assert len(aside(path)) == 1
    assert rows(path, "SELECT count(*) FROM readings") == [(8,)]
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == 3


STARTER = """
import asyncio, sys
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore

async def main():
    async with SqliteStore(sys.argv[1], bounds=StoreBounds(reserve_mb=0)) as store:
        print((await store.begin("gateway-1")).epoch, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_kills_and_damage_in_turns_never_stop_it_from_starting(path):
    root = Path(edge_agent.__file__).parents[1]
    epochs = []
    for _ in range(4):
        agent = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            STARTER,
            path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=root,
        )
        async with asyncio.timeout(30):
            epochs.append(int(await agent.stdout.readline()))
            agent.send_signal(signal.SIGKILL)
            await agent.wait()
        damage(path, 1)
    assert epochs == [1, 2, 3, 4]


async def test_a_schema_that_is_no_text_is_damage_like_any_other(path, make_turn):
    await written(path, make_turn, 1)
    content = path.read_bytes()
    assert b"CREATE TABLE alarms (" in content
    path.write_bytes(content.replace(b"CREATE TABLE alarms (", b"CREATE TABLE \xfd\xfelarm ("))
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == 2
        assert store.renewals == 1
