from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from support.deadline import wait_until
from support.postgres import Postgres
from support.utilitystore import UtilityStore

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.knowledge.utility.connection import CHECKOUT_SECONDS, PROOF_SECONDS, WORK_SECONDS, Database
from edge_agent.knowledge.utility.migrate import NEWEST, migrate
from edge_agent.model.plant import Sensor
from edge_agent.model.readings import Reading
from edge_agent.model.time import Moment
from edge_agent.model.turn import Turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

LEVEL = Sensor("tank1", "level", "level", "m")
T0 = 1_790_000_000_000_000


def turn(*seqs: int) -> Turn:
    return Turn(Moment(T0, 0.0), readings=[Reading(LEVEL, 1.0, T0 + seq, T0 + seq, seq, 1) for seq in seqs])


async def stored(store: UtilityStore) -> list[int]:
    return [record["seq"] async for record in store.records("readings")]


async def refusal(call: Awaitable[object]) -> tuple[StoreUnavailableError, float]:
    """Give the error that a call must end with, and the seconds it took."""
    began = time.perf_counter()
    with pytest.raises(StoreUnavailableError) as caught:
        await call
    return caught.value, time.perf_counter() - began


async def back_in_service(store: UtilityStore, seq: int) -> None:
    """Write until it succeeds, as a drain does."""
    async with asyncio.timeout(15):
        while True:
            try:
                await store.write([turn(seq)])
            except StoreUnavailableError:
                continue
            return


async def _freeze_amid_a_transaction(store: UtilityStore, server: Postgres) -> None:
    async with store._database.transaction() as connection:
        server.suspend()
        await connection.execute("SELECT 1")


def _waits_for_lock(server: Postgres) -> bool:
    return server.execute("SELECT count(*) FROM pg_locks WHERE NOT granted") != [(0,)]


@asynccontextmanager
async def opened(server: Postgres) -> AsyncIterator[UtilityStore]:
    async with UtilityStore(server.dsn(), "riverside") as store:
        yield store


async def test_a_server_that_is_absent_at_the_start_is_used_when_it_comes() -> None:
    server = Postgres()
    try:
        async with opened(server) as store:
            error, seconds = await refusal(store.write([turn(1)]))
            assert "PostgreSQL cannot be reached" in str(error)
            assert seconds < CHECKOUT_SECONDS + 1
            server.start()
            await migrate(server.dsn())
            await back_in_service(store, 1)
            assert await stored(store) == [1]
    finally:
        server.close()


async def test_a_kill_amid_writes_loses_none_that_was_confirmed_and_the_store_goes_on(postgres: Postgres) -> None:
    async with opened(postgres) as store:
        confirmed: list[int] = []

        async def publish() -> StoreUnavailableError:
            for seq in range(1_000_000):
                try:
                    await store.write([turn(seq)])
                except StoreUnavailableError as error:
                    return error
                confirmed.append(seq)
            raise AssertionError("the kill was not noticed")

        async with asyncio.timeout(CHECKOUT_SECONDS + PROOF_SECONDS + 10), asyncio.TaskGroup() as tasks:
            publishing = tasks.create_task(publish())
            await wait_until(lambda: len(confirmed) > 50)
            await asyncio.to_thread(postgres.kill)
        assert "PostgreSQL" in str(publishing.result())
        await asyncio.to_thread(postgres.start)
        await back_in_service(store, 9_999_999)
        kept = await stored(store)
        assert set(confirmed) <= set(kept)
        assert len(kept) == len(set(kept))


async def test_a_restart_between_two_writes_is_not_noticed(postgres: Postgres) -> None:
    async with opened(postgres) as store:
        await store.write([turn(1)])
        await asyncio.to_thread(postgres.restart)
        await store.write([turn(2)])
        assert await stored(store) == [1, 2]


async def test_a_frozen_server_costs_a_bounded_time(postgres: Postgres) -> None:
    async with opened(postgres) as store:
        await store.write([turn(1)])
        postgres.suspend()
        _, seconds = await refusal(store.write([turn(2)]))
        assert seconds < CHECKOUT_SECONDS + PROOF_SECONDS + 1
        postgres.resume()
        await back_in_service(store, 3)
        assert await stored(store) == [1, 3]


async def test_a_server_that_freezes_amid_a_transaction_is_cut_off(postgres: Postgres) -> None:
    async with opened(postgres) as store:
        await store.write([turn(1)])
        _, seconds = await refusal(_freeze_amid_a_transaction(store, postgres))
        assert seconds < WORK_SECONDS + 2
        postgres.resume()
        await back_in_service(store, 2)


