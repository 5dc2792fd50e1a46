"""The file of the embedded store: whose it is, who may read it, and that it stays where it is."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import stat
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import edge_agent
from edge_agent.errors import StoreError
from edge_agent.knowledge.archive.sqlite import SqliteArchive
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore

LIMITS = StoreBounds(reserve_mb=0)
NOTE = b"just a note, but longer than a header of SQLite " * 9


def rows(path, statement):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def by_another_program(path, *statements):
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# One agent a file


async def test_a_second_agent_is_refused_and_the_first_is_named(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        with pytest.raises(StoreError, match=rf"in use by agent gateway-1 \(process {os.getpid()}\)"):
            await SqliteStore(path, bounds=LIMITS).__aenter__()
        assert (await store.write([make_turn(1)])).duplicates == 0
    async with SqliteStore(path, bounds=LIMITS) as store:  # it has let go of it
        assert (await store.begin("gateway-2")).epoch == 2


async def test_an_agent_is_refused_by_another_name_of_the_file_as_well(path, tmp_path):
    async with SqliteStore(path, bounds=LIMITS):
        (tmp_path / "elsewhere").mkdir()
        link = tmp_path / "elsewhere" / "link.db"
        link.symlink_to(path)
        with pytest.raises(StoreError, match="in use"):
            await SqliteStore(link, bounds=LIMITS).__aenter__()


async def test_a_command_beside_the_agent_is_not_refused(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store, SqliteStore(path) as command, SqliteArchive(path) as archive:
        await store.write([make_turn(1)])
        assert await command.operations() == []
        assert len([record async for record in archive.records("readings")]) == 1


HOLDER = """
import asyncio, sys
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore

