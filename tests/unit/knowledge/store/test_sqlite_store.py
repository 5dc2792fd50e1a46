from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import edge_agent
from edge_agent.errors import PolicyRefusedError, StoreError
from edge_agent.knowledge.archive.sqlite import SqliteArchive
from edge_agent.knowledge.store.migrate import NEWEST
from edge_agent.knowledge.store.rows import MOST_LATER
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.commands import Decision
from edge_agent.model.plant import Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.model.readings import DeadLetter, Delivery, Reading, kept_deliveries
from edge_agent.model.time import Moment
from edge_agent.model.turn import Turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LEVEL = Sensor("tank1", "level", "level", "m")
LOW = Threshold("tank1", "level", "low", 1.5)
FILL = Plan("fill", ("tank1/level:low",), (Step("station/pump1", "start"),))
PLANT = Plant("riverside", {"tank1": Node("tank1", {"level": LEVEL})}, Policy((LOW,), (FILL,)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(path) as store:
        yield store


def turn(*seqs: int, sensor: Sensor = LEVEL) -> Turn:
    return Turn(Moment(0, 0.0), readings=[Reading(sensor, 1.0, seq, seq, seq, 1) for seq in seqs])


def by_another_program(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


async def count(path: Path) -> int:
    async with SqliteArchive(path) as archive:
        return len([record async for record in archive.records("readings")])


async def test_another_value_under_a_time_and_number_that_is_taken_is_stored_a_little_later(path, store):
    """A node without a clock begins each boot at the same time: what it said then is not what it says now."""

    def boot(*values: float) -> Turn:
        readings = [Reading(LEVEL, value, seq, 1000 + seq, seq, 1) for seq, value in enumerate(values)]
        return Turn(Moment(0, 0.0), readings=readings)

    first, second = boot(*[1.0] * 60), boot(*[2.0] * 60)
    assert (await store.write([first])).duplicates == 0
    assert (await store.write([second])).duplicates == 0
    assert (await store.write([first, second])).duplicates == 120
    assert (await store.write([boot(3.0)])).duplicates == 0
    assert await count(path) == 121


async def test_a_node_that_says_everything_at_one_time_does_not_make_the_store_search_for_ever(path, store):
    turns = [
        Turn(Moment(0, 0.0), readings=[Reading(LEVEL, float(value), 5, 5, 1, 1)]) for value in range(2 * MOST_LATER)
    ]
    assert (await store.write(turns)).duplicates == MOST_LATER
    assert await count(path) == MOST_LATER


async def test_what_is_put_a_little_later_is_handed_on_so(path):
    async with SqliteStore(path, spool=True) as store:
        for value in (1.0, 2.0):
            await store.write([Turn(Moment(0, 0.0), readings=[Reading(LEVEL, value, 5, 5, 1, 1)])])
        handed = [row async for row in handed_on(store)]
    assert [(row[1], row[3]) for row in handed] == [(5, 1.0), (6, 2.0)]


async def handed_on(store: SqliteStore) -> AsyncIterator[tuple]:
    while (parcels := await store.oldest(1000)) is not None:
        for row in parcels.batch.readings:
            yield row
        await store.drop(parcels.ids)


# What people change by hand


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE thresholds SET limit_value = 1.8 WHERE sensor = 'level'",
        "UPDATE thresholds SET priority = 'critical', version = 9",
        "DELETE FROM thresholds",
        "INSERT INTO plans (site, plan, when_alarms, steps) VALUES ('riverside', 'new', '[]', '[]')",
        "UPDATE plans SET priority = 80",
        "DELETE FROM plans",
    ],
)
async def test_a_change_by_another_program_shows_in_version_and_policy(
    store: SqliteStore, path: Path, statement: str
) -> None:
    await store.apply(PLANT)
    version, policy = await store.version(), await store.policy()
    by_another_program(path, statement)
    assert await store.version() != version
    assert await store.policy() != policy


async def test_writing_readings_does_not_look_like_a_change_of_policy(store: SqliteStore) -> None:
    await store.apply(PLANT)
    version = await store.version()
    await store.write([turn(1, 2, 3)])
    await store.begin("gateway-1")
    assert await store.version() == version


async def test_a_plain_update_leaves_a_new_version_and_its_time(store: SqliteStore, path: Path) -> None:
    await store.apply(PLANT)
    by_another_program(path, "UPDATE thresholds SET updated_at = '2000-01-01T00:00:00.000Z', version = 4")
    by_another_program(path, "UPDATE thresholds SET limit_value = 1.8")
    with closing(sqlite3.connect(path)) as db:
        (row,) = db.execute("SELECT limit_value, version, updated_at > '2026' FROM thresholds").fetchall()
    assert row == (1.8, 5, 1)


async def test_a_limit_that_is_changed_by_hand_keeps_its_measure(store: SqliteStore, path: Path) -> None:
    falling = replace(LOW, measure="rate_per_hour", parameters=(("over_seconds", 60.0),))
    await store.apply(replace(PLANT, policy=replace(PLANT.policy, thresholds=(falling,))))
    by_another_program(path, "UPDATE thresholds SET limit_value = -1.8")
    assert (await store.policy()).thresholds == (replace(falling, limit=-1.8),)


@pytest.mark.parametrize(
    "assignment",
    [
        "measure = 'smell'",
        """parameters = '{"over_seconds": 60}'""",
        """measure = 'rate_per_hour', parameters = '{"over_seconds": "60"}'""",
        """measure = 'rate_per_hour', parameters = '{"over_seconds": -1}'""",
        "parameters = '[]'",
    ],
)
async def test_a_measure_that_makes_no_sense_is_named(store: SqliteStore, path: Path, assignment: str) -> None:
    await store.apply(PLANT)
    by_another_program(path, f"UPDATE thresholds SET {assignment}")  # noqa: S608 - the test's own words
    with pytest.raises(PolicyRefusedError, match=r"threshold that makes no sense.*low"):
        await store.policy()


async def test_what_was_tuned_by_hand_goes_back_when_the_file_is_applied(store: SqliteStore, path: Path) -> None:
    await store.apply(PLANT)
    by_another_program(path, "UPDATE thresholds SET limit_value = 1.8")
    assert list(map(str, await store.apply(PLANT))) == ["change threshold tank1/level:low: limit 1.8 -> 1.5"]


@pytest.mark.parametrize(
    "assignment",
    [
        "name = 'Highest'",
        "name = 'stale'",
        "name = 'high'",
        "side = NULL, name = 'lowest'",
        "alarm = 2",
        "priority = 'urgent'",
        "limit_value = 9e999",
        "limit_value = NULL",
        "deadband = -1",
    ],
)
async def test_a_threshold_that_makes_no_sense_is_refused(store: SqliteStore, path: Path, assignment: str) -> None:
    await store.apply(PLANT)
    with pytest.raises(sqlite3.IntegrityError):
        by_another_program(path, f"UPDATE thresholds SET {assignment}")  # noqa: S608 - the test's own words
    assert (await store.policy()).thresholds == (LOW,)


async def test_a_plan_that_makes_no_sense_is_named_and_the_file_repairs_it(store: SqliteStore, path: Path) -> None:
    await store.apply(PLANT)
    by_another_program(path, """UPDATE plans SET steps = '[{"start": "pump1"}]'""")
    with pytest.raises(StoreError, match=r"plan that makes no sense.*fill"):
        await store.policy()
    assert list(map(str, await store.apply(PLANT))) == ["change plan fill: could not be read as it was stored"]
    assert await store.policy() == PLANT.policy


# All or nothing


async def test_an_error_within_a_write_leaves_nothing_of_it(store: SqliteStore, path: Path) -> None:
    by_another_program(
        path, "CREATE TRIGGER broken BEFORE INSERT ON decisions BEGIN SELECT RAISE(ABORT, 'no decisions today'); END"
    )
    failing = turn(1, 2)
    failing.dead_letters.append(DeadLetter("invalid_json", "t", b"", 0))
    failing.decisions.append(Decision(0, "station/pump1", "start", None, None, "held", ""))
    with pytest.raises(StoreError, match="no decisions today"):
        await store.write([turn(0), failing])
    async with SqliteArchive(path) as archive:
        assert [record async for record in archive.records("dead_letters")] == []
    assert await count(path) == 0
    by_another_program(path, "DROP TRIGGER broken")
    assert (await store.write([turn(0), failing])).duplicates == 0
    assert await count(path) == 3


WRITER = """
import asyncio, sys
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.plant import Sensor
from edge_agent.model.readings import DeadLetter, Delivery, Reading, kept_deliveries
from edge_agent.model.time import Moment
from edge_agent.model.turn import Turn

async def main():
    sensors = [Sensor("tank1", f"level{n}", "level", "m") for n in range(50)]
    async with SqliteStore(sys.argv[1]) as store:
        await store.begin("gateway-1")
        for n in range(1_000_000):
            readings = [Reading(sensor, 1.0, n, n, n, 1) for sensor in sensors]
            letters = [DeadLetter("x", "t", b"", n)]
            await store.write([Turn(Moment(n, 0.0), readings=readings, dead_letters=letters)])
            print(n, flush=True)

asyncio.run(main())
"""


async def test_a_killed_agent_leaves_whole_writes_and_all_it_has_confirmed(path: Path) -> None:
    root = Path(edge_agent.__file__).parents[1]
    for start in (1, 2):
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, path, stdout=asyncio.subprocess.PIPE, cwd=root
        )
        assert writer.stdout is not None
        async with asyncio.timeout(30):
            while int(await writer.stdout.readline()) < 20 * start:
                pass
            writer.kill()
            confirmed = [int(line) for line in (await writer.stdout.read()).split()]
            await writer.wait()
        found = await count(path)
        async with SqliteArchive(path) as archive:
            letters = len([record async for record in archive.records("dead_letters")])
        assert found == 50 * letters
        assert letters > max(confirmed, default=20 * start)
    async with SqliteStore(path) as store:
        assert (await store.begin("gateway-1")).epoch == 3


