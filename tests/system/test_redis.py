"""The agent beside PostgreSQL and Redis: a change is in force within a second whatever becomes of Redis."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.ledger import LedgerPublisher
from support.processes import AgentProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.brokers import Mosquitto
    from support.postgres import Postgres
    from support.redisserver import RedisServer

TUNE = (
    "UPDATE edge_agent.thresholds SET limit_value = {} WHERE site = 'riverside' AND sensor = 'level' AND name = 'high'"
)
NAME = "edge-agent:policy:riverside"
WITHIN_SECONDS = 1.0
READS = 'edge_agent_policy_cache_reads_total{{outcome="{}"}}'


@pytest.fixture
def installed(tmp_path: Path, mosquitto: Mosquitto, postgres: Postgres) -> Iterator[Callable[..., AgentProcess]]:
    """Makes installations with PostgreSQL in their settings, and Redis where it is given; none is running yet."""
    made: list[AgentProcess] = []

    def install(redis_server: RedisServer | None = None, agent: str = "gateway-1", dsn: str = "") -> AgentProcess:
        settings = f'[agent]\nid = "{agent}"\n[postgres]\ndsn = "{dsn or postgres.dsn()}"\n'
        if redis_server is not None:
            settings += f'[redis]\nurl = "{redis_server.url}"\n'
        made.append(AgentProcess(tmp_path / agent, mosquitto.port, settings=settings))
        return made[-1]

    try:
        yield install
    finally:
        for process in made:
            process.close()


def measure_level(mosquitto: Mosquitto, agent: AgentProcess, postgres: Postgres) -> None:
    """Publish 3.0 m, between all limits, and see it arrive, and the limits in the database."""
    block_until(lambda: postgres.execute("SELECT 1 FROM edge_agent.thresholds"))
    level = LedgerPublisher(mosquitto.port, "water/riverside/tank1/telemetry/level", unit="m")
    level.publish(1)
    level.settle()
    level.close()
    block_until(lambda: json.loads(agent.get("/status"))["sensors"][0]["value"] == 3.0)


def active(agent: AgentProcess) -> list[str]:
    return [alarm["alarm"] for alarm in json.loads(agent.get("/status"))["alarms"] if alarm["active"]]


def seconds_to_alarm(agent: AgentProcess, postgres: Postgres) -> float:
    """Lower the limit below the level, wait for the alarm, raise the limit again; tells how long the alarm took."""
    began = time.perf_counter()
    postgres.execute(TUNE.format(2.5))
    block_until(lambda: active(agent) == ["tank1/level:high"], timeout=5)
    took = time.perf_counter() - began
    postgres.execute(TUNE.format(5.0))
    block_until(lambda: active(agent) == [], timeout=5)
    return took


def spoil(redis_server: RedisServer) -> None:
    entry = redis_server.execute("GET", NAME)
    assert b'"limit":5.0' in entry
    redis_server.execute("SET", NAME, entry.replace(b'"limit":5.0', b'"limit":0.1'))


FATES = {
    "left alone": lambda _redis: None,
    "frozen": lambda redis: redis.suspend(),
    "killed": lambda redis: redis.kill(),
    "flushed": lambda redis: redis.flush(),
    "poisoned": spoil,
}


def test_without_redis_an_update_leads_to_the_alarm_within_a_second(installed, mosquitto, postgres):
    agent = installed()
    agent.start()
    measure_level(mosquitto, agent, postgres)
    took = [seconds_to_alarm(agent, postgres) for _ in range(5)]
    print("without Redis:", [f"{each:.3f}" for each in took])
    assert max(took) < WITHIN_SECONDS


@pytest.mark.parametrize("befalls", FATES.values(), ids=FATES)
def test_an_update_leads_to_the_alarm_within_a_second_whatever_befalls_redis(
    installed, mosquitto, postgres, redis_server, befalls, request
):
    agent = installed(redis_server)
    agent.start()
    measure_level(mosquitto, agent, postgres)
    seconds_to_alarm(agent, postgres)
    block_until(lambda: b'"limit":5.0' in (redis_server.execute("GET", NAME) or b""))
    befalls(redis_server)
    took = [seconds_to_alarm(agent, postgres) for _ in range(5)]
    print(request.node.callspec.id, [f"{each:.3f}" for each in took])
    assert max(took) < WITHIN_SECONDS
    assert agent.ready, "a cache is no part of being ready"
    assert agent.terminate() == 0


def test_a_gateway_without_the_database_is_governed_by_what_another_read(installed, mosquitto, postgres, redis_server):
    first, second = installed(redis_server), installed(redis_server, "gateway-2")
    second.start()
    measure_level(mosquitto, second, postgres)
    block_until(lambda: redis_server.execute("GET", NAME))
    assert second.terminate() == 0
    # Its way to the database is cut: nobody listens there.
    config = second.folder / "config" / "agent.toml"
    config.write_text(config.read_text().replace(f"port={postgres.port}", "port=1"))
    second.start()
    first.start()
    assert active(second) == []
    postgres.execute(TUNE.format(2.5))
    block_until(lambda: b'"limit":2.5' in redis_server.execute("GET", NAME))
    reads = second.metric(READS.format("hit"))
    block_until(lambda: second.metric(READS.format("hit")) > reads, timeout=20)
    measure_level(mosquitto, second, postgres)
    block_until(lambda: active(second) == ["tank1/level:high"], timeout=20)
    assert second.terminate() == first.terminate() == 0
