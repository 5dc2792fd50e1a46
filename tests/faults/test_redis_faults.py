"""Redis fails in every way we can make, alone and together with PostgreSQL, under load.

It never leads to a wrong threshold: every alarm names the limit it was judged by. Nothing is lost, and no turn waits.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until, rarely
from support.faulttable import Row
from support.handover import spooled, until_handed_over
from support.pulse import Pulse, unaffected

from edge_agent.knowledge.utility.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.postgres import Postgres
    from support.redisserver import RedisServer
    from support.site import Site

NAME = "edge-agent:policy:riverside"
REFUSED = 'edge_agent_policy_cache_reads_total{outcome="refused"}'
TRAFFIC = {"rate": 500, "level_every": 50, "bare_every": 10}
#: The limits of the plant file, as a reason writes them; those of the poison are others.
LIMITS = ("high (5.20 m)", "low (1.50 m)")


def flush(redis: RedisServer) -> None:
    redis.flush()


def other_limits(redis: RedisServer) -> None:
    """Change the text under its seal: believed, every level would be too high."""
    text = redis.execute("GET", NAME)
    assert b'"limit":5.2' in text
    redis.execute("SET", NAME, text.replace(b'"limit":5.2', b'"limit":0.2'))


def garbage(redis: RedisServer) -> None:
    redis.execute("SET", NAME, b"\x00\xff" * 500)


def another_type(redis: RedisServer) -> None:
    redis.execute("DEL", NAME)
    redis.execute("RPUSH", NAME, "a", "b")


POISONS = {"other limits": other_limits, "garbage": garbage, "another type": another_type}
WHILE_IT_RUNS: dict[str, Callable[[RedisServer], None]] = {
    "killed": lambda redis: redis.kill(),
    "frozen": lambda redis: redis.suspend(),
    "flushed": flush,
    "poisoned": other_limits,
}


@pytest.fixture
def make_governed(make_site: Callable[..., Site], postgres: Postgres, redis_server: RedisServer):
    """Make sites with PostgreSQL and Redis in their settings, each with its dsn; the agent is not running yet."""

    def make() -> tuple[Site, str]:
        dsn = postgres.database()
        asyncio.run(migrate(dsn))
        redis_server.flush()
        settings = f'[postgres]\ndsn = "{dsn}"\n[redis]\nurl = "{redis_server.url}"\n'
        return make_site(settings=settings, **TRAFFIC), dsn

    return make


def conclude(site: Site, dsn: str, row: Row, ended: float) -> None:
    site.flood.settle()
    site.until_stored()
    until_handed_over(site)
    row.recovered(time.perf_counter() - ended)
    site.finish()
    measure = site.account(row, dsn)
    assert measure.clean, (site.folder, measure)
    assert limits_in_force(site) == set(LIMITS)


def limits_in_force(site: Site) -> set[str]:
    """The limits by which alarms were raised; what is none of the plant's is given whole."""
    with closing(sqlite3.connect(f"file:{site.store}?mode=ro", uri=True)) as db:
        reasons = [reason for (reason,) in db.execute("SELECT reason FROM alarm_events WHERE event = 'raised'")]
    return {next((limit for limit in LIMITS if limit in reason), reason) for reason in reasons}


@pytest.mark.parametrize("fault", WHILE_IT_RUNS)
def test_redis_fails(fault, table, make_governed, redis_server, fault_tries, fault_messages):
    row = table.add(Row(f"Redis: {fault}"))
    for _ in range(fault_tries):
        site, dsn = make_governed()
        site.agent.start()
        site.flood.publish(fault_messages // 2)
        block_until(lambda: redis_server.execute("GET", NAME))
        with Pulse(site.agent, site.folder) as pulse:
            WHILE_IT_RUNS[fault](redis_server)
            site.flood.publish(fault_messages // 2)
            site.flood.settle()
            block_until(rarely(lambda: pulse.beats))
        ended = time.perf_counter()
        unaffected(pulse, site.agent.log)
        conclude(site, dsn, row, ended)
        if redis_server.running:
            redis_server.resume()
        else:
            redis_server.start()
    row.note = f"meanwhile {pulse}"
    assert row.clean(), row


def test_redis_down_at_start(table, make_governed, redis_server, fault_tries, fault_messages):
    row = table.add(Row("Redis: down at start"))
    for _ in range(fault_tries):
        site, dsn = make_governed()
        redis_server.kill()
        site.agent.start()
        with Pulse(site.agent, site.folder) as pulse:
            site.flood.publish(fault_messages)
            site.flood.settle()
            block_until(rarely(lambda: pulse.beats))
        redis_server.start()
        ended = time.perf_counter()
        unaffected(pulse, site.agent.log)
        conclude(site, dsn, row, ended)
    row.note = f"meanwhile {pulse}"
    assert row.clean(), row


@pytest.mark.parametrize("poison", POISONS)
def test_redis_poisoned_and_postgres_away(
    poison, table, make_governed, redis_server, postgres, fault_tries, fault_messages
):
    """The agent starts, and Redis is all that it can ask: it does not believe it, and goes by what it knew last."""
    row = table.add(Row(f"Redis: poisoned with {poison}, and PostgreSQL away"))
    for _ in range(fault_tries):
        site, dsn = make_governed()
        site.agent.start()
        block_until(lambda: redis_server.execute("GET", NAME))
        assert site.agent.terminate() == 0
        postgres.kill()
        POISONS[poison](redis_server)
        site.agent.start()
        block_until(rarely(lambda: site.agent.metric(REFUSED)), timeout=20)  # noqa: B023 - used at once
        with Pulse(site.agent, site.folder) as pulse:
            site.flood.publish(fault_messages)
            block_until(rarely(lambda: spooled(site) > fault_messages // 2 and pulse.beats))  # noqa: B023
        postgres.start()
        ended = time.perf_counter()
        unaffected(pulse, site.agent.log)
        conclude(site, dsn, row, ended)
    row.note = f"meanwhile {pulse}"
    assert row.clean(), row