async def main():
    async with SqliteStore(sys.argv[1], bounds=StoreBounds(reserve_mb=0)) as store:
        print((await store.begin("gateway-1")).epoch, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_agent_holds_nothing(path):
    environment = {**os.environ, "PYTHONPATH": str(Path(edge_agent.__file__).parent.parent)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert (await process.stdout.readline()).strip() == b"1"
    with pytest.raises(StoreError, match=rf"agent gateway-1 \(process {process.pid}\)"):
        await SqliteStore(path, bounds=LIMITS).__aenter__()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-2")).epoch == 2


# Files of others


@pytest.mark.parametrize("limits", [LIMITS, None])
@pytest.mark.parametrize("content", [NOTE, b"a note\n", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40])
async def test_a_file_that_never_was_a_store_is_refused_and_left_alone(path, content, limits):
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"no SQLite database.*store\.path"):
        await SqliteStore(path, bounds=limits).__aenter__()
    assert path.read_bytes() == content
    assert [one.name for one in path.parent.iterdir() if one.suffix != ".lock"] == [path.name]


@pytest.mark.parametrize("limits", [LIMITS, None])
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_the_database_of_another_program_is_refused_and_left_alone(path, limits, mode):
    by_another_program(path, f"PRAGMA journal_mode = {mode}")
    by_another_program(path, "CREATE TABLE meta (key, value)", "CREATE TABLE notes (text)", "PRAGMA user_version = 3")
    before = path.read_bytes()
    for opening in (SqliteStore(path, bounds=limits), SqliteArchive(path)):
        with pytest.raises(StoreError, match="another program"):
            await opening.__aenter__()
    assert path.read_bytes() == before


async def test_another_programs_tables_are_seen_in_its_log_as_well(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE notes (text)")  # only in the log as yet
        with pytest.raises(StoreError, match="another program"):
            await SqliteStore(path, bounds=LIMITS).__aenter__()
    assert rows(path, "SELECT name FROM sqlite_master") == [("notes",)]


async def test_a_store_of_before_the_mark_is_known(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.write([make_turn(1)])
    by_another_program(path, "PRAGMA application_id = 0")
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.write([make_turn(2)])
    assert rows(path, "SELECT count(*) FROM readings") == [(2,)]
    assert rows(path, "PRAGMA application_id") != [(0,)]


# Who may read


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
async def test_files_are_for_the_agents_user_alone_whatever_the_umask(path, make_turn, mask):
    with umask(mask):
        async with SqliteStore(path, bounds=StoreBounds(reserve_mb=0.1), spool=True) as store:
            await store.begin("gateway-1")
            await store.write([make_turn(1)])
            modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert {"store.db", "store.db-wal", "store.db-shm", "store.epoch", "store.reserve", "store.db.lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}


async def test_files_of_before_are_closed_to_others(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
    for one in path.parent.iterdir():
        one.chmod(0o644)
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        await store.write([make_turn(1)])
        assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}


# A file that goes away


async def test_a_file_that_is_removed_is_noticed_and_written_anew_with_all_that_was_in_it(path, make_turn, said):
    async with SqliteStore(path, bounds=LIMITS, spool=True) as store:
        await store.begin("gateway-1")
        await store.write([make_turn(1, 100, rich=True)])
        for part in ("", "-wal", "-shm"):
            path.with_name(path.name + part).unlink()
        await written(store, make_turn(2, 10))
        assert "removed" in store.notes()["store"]
        assert store.spooled_rows == 100 + 4 + 10
    assert any("removed" in line for line in said)
    assert rows(path, "SELECT count(*) FROM readings") == [(110,)]
    assert rows(path, "SELECT value FROM meta WHERE key = 'epoch'") == [(1,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_is_removed_without_its_log_is_written_anew_too(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        await store.write([make_turn(1, 100)])
        path.unlink()
        await written(store, make_turn(2, 10))
    assert rows(path, "SELECT count(*) FROM readings") == [(110,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


async def test_a_file_whose_log_is_removed_loses_nothing(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        await store.write([make_turn(1, 100)])
        path.with_name(path.name + "-wal").unlink()
        await written(store, make_turn(2, 10))
        assert rows(path, "SELECT count(*) FROM readings") == [(110,)]


async def test_a_file_in_whose_place_another_store_is_put_is_told_what_the_agent_knows(path, make_turn, tmp_path, said):
    other = tmp_path / "backup.db"
    async with SqliteStore(other) as store:
        await store.begin("gateway-1")
        await store.write([make_turn(5, 7)])
    async with SqliteStore(path, bounds=LIMITS) as store:
        for _ in range(3):
            await store.begin("gateway-1")
        await store.write([make_turn(1, 100)])
        shutil.move(other, path)
        renewed = await written(store, make_turn(2, 10))
        assert "replaced" in renewed
        assert "replaced" in store.notes()["store"]
    assert any("replaced" in line for line in said)
    assert rows(path, "SELECT count(*) FROM readings") == [(17,)]
    assert rows(path, "SELECT value FROM meta WHERE key = 'epoch'") == [(3,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


async def test_a_foreign_file_in_its_place_is_left_alone_and_told_until_it_is_gone(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        await store.write([make_turn(1, 100)])
        path.unlink()
        by_another_program(path, "CREATE TABLE notes (text)")
        for _ in range(3):
            with pytest.raises(StoreError, match=r"another program|replaced"):
                await store.write([make_turn(2)])
        assert rows(path, "SELECT name FROM sqlite_master") == [("notes",)]
        path.unlink()
        await written(store, make_turn(2, 10))
    assert rows(path, "SELECT count(*) FROM readings") == [(10,)]


async def written(store, turn):
    """Write as the loop does: what fails is tried again, a few times."""
    for _ in range(3):
        try:
            return (await store.write([turn])).renewed
        except StoreError as error:
            last = error
    raise last


# The epoch beside it


@pytest.mark.parametrize("content", [b"", b"many", b"-7", b"\xff", b"9" * 5_000, b"9007199254740993", b"7000000"])
async def test_a_damaged_epoch_file_is_told_and_put_right(path, content, said):
    for _ in range(2):
        async with SqliteStore(path, bounds=LIMITS) as store:
            await store.begin("gateway-1")
    note = path.with_suffix(".epoch")
    note.write_bytes(content)
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == 3
        assert str(note) in store.notes()["epoch"]
    assert any("epoch" in line for line in said)
    assert note.read_text() == "3\n"


async def test_an_epoch_file_that_is_no_file_does_not_keep_a_start_from_happening(path, said):
    path.with_suffix(".epoch").mkdir()
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == 1
        assert "epoch" in store.notes()
    assert len(said) == 2  # it can neither be read nor written


async def test_a_missing_epoch_file_is_no_news(path, said):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        assert store.notes() == {}
    assert said == []


@pytest.mark.parametrize("value", ["'many'", "-4", "9.5", str(2**60)])
async def test_an_epoch_in_the_store_that_makes_no_sense_gives_way_to_that_beside_it(path, value, said):
    for _ in range(2):
        async with SqliteStore(path, bounds=LIMITS) as store:
            await store.begin("gateway-1")
    by_another_program(path, "UPDATE meta SET value = %s WHERE key = 'epoch'" % value)  # noqa: S608, UP031 - the test's own
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == 3
    assert any("epoch" in line for line in said)