async def test_a_write_that_is_cancelled_while_the_server_is_frozen_ends(postgres: Postgres) -> None:
    async with opened(postgres) as store:
        await store.write([turn(1)])
        async with await psycopg.AsyncConnection.connect(postgres.dsn()) as other, asyncio.TaskGroup() as tasks:
            await other.execute("LOCK TABLE edge_agent.readings IN ACCESS EXCLUSIVE MODE")
            writing = tasks.create_task(store.write([turn(2)]))
            await wait_until(lambda: _waits_for_lock(postgres))
            postgres.suspend()
            writing.cancel()
            done, _ = await asyncio.wait([writing], timeout=WORK_SECONDS + 2)
            postgres.resume()
            assert done
        await back_in_service(store, 3)
        assert {1, 3} <= set(await stored(store))


async def test_closing_a_store_whose_server_is_frozen_ends(postgres: Postgres) -> None:
    async with asyncio.timeout(15):
        async with opened(postgres) as store:
            await store.write([turn(1)])
            postgres.suspend()
    postgres.resume()


async def test_a_read_only_server_is_reported_as_that_and_used_again_when_it_is_none(postgres: Postgres) -> None:
    async with opened(postgres) as store:
        await store.write([turn(1)])
        postgres.read_only()
        error, _ = await refusal(store.write([turn(2)]))
        assert str(error) == "PostgreSQL does not work: it is read-only."
        assert await stored(store) == [1]
        postgres.read_only(on=False)
        await back_in_service(store, 3)
        assert await stored(store) == [1, 3]


async def test_a_table_that_somebody_else_holds_delays_a_write_for_a_bounded_time(postgres: Postgres) -> None:
    async with opened(postgres) as store, UtilityStore(postgres.dsn(), "riverside") as other:
        await store.write([turn(1)])
        async with other._database.transaction() as connection:
            await connection.execute("LOCK TABLE edge_agent.readings IN ACCESS EXCLUSIVE MODE")
            error, seconds = await refusal(store.write([turn(2)]))
        assert "another transaction holds a lock" in str(error)
        assert seconds < 8
        await store.write([turn(2)])
        assert await stored(store) == [1, 2]


async def test_listening_ends_when_the_server_does(postgres: Postgres) -> None:
    async with opened(postgres) as store:
        changes = store.changes()
        await anext(changes)
        await asyncio.to_thread(postgres.kill)
        async with asyncio.timeout(5):
            with pytest.raises(StoreUnavailableError):
                await anext(changes)
        with pytest.raises(StoreUnavailableError):
            await anext(store.changes())


async def test_a_database_that_was_not_migrated_is_refused_until_it_is(postgres: Postgres) -> None:
    dsn = postgres.database()
    async with UtilityStore(dsn, "riverside") as store:
        error, _ = await refusal(store.write([turn(1)]))
        assert (
            str(error)
            == f"The PostgreSQL schema has version 0 and this program needs {NEWEST}: run edge-agent migrate."
        )
        await migrate(dsn)
        await store.write([turn(1)])


async def test_a_login_that_is_refused_is_worth_another_try_and_does_not_show_the_password(postgres: Postgres) -> None:
    dsn = f"postgresql://nobody-knows:s3cret@{postgres.host}:{postgres.port}/postgres"
    async with UtilityStore(dsn, "riverside") as store:
        error, _ = await refusal(store.write([turn(1)]))
        assert "s3cret" not in str(error)
    with pytest.raises(StoreError) as caught:
        UtilityStore("postgresql://x:s3cret@[", "riverside")
    assert "s3cret" not in str(caught.value)


async def test_a_cancellation_that_comes_with_a_connection_is_not_lost(database):
    """Before Python 3.12 `wait_for` drops it, and with it the pool: the agent would never end."""

    async def accept(_connection: object) -> None:
        pass

    async def hold(db: Database) -> None:
        async with db.connection():
            await asyncio.Event().wait()

    async with Database(database, accept, min_size=1, max_size=1) as db:
        for ticks in range(40):  # in one of them both happen at once
            async with db.connection():
                waiting = asyncio.get_running_loop().create_task(hold(db))
                await wait_until(lambda: db._pool.get_stats().get("requests_waiting"))
            for _ in range(ticks):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting], timeout=2)
            ended = waiting.done()
            waiting.cancel()
            assert ended, f"not cancelled after {ticks} ticks"
