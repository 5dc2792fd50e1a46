from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from edge_agent.errors import StoreFullError
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.files import Reserve
from edge_agent.knowledge.store.sqlite import SqliteStore

DAY = 86_400
LIMITS = StoreBounds(reserve_mb=8.0)


@pytest.fixture
def disk(tmp_path):
    """A disk of 32 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def stuff(disk, name="others"):
    """Fill what is left of a disk, as another program might."""
    with (disk / name).open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


async def limit_pages(store, pages):
    """Let the file not grow: SQLite says the same as on a full disk."""

    def limit(db):
        used = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {used + pages}")

    await store._connection.run(limit)


async def write_all(store, turns):
    for turn in turns:
        await store.write([turn])


def without_letters(turn):
    """Leave of a turn what controls the plant."""
    turn.dead_letters.clear()
    return turn


def rows(path, statement):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


async def test_on_a_full_disk_readings_are_refused_and_commands_are_stored(disk, make_turn):
    path = disk / "store.db"
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        await store.write([make_turn(1, 2_000)])
        stuff(disk)
        with pytest.raises(StoreFullError):
            await write_all(store, (make_turn(second, 500) for second in range(2, 1_000)))
        for second in range(1_000, 1_200):
            await store.write([without_letters(make_turn(second, 0, rich=True))])
        with pytest.raises(StoreFullError):
            await store.write([make_turn(2_000, 500)])
    assert rows(path, "SELECT count(*) FROM commands") == [(200,)]


async def test_when_there_is_room_again_readings_are_stored_and_the_reserve_is_back(disk, make_turn):
    path = disk / "store.db"
    async with SqliteStore(path, bounds=LIMITS) as store:
        stuff(disk)
        with pytest.raises(StoreFullError):
            await write_all(store, (make_turn(second, 500) for second in range(1_000)))
        assert not path.with_suffix(".reserve").exists()
        (disk / "others").unlink()
        await store.write([make_turn(5_000, 500)])
        assert path.with_suffix(".reserve").stat().st_size >= 8_000_000


async def test_an_agent_starts_on_a_full_disk(disk, make_turn):
    path = disk / "store.db"
    async with SqliteStore(path, bounds=LIMITS) as store:
        epoch = (await store.begin("gateway-1")).epoch
    stuff(disk)
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == epoch + 1


async def test_old_readings_make_room_on_a_full_disk_for_as_long_as_it_lasts(disk, make_turn):
    path = disk / "store.db"
    async with SqliteStore(path, bounds=LIMITS) as store:
        for day in range(20):
            await store.write([make_turn(day * DAY, 3_000)])
        stuff(disk)
        for day in range(20, 200):
            await store.write([make_turn(day * DAY, 1_000)])
    ((oldest, newest),) = rows(path, "SELECT min(observed_at), max(observed_at) FROM readings")
    assert newest == (199 * DAY * 1_000_000) + 999
    assert oldest > 100 * DAY * 1_000_000


async def test_old_readings_make_room_in_a_file_that_cannot_grow(path, make_turn):
    async with SqliteStore(path, bounds=LIMITS) as store:
        for day in range(50):
            await store.write([make_turn(day * DAY, 3_000)])
        await limit_pages(store, 10)
        for day in range(50, 150):
            await store.write([make_turn(day * DAY, 1_000)])
        with pytest.raises(StoreFullError):  # the newest day is not given up
            await write_all(store, (make_turn(150 * DAY + n, 1_000) for n in range(300)))
    assert rows(path, "SELECT max(observed_at) >= 150 * 86400000000 FROM readings") == [(1,)]


async def test_a_write_that_failed_for_want_of_room_left_nothing(path, make_turn):
    async with SqliteStore(path, spool=True, bounds=StoreBounds(reserve_mb=0)) as store:
        await store.write([make_turn(1, 10)])
        await limit_pages(store, 2)
        with pytest.raises(StoreFullError):
            await store.write([make_turn(2, 5_000)])
        assert store.spooled_rows == 10
    assert rows(path, "SELECT count(*) FROM readings") == [(10,)]


def test_a_reserve_is_whole_or_not_there(tmp_path):
    reserve = Reserve(tmp_path / "reserve", 200_000)
    assert not reserve.stands
    assert reserve.restore()
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 200_000
    assert reserve.release()
    assert not reserve.release()
    assert list(tmp_path.iterdir()) == []
    assert Reserve(tmp_path / "reserve", 0).stands
    shutil.rmtree(tmp_path)
    assert not reserve.restore()


def test_no_reserve_is_taken_from_a_disk_that_has_little_more(disk):
    reserve = Reserve(disk / "reserve", 20_000_000)
    assert not reserve.restore()
    assert list(disk.iterdir()) == []
