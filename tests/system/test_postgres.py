"""The agent beside the utility's PostgreSQL: governed by it, reporting to it, and not depending on it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.processes import AgentProcess

from edge_agent.knowledge.utility.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.brokers import Mosquitto
    from support.ledger import LedgerPublisher
    from support.postgres import Postgres

TUNE = (
    "UPDATE edge_agent.thresholds SET limit_value = {} WHERE site = 'riverside' AND sensor = 'level' AND name = 'high'"
)
COUNT = "SELECT count(*), count(DISTINCT seq) FROM edge_agent.readings WHERE node = 'load'"


@pytest.fixture
def governed(tmp_path: Path, mosquitto: Mosquitto, postgres: Postgres) -> Iterator[AgentProcess]:
    """An installation with PostgreSQL in its settings; the agent is not running yet."""
    process = AgentProcess(tmp_path / "governed", mosquitto.port, settings=f'[postgres]\ndsn = "{postgres.dsn()}"\n')
    try:
        yield process
    finally:
        process.close()


def active(agent: AgentProcess) -> list[str]:
    return [alarm["alarm"] for alarm in json.loads(agent.get("/status"))["alarms"] if alarm["active"]]


def test_a_plain_update_is_in_force_at_once(governed, postgres, mosquitto, publisher):
    from support.ledger import LedgerPublisher  # noqa: PLC0415 - on another topic than the fixture's

    governed.start()
    block_until(lambda: postgres.execute("SELECT 1 FROM edge_agent.thresholds"))
    level = LedgerPublisher(mosquitto.port, "water/riverside/tank1/telemetry/level", unit="m")
    level.publish(1)  # 3.0 m
    level.settle()
    level.close()
    block_until(lambda: json.loads(governed.get("/status"))["sensors"][0]["value"] == 3.0)
    assert active(governed) == []
    postgres.execute(TUNE.format(2.5))
    block_until(lambda: active(governed) == ["tank1/level:high"], timeout=2)
    postgres.execute(TUNE.format(5.0))
    block_until(lambda: active(governed) == [], timeout=2)
    postgres.execute(TUNE.format(2.5))
    block_until(lambda: active(governed), timeout=2)
    assert governed.terminate() == 0
    postgres.stop()
    governed.start()  # without the server: by what it said last, not by the plant file
    (status,) = [json.loads(governed.get("/status"))]
    assert status["mode"] == "auto"
    assert active(governed) == ["tank1/level:high"]


INSERT = (
    "INSERT INTO edge_agent.thresholds (site, node, sensor, name, limit_value, side, alarm) "
    "VALUES ('riverside', 'tank1', 'level', '{}', {}, 'below', {})"
)


def test_a_new_name_and_a_switch_point_are_in_force_at_once(governed, postgres, mosquitto, publisher):
    from support.ledger import LedgerPublisher  # noqa: PLC0415 - on another topic than the fixture's

    governed.start()
    block_until(lambda: postgres.execute("SELECT 1 FROM edge_agent.thresholds"))
    level = LedgerPublisher(mosquitto.port, "water/riverside/tank1/telemetry/level", unit="m")
    level.publish(1)  # 3.0 m
    level.settle()
    level.close()
    block_until(lambda: json.loads(governed.get("/status"))["sensors"][0]["value"] == 3.0)
    postgres.execute(INSERT.format("half-empty", 3.5, "true"))
    block_until(lambda: active(governed) == ["tank1/level:half-empty"], timeout=2)
    postgres.execute("UPDATE edge_agent.thresholds SET alarm = false WHERE name = 'half-empty'")
    block_until(lambda: active(governed) == [], timeout=2)
    journal = "SELECT event FROM edge_agent.alarm_events WHERE threshold = 'half-empty' ORDER BY at, id"
    block_until(lambda: postgres.execute(journal) == [("raised",), ("cleared",), ("on",)], timeout=5)
    metrics = governed.get("/metrics")
    assert 'edge_agent_threshold_limit{node="tank1",sensor="level",threshold="half-empty"} 3.5' in metrics
    assert 'edge_agent_alarm_events_total{event="raised",threshold="half-empty"} 1.0' in metrics
    assert "edge_agent_alarm_active" in metrics
    assert 'threshold="half-empty",priority' not in metrics
    postgres.execute(INSERT.format("never", -99, "true"))  # no good reading lies below
    block_until(lambda: active(governed) == ["_agent:policy_refused"], timeout=3)
    assert "thresholds.never.below: no good reading lies below -99" in governed.get("/status")


def test_limits_out_of_order_are_in_force_as_they_were_written_and_told_of(governed, postgres, mosquitto):
    from support.ledger import LedgerPublisher  # noqa: PLC0415 - on another topic than the fixture's

    governed.start()
    block_until(lambda: postgres.execute("SELECT 1 FROM edge_agent.thresholds"))
    level = LedgerPublisher(mosquitto.port, "water/riverside/tank1/telemetry/level", unit="m")
    level.publish(1)  # 3.0 m
    level.settle()
    level.close()
    block_until(lambda: json.loads(governed.get("/status"))["sensors"][0]["value"] == 3.0)
    assert "thresholds" not in json.loads(governed.get("/health/ready"))["notes"]
    postgres.execute(TUNE.format(0.5))
    block_until(lambda: active(governed) == ["tank1/level:high"], timeout=2)
    assert "tank1/level: low 1.5 is not below high 0.5" in governed.get("/health/ready")
    assert "Limits are out of order, and in force as they are" in governed.log
    postgres.execute(TUNE.format(5.0))
    block_until(lambda: "thresholds" not in json.loads(governed.get("/health/ready"))["notes"], timeout=2)


def test_health_tells_what_is_wrong_with_it_and_stays_well(tmp_path, mosquitto, shared_postgres, redis_server):
    dsn = shared_postgres.database()  # without a schema
    settings = f'[postgres]\ndsn = "{dsn}"\n[redis]\nurl = "{redis_server.url}"\n'
    agent = AgentProcess(tmp_path / "unmigrated", mosquitto.port, settings=settings)

    def parts() -> dict[str, str]:
        told = json.loads(agent.get("/health/ready"))  # raises where it is not 200
        assert told["ready"]
        return dict(told["parts"])

    try:
        agent.start()
        block_until(lambda: "run edge-agent migrate" in parts()["postgres"])
        asyncio.run(migrate(dsn))
        block_until(lambda: parts()["postgres"] == parts()["redis"] == "ok", timeout=30)
        redis_server.kill()
        block_until(lambda: parts()["redis"].startswith("Redis does not work"), timeout=60)
        assert parts() | {"redis": ""} == {"broker": "ok", "store": "ok", "loop": "ok", "postgres": "ok", "redis": ""}
    finally:
        agent.close()


def test_what_is_recorded_while_it_is_away_reaches_it_when_it_is_back(
    governed: AgentProcess, postgres: Postgres, publisher: LedgerPublisher
):
    postgres.stop()
    governed.start()
    publisher.publish(2000)
    publisher.settle()
    block_until(lambda: governed.metric("edge_agent_spooled_rows") >= 2000, timeout=20)
    postgres.start()
    block_until(lambda: postgres.execute(COUNT) == [(2000, 2000)], timeout=60)
    block_until(lambda: governed.metric("edge_agent_spooled_rows") == 0, timeout=20)
    publisher.publish(1000, first=2000, at=lambda number: number == 2500 and postgres.kill())
    publisher.settle()
    postgres.start()
    block_until(lambda: postgres.execute(COUNT) == [(3000, 3000)], timeout=60)
    assert governed.terminate() == 0
    assert len(governed.export("readings", "--node", "load")) == 3000


def test_a_frozen_server_does_not_keep_the_loop_from_turning(governed, postgres, publisher):
    governed.start()
    block_until(lambda: postgres.execute("SELECT 1 FROM edge_agent.thresholds"))
    postgres.suspend()
    publisher.publish(1000)
    publisher.settle()
    block_until(lambda: governed.metric('edge_agent_messages_total{kind="telemetry"}') == 1000)
    assert governed.ready
    postgres.resume()
    block_until(lambda: postgres.execute(COUNT) == [(1000, 1000)], timeout=60)


def test_apply_writes_to_it_and_migrate_says_what_there_is_to_do(governed, postgres):
    applied = governed.command_line("apply", "config/plant.toml")
    assert (applied.returncode, applied.stderr) == (0, "")
    assert "add threshold" in applied.stdout
    assert postgres.execute("SELECT count(*) FROM edge_agent.thresholds") == [(2,)]
    assert governed.command_line("apply", "config/plant.toml").stdout == "nothing to change\n"
    assert governed.command_line("migrate").stdout.startswith("nothing to do")
