"""What PostgreSQL refuses: one row costs one row, and a role that may only read and write rows is enough."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psycopg
import pytest
from support.deadline import wait_until
from support.utilitystore import UtilityStore

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.commands import Command, CommandEvent, CommandState
from edge_agent.model.plant import Node, Plant, Policy, Sensor, Threshold
from edge_agent.model.readings import DeadLetter, Reading
from edge_agent.model.time import MICROSECONDS, Moment
from edge_agent.model.turn import Turn
from edge_agent.runtime.clock import SystemClock
from edge_agent.runtime.drain import Drain

LIMITS = StoreBounds(reserve_mb=0)
LEVEL = Sensor("tank1", "level", "level", "m")
LOW = Threshold("tank1", "level", "low", 1.5)
PLANT = Plant("riverside", {"tank1": Node("tank1", {"level": LEVEL})}, Policy((LOW,), ()))
T0 = 1_790_000_000
INSTALL = Path(__file__).parents[2] / "docs" / "install.md"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


async def by_another_client(dsn, *statements):
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


def turn(second, values=(1.0,), **members):
    at = (T0 + second) * MICROSECONDS
    readings = [Reading(LEVEL, value, at + n, at + n, n, 1) for n, value in enumerate(values)]
    return Turn(Moment(at, float(second)), readings=readings, **members)


def aside(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT source, row, reason FROM set_aside ORDER BY id").fetchall()


@asynccontextmanager
async def draining(store, sink):
    async with asyncio.TaskGroup() as group:
        drain = Drain(store, sink, clock=SystemClock(), chance=lambda: 0.0)
        task = group.create_task(drain.run())
        yield drain
        task.cancel()


NO_NINES = (
    (
        "CREATE FUNCTION edge_agent.no_nines() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.value = 9 THEN RAISE EXCEPTION 'nine is not for us'; END IF; RETURN NEW; END $$"
    ),
    "CREATE TRIGGER no_nines BEFORE INSERT ON edge_agent.readings FOR EACH ROW EXECUTE FUNCTION edge_agent.no_nines()",
)
CHECKED = ("ALTER TABLE edge_agent.readings ADD CHECK (value <> 9)",)


@pytest.mark.parametrize("rule", [NO_NINES, CHECKED])
async def test_one_refused_row_costs_one_row(database, path, rule):
    await by_another_client(database, *rule)
    async with SqliteStore(path, spool=True, bounds=LIMITS) as store, UtilityStore(database, "riverside") as utility:
        for second in range(20):
            await store.write([turn(second, [9.0 if (second, n) == (7, 30) else 1.0 for n in range(50)])])
        async with draining(store, utility):
            await wait_until(lambda: (store.spooled_rows, store.spool_refused_rows) == (0, 1))
        assert len([1 async for _ in utility.records("readings")]) == 20 * 50 - 1
    ((source, row, reason),) = aside(path)
    assert source == "readings"
    assert json.loads(row)[:5] == ["tank1", "level", "m", (T0 + 7) * MICROSECONDS + 30, 30]
    assert "refuses a statement" in reason


async def test_refused_rows_of_each_kind_leave_the_rest(database, path):
    await by_another_client(
        database,
        "ALTER TABLE edge_agent.dead_letters ADD CHECK (reason <> 'bad')",
        "ALTER TABLE edge_agent.commands ADD CHECK (actuator <> 'bad')",
        "ALTER TABLE edge_agent.command_events ADD CHECK (detail <> 'bad')",
    )
    commands = [
        Command(
            f"id-{n}", "riverside", "station", "bad" if n == 1 else "pump1", "stop", None, 1, 2, 900.0, 1, n, None, "x"
        )
        for n in range(3)
    ]
    events = [CommandEvent(f"id-{n}", CommandState.DONE, n, 1, "bad" if n == 2 else "") for n in range(3)]
    letters = [DeadLetter("bad" if n == 4 else "good", "t", b"x", n) for n in range(9)]
    async with SqliteStore(path, spool=True, bounds=LIMITS) as store, UtilityStore(database, "riverside") as utility:
        await store.write([turn(1, dead_letters=letters, commands=commands, command_events=events)])
        async with draining(store, utility):
            await wait_until(lambda: (store.spooled_rows, store.spool_refused_rows) == (0, 3))
        assert len([1 async for _ in utility.records("dead_letters")]) == 8
        assert [record["id"] async for record in utility.records("commands")] == ["id-0", "id-2"]
        assert store.spool_refused_rows == 3
    assert [source for source, _, _ in aside(path)] == ["dead_letter", "command", "command_event"]


async def test_where_all_is_refused_nothing_is_set_aside_at_once(database, path):
    await by_another_client(database, "ALTER TABLE edge_agent.readings ADD CHECK (value <> 9)")
    async with UtilityStore(database, "riverside") as utility:
        batch = await spooled(path, turn(1, [9.0, 9.0]))
        with pytest.raises(StoreError) as caught:
            await utility.absorb(batch)
        assert not isinstance(caught.value, StoreUnavailableError)


async def spooled(path, made):
    async with SqliteStore(path, spool=True) as store:
        await store.write([made])
        return (await store.oldest(10_000)).batch


async def test_a_table_that_is_not_ours_makes_it_wait_and_costs_nothing(database, path):
    await by_another_client(database, "ALTER TABLE edge_agent.readings RENAME COLUMN tests TO exams")
    async with SqliteStore(path, spool=True, bounds=LIMITS) as store, UtilityStore(database, "riverside") as utility:
        await store.write([turn(1)])
        async with draining(store, utility) as drain:
            await wait_until(lambda: drain.error is not None)
            assert "edge-agent migrate" in drain.error
            await by_another_client(database, "ALTER TABLE edge_agent.readings RENAME COLUMN exams TO tests")
            await wait_until(lambda: store.spooled_rows == 0)
        assert (store.spool_refused_rows, drain.error) == (0, None)


# Least privilege


@pytest.fixture
async def restricted(database, shared_postgres):
    """The dsn of a role that has what docs/install.md grants, and nothing else."""
    name = database.rpartition("dbname=")[2]
    role = f"agent_of_{name}"
    await by_another_client(database, f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
    await by_another_client(database, *[statement.replace("edge_agent_gateway", role) for statement in granted()])
    return database.replace("user=postgres", f"user={role}")


def granted():
    """Return the statements of the page that a reader would run."""
    block = INSTALL.read_text(encoding="utf-8").partition("## Least privilege in PostgreSQL")[2].partition("\n## ")[0]
    lines = [line.strip() for line in block.splitlines() if line.startswith("    GRANT") and "DATABASE" not in line]
    assert len(lines) >= 2
    return lines


async def test_a_role_that_may_only_read_and_write_rows_drains_months_included(restricted, database, path):
    ((now,),) = await by_another_client(database, "SELECT extract(epoch FROM now())::bigint")
    async with (
        SqliteStore(path, spool=True, bounds=LIMITS) as store,
        UtilityStore(restricted, "riverside", readings_keep_days=30) as utility,
    ):
        assert await utility.apply(PLANT)
        assert (await utility.policy()).thresholds == (LOW,)
        for days in (0, 31, 100, 6_000):
            await store.write([turn(now - T0 - days * 86_400, dead_letters=[DeadLetter("x", "t", b"x", days)])])
        async with draining(store, utility) as drain:
            await wait_until(lambda: store.spooled_rows == 0)
            assert (store.spool_refused_rows, drain.error, utility.trouble, utility.note) == (0, None, None, None)
        where = await by_another_client(database, "SELECT tableoid::regclass::text FROM edge_agent.readings")
        assert len([name for (name,) in where if name != "edge_agent.readings_default"]) == 3
        assert await utility.maintain() >= 1  # months that are old enough are dropped
        assert len([1 async for _ in utility.records("readings")]) < 4


async def test_the_role_may_do_nothing_else(restricted):
    for statement in (
        "CREATE TABLE edge_agent.mine (a int)",
        "DROP TABLE edge_agent.readings_default",
        "TRUNCATE edge_agent.readings",
        "SELECT edge_agent.drop_readings_before(now())",
        "ALTER TABLE edge_agent.thresholds ADD COLUMN mine int",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await by_another_client(restricted, statement)


async def test_where_months_may_not_be_made_the_readings_wait_in_the_default_and_health_says_so(
    restricted, database, path
):
    role = restricted.partition("user=")[2].partition(" ")[0]
    await by_another_client(
        database,
        "REVOKE EXECUTE ON FUNCTION edge_agent.make_months(timestamptz[]) FROM PUBLIC",
        f"REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA edge_agent FROM {role}",
    )
    async with SqliteStore(path, spool=True, bounds=LIMITS) as store, UtilityStore(restricted, "riverside") as utility:
        await store.write([turn(0)])
        async with draining(store, utility) as drain:
            await wait_until(lambda: store.spooled_rows == 0)
            assert drain.error is None
        assert "permission denied for function make_months" in utility.note
        where = await by_another_client(database, "SELECT tableoid::regclass::text FROM edge_agent.readings")
        assert where == [("edge_agent.readings_default",)]
        await by_another_client(database, f"GRANT EXECUTE ON FUNCTION edge_agent.make_months(timestamptz[]) TO {role}")
        await utility.maintain()
        assert utility.note is None


async def test_a_role_without_a_right_is_told_which(restricted, database, path):
    role = restricted.partition("user=")[2].partition(" ")[0]
    await by_another_client(database, f"REVOKE INSERT ON edge_agent.readings FROM {role}")
    async with SqliteStore(path, spool=True, bounds=LIMITS) as store, UtilityStore(restricted, "riverside") as utility:
        await store.write([turn(0)])
        async with draining(store, utility) as drain:
            await wait_until(lambda: drain.error is not None)
            assert "permission denied for table readings" in drain.error
            await utility.version()  # other work goes on, and does not hide it
            assert drain.error is not None
            await by_another_client(database, f"GRANT INSERT ON edge_agent.readings TO {role}")
            await wait_until(lambda: store.spooled_rows == 0)
