"""What was put in force last is in force: by a plant file that was edited, or by `edge-agent apply`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from support.deadline import block_until
from support.processes import PLANT, AgentProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.brokers import Mosquitto
    from support.postgres import Postgres

WELL = """
[nodes.well.sensors.level]
quantity = "level"
unit = "m"
[nodes.well.sensors.level.thresholds]
low = { limit = 1.0 }
[nodes.well.actuators.pump]
kind = "pump"
fail_safe = "stop"
[plans.spare_the_well]
when = ["well/level:low"]
do   = [{ actuator = "well/pump", action = "stop" }]
"""
STATE = "water/riverside/well/state/pump"


class Bus:
    """A client that publishes, and waits for its PUBACK."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def bus(mosquitto: Mosquitto) -> Iterator[Bus]:
    made = Bus(mosquitto.port)
    yield made
    made.close()


@pytest.fixture(params=["embedded", "postgres"])
def agent(request, tmp_path: Path, mosquitto: Mosquitto) -> Iterator[AgentProcess]:
    settings = ""
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        settings = f'[postgres]\ndsn = "{postgres.dsn()}"\n'
    process = AgentProcess(tmp_path / "agent", mosquitto.port, settings=settings)
    try:
        yield process
    finally:
        process.close()


def seen(agent: AgentProcess) -> dict:
    return json.loads(agent.get("/status"))


def sensors(agent: AgentProcess) -> set[str]:
    return {f"{each['node']}/{each['sensor']}" for each in seen(agent)["sensors"]}


def actuators(agent: AgentProcess) -> dict[str, str | None]:
    return {f"{each['node']}/{each['actuator']}": each["state"] for each in seen(agent)["actuators"]}


def active(agent: AgentProcess) -> set[str]:
    return {alarm["alarm"] for alarm in seen(agent)["alarms"] if alarm["active"]}


def apply(agent: AgentProcess, text: str) -> None:
    (agent.folder / "other.toml").write_text(text, encoding="utf-8")
    done = agent.command_line("apply", "other.toml")
    assert (done.returncode, done.stderr) == (0, "")


def test_nodes_sensors_actuators_and_plans_come_and_go_in_the_running_agent(agent, bus, publisher):
    agent.start()
    block_until(lambda: "tank1/level" in sensors(agent))
    bus.publish(STATE, json.dumps({"state": "running"}), retain=True)  # before anybody knows the well
    publisher.publish(2000)
    apply(agent, PLANT + WELL)
    block_until(lambda: "well/level" in sensors(agent), timeout=3)
    block_until(lambda: actuators(agent).get("well/pump") == "running", timeout=5)
    bus.publish("water/riverside/well/telemetry/level", "0.5")
    block_until(lambda: "well/level:low" in active(agent))
    block_until(lambda: [each["target"] for each in commands(agent)] == ["well/pump"])
    apply(agent, PLANT)
    block_until(lambda: "well/level" not in sensors(agent), timeout=3)
    block_until(lambda: active(agent) == set())
    publisher.settle()
    block_until(lambda: len(agent.export("readings", "--node", "load")) == 2000)


@pytest.mark.parametrize("killed", [False, True])
def test_a_pump_that_is_removed_while_it_runs_is_stopped_first(agent, bus, killed):
    agent.start()
    apply(agent, PLANT + WELL)
    block_until(lambda: "well/level" in sensors(agent), timeout=3)
    bus.publish(STATE, json.dumps({"state": "running"}), retain=True)
    block_until(lambda: actuators(agent).get("well/pump") == "running", timeout=5)
    apply(agent, PLANT)
    block_until(lambda: well_stops(agent) != [], timeout=20)  # its least time on is over after ten seconds
    if killed:
        agent.kill()
        agent.start()
        block_until(lambda: any(stop["epoch"] > 1 for stop in well_stops(agent)), timeout=20)
    assert {stop["reason"].rpartition(": ")[2] for stop in well_stops(agent)} == {"well/pump is no longer in the plant"}
    ack = {"id": well_stops(agent)[-1]["id"], "status": "done"}
    bus.publish(STATE, json.dumps({"state": "stopped"}), retain=True)
    bus.publish("water/riverside/well/ack/pump", json.dumps(ack))
    block_until(lambda: well_stops(agent)[-1]["outcome"] == "done", timeout=10)
    assert None not in {stop["outcome"] for stop in well_stops(agent)}


def well_stops(agent: AgentProcess) -> list[dict]:
    return [each for each in commands(agent) if each["target"] == "well/pump" and each["action"] == "stop"]


def commands(agent: AgentProcess) -> list[dict]:
    return [each | {"target": f"{each['node']}/{each['actuator']}"} for each in agent.export("commands")]


def test_what_was_applied_is_in_force_after_a_kill_though_the_plant_file_says_less(agent):
    agent.start()
    apply(agent, PLANT.replace("limit = 5.2", "limit = 4.2") + WELL)
    block_until(lambda: "well/level" in sensors(agent), timeout=3)
    agent.kill()
    agent.start()
    block_until(lambda: "well/level" in sensors(agent))
    assert limit_of_high(agent) == 4.2


def limit_of_high(agent: AgentProcess) -> float:
    """Return the limit that the agent says what a level of 4.5 m is above."""
    (agent.folder / "check.toml").write_text(PLANT.replace("limit = 5.2", "limit = 4.2") + WELL, encoding="utf-8")
    same = agent.command_line("apply", "check.toml", "--dry-run").stdout == "nothing to change\n"
    return 4.2 if same else 5.2


def test_a_plant_file_that_is_edited_is_in_force_from_the_next_start(agent):
    agent.start()
    apply(agent, PLANT + WELL)
    block_until(lambda: "well/level" in sensors(agent), timeout=3)
    assert agent.terminate() == 0
    file = agent.folder / "config" / "plant.toml"
    file.write_text(PLANT.replace("[nodes.load.sensors.s1]", "[nodes.load.sensors.s9]"), encoding="utf-8")
    agent.start()
    assert sensors(agent) == {"tank1/level", "load/s0", "load/s9"}


def test_what_is_applied_before_the_first_start_is_in_force(tmp_path, mosquitto):
    agent = AgentProcess(tmp_path / "agent", mosquitto.port)
    try:
        apply(agent, PLANT + WELL)
        agent.start()
        assert "well/level" in sensors(agent)
    finally:
        agent.close()


def test_a_plant_of_another_site_waits_for_the_next_start_and_is_told(tmp_path, mosquitto):
    agent = AgentProcess(tmp_path / "agent", mosquitto.port)
    try:
        agent.start()
        apply(agent, PLANT.replace('id = "riverside"', 'id = "hillside"'))
        block_until(lambda: "hillside" in json.loads(agent.get("/health/ready"))["notes"].get("policy", ""), timeout=5)
        assert seen(agent)["site"] == "riverside"
        assert agent.terminate() == 0
        agent.start()
        assert seen(agent)["site"] == "hillside"
    finally:
        agent.close()
