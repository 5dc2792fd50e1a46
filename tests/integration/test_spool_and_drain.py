from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing

import pytest
from support.deadline import wait_until

from edge_agent.errors import StoreUnavailableError
from edge_agent.knowledge.store import journal
from edge_agent.knowledge.store.connection import connect_writer, transaction
from edge_agent.knowledge.store.migrate import migrate
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.commands import Command, CommandEvent, CommandState
from edge_agent.model.plant import Sensor
from edge_agent.model.readings import Reading
from edge_agent.model.time import MICROSECONDS, Moment
from edge_agent.model.turn import Turn
from edge_agent.runtime.clock import SystemClock
from edge_agent.runtime.drain import Drain

SENSORS = [Sensor(f"node{n}", "level", "level", "m") for n in range(10)]


class OtherStore:
    """A second embedded store as the utility's own: it may be away, or lose its connection after it has written."""

    def __init__(self, path):
        self.path = path
        self.away, self.writes, self.unsure = False, 0, 0
        self._db = connect_writer(path)
        migrate(self._db)

    async def absorb(self, batch):
        if self.away:
            raise StoreUnavailableError("it is away")
        with transaction(self._db):
            journal.write(self._db, batch)
        self.writes += 1
        if self.unsure:
            self.unsure -= 1
            raise StoreUnavailableError("the connection was lost")

    def close(self):
        self._db.close()


@pytest.fixture
def sink(tmp_path):
    store = OtherStore(tmp_path / "other.db")
    yield store
    store.close()


@asynccontextmanager
async def draining(store, sink):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Drain(store, sink, clock=SystemClock(), chance=lambda: 0.0).run())
        yield
        task.cancel()


def turn(second, readings=20):
    at = second * MICROSECONDS
    made = Turn(Moment(at, float(second)))
    made.readings = [Reading(SENSORS[n % 10], n / 8, at + n, at + n, n, 2) for n in range(readings)]
    made.commands = [
        Command(f"id-{second}", "riverside", "station", "pump1", "start", None, at, at + 1, 900.0, 1, second, None, "x")
    ]
    return made


def settle(made):
    """Judge a turn's readings, and end its command, in a later turn."""
    later = Turn(Moment(made.now.at + 1, made.now.seconds))
    later.settled = made.readings[:5]
    for reading in later.settled:
        reading.flag = 1
    later.command_events = [CommandEvent(made.commands[0].id, CommandState.DONE, later.now.at, 1, "")]
    return later


def content(path):
    tables = ("readings", "series", "commands", "command_events")
    with closing(sqlite3.connect(path)) as db:
        return {table: db.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in tables}  # noqa: S608 - named above


async def test_what_was_recorded_while_the_other_store_was_away_is_there_afterwards(tmp_path, sink):
    path = tmp_path / "own.db"
    sink.away = True
    async with SqliteStore(path, spool=True) as store, draining(store, sink):
        for second in range(100):
            made = turn(second)
            await store.write([made])
            await store.write([settle(made)])
        assert store.spooled_rows == 100 * (20 + 1 + 5 + 1)
        sink.away, sink.unsure = False, 2
        await wait_until(lambda: store.spooled_rows == 0)
        assert sink.writes < 10
        await store.write([turn(100)])
        await wait_until(lambda: sink.writes and store.spooled_rows == 0)
    assert content(path) == content(sink.path)


async def test_a_crash_between_taking_and_removing_brings_nothing_twice(tmp_path, sink):
    path = tmp_path / "own.db"
    async with SqliteStore(path, spool=True) as store:
        for second in range(10):
            await store.write([turn(second)])
        await sink.absorb((await store.oldest(10_000)).batch)  # and then the agent is gone
    async with SqliteStore(path, spool=True) as store:
        assert store.spooled_rows == 210
        async with draining(store, sink):
            await wait_until(lambda: store.spooled_rows == 0)
    assert content(path) == content(sink.path)


async def test_draining_does_not_hold_up_the_writes(tmp_path, sink):
    clock = asyncio.get_running_loop()
    async with SqliteStore(tmp_path / "own.db", spool=True) as store:
        for second in range(200):
            await store.write([turn(second, 500)])
        async with draining(store, sink):
            slowest, second = 0.0, 200
            while store.spooled_rows > 10_000:
                before = clock.time()
                await store.write([turn(second, 10)])
                slowest, second = max(slowest, clock.time() - before), second + 1
    print(f"slowest write beside the drain: {slowest:.3f} s")
    assert slowest < 1.0  # a bound for a loaded machine