# The file


async def test_each_commit_reaches_the_disk(store: SqliteStore) -> None:
    def pragmas(db: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "busy_timeout")
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await store._connection.run(pragmas) == ["wal", 2, 5_000]
    await store.begin("gateway-1")
    assert await store._connection.run(pragmas) == ["wal", 2, 1_000]  # an agent that controls tries again soon
    await store._connection.renew(lambda _: None)
    assert await store._connection.run(pragmas) == ["wal", 2, 1_000]


async def test_a_slow_export_does_not_keep_the_log_from_being_checkpointed(store: SqliteStore, path: Path) -> None:
    await store.write([turn(*range(5_000))])
    async with SqliteArchive(path) as archive:
        records = archive.records("readings")
        await anext(records)
        busy, *_ = await store._connection.run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
        assert busy == 0
        assert len([record async for record in records]) == 4_999


async def test_a_start_does_not_keep_the_log_from_being_checkpointed(store: SqliteStore) -> None:
    await store.write([turn(*range(1_000))])
    await store.begin("gateway-1")
    busy, *_ = await store._connection.run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
    assert busy == 0


async def test_a_second_agent_on_the_same_file_is_found_out(store: SqliteStore, path: Path) -> None:
    async with SqliteStore(path) as second:
        await store.write([turn(1)])
        with pytest.raises(StoreError, match="Two agents"):
            await second.write([turn(2, sensor=replace(LEVEL, id="temperature"))])
    assert await count(path) == 1


async def test_a_newer_file_is_refused(path: Path) -> None:
    async with SqliteStore(path):
        pass
    by_another_program(path, f"PRAGMA user_version = {NEWEST + 1}")
    for opening in (SqliteStore(path), SqliteArchive(path)):
        with pytest.raises(StoreError, match=rf"schema version {NEWEST + 1}.*newer edge-agent"):
            await opening.__aenter__()


async def test_a_file_without_schema_is_migrated_by_the_agent_and_refused_by_the_archive(path: Path) -> None:
    by_another_program(path, "PRAGMA journal_mode = WAL", "PRAGMA user_version = 0")
    with pytest.raises(StoreError, match="start the agent once"):
        await SqliteArchive(path).__aenter__()
    async with SqliteStore(path):
        assert await count(path) == 0


async def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    async with SqliteStore(path):
        pass
    by_another_program(path, "PRAGMA user_version = 1")
    with closing(sqlite3.connect(path)) as db:
        before = db.execute("SELECT name, sql FROM sqlite_master").fetchall()
    with pytest.raises(StoreError, match="spool already exists"):
        await SqliteStore(path).__aenter__()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name, sql FROM sqlite_master").fetchall() == before
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


async def test_there_is_no_archive_where_there_is_no_file(path: Path) -> None:
    with pytest.raises(StoreError, match="There is no store at"):
        await SqliteArchive(path).__aenter__()
    assert list(path.parent.iterdir()) == []


async def test_a_file_that_is_no_database_is_a_clear_error(path: Path) -> None:
    path.write_text("just a note, but longer than a header of SQLite " * 9)  # noqa: ASYNC240 - nothing else runs here
    for opening in (SqliteStore(path), SqliteArchive(path)):
        with pytest.raises(StoreError, match="no SQLite database"):
            await opening.__aenter__()


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        await SqliteStore(tmp_path / "var" / "store.db").__aenter__()


async def test_a_store_that_is_not_open_says_so(path: Path) -> None:
    closed = SqliteStore(path)
    with pytest.raises(StoreError, match="not open"):
        await closed.policy()
    async with closed:
        await closed.policy()
    with pytest.raises(StoreError, match="not open"):
        await closed.policy()


@pytest.mark.parametrize(("receive_maximum", "kept"), [(1, 2_000), (500, 2_500), (5_000, 25_000), (65_535, 65_535)])
async def test_so_many_deliveries_are_kept_as_the_broker_may_repeat(
    path: Path, receive_maximum: int, kept: int
) -> None:
    async with SqliteStore(path, deliveries=kept_deliveries(receive_maximum)) as store:
        for start in (1, 32_001, 64_001):
            turn = Turn(Moment(0, 0.0))
            turn.deliveries = [Delivery(n, bytes(8)) for n in range(start, min(start + 32_000, 65_536))]
            await store.write([turn])
        packets = [delivery.packet for delivery in (await store.begin("gateway-1")).deliveries]
    assert packets == list(range(65_536 - kept, 65_536))
