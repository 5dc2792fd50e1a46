"""The agent as its users see it: mosquitto_pub and mosquitto_sub as node, the command line, the metrics."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.deadline import block_until
from support.processes import PLANT, AgentProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.brokers import Mosquitto

COMMAND = "water/riverside/station/command/pump1"
LEVEL = "water/riverside/tank1/telemetry/level"


class Node:
    """A node made of mosquitto_sub and mosquitto_pub, nothing else."""

    def __init__(self, port: int, log: Path) -> None:
        self._port, self._log = port, log
        with log.open("wb") as out:
            self._watching = subprocess.Popen(
                ["mosquitto_sub", "-p", str(port), "-q", "1", "-v", "-t", "water/#"], stdout=out
            )
        self.publish("water/riverside/station/status", "online", "-r")
        block_until(lambda: "station/status online" in self._log.read_text())

    def publish(self, topic: str, payload: str, *arguments: str) -> None:
        subprocess.run(
            ["mosquitto_pub", "-p", str(self._port), "-q", "1", "-t", topic, "-m", payload, *arguments], check=True
        )

    def heard(self, topic: str) -> list[Any]:
        lines = [line.partition(" ") for line in self._log.read_text().splitlines()]
        # mosquitto_sub writes an empty payload as (null).
        return [
            None if payload in {"", "(null)"} else json.loads(payload) for heard, _, payload in lines if heard == topic
        ]

    def acknowledge(self, command: dict[str, Any], status: str) -> None:
        word = json.dumps({"id": command["id"], "status": status})
        self.publish("water/riverside/station/ack/pump1", word)

    def close(self) -> None:
        self._watching.kill()
        self._watching.wait()


@pytest.fixture
def node(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Node]:
    """A node that listens."""
    made = Node(mosquitto.port, tmp_path / "heard.log")
    try:
        yield made
    finally:
        made.close()


def test_an_unacknowledged_command_is_repeated_with_its_id_then_fails_and_opens_the_breaker(agent, node):
    agent.start()
    node.publish(LEVEL, "1.42")
    block_until(lambda: agent.metric('edge_agent_commands_total{outcome="failed"}') == 1, timeout=20)
    block_until(lambda: len(node.heard(COMMAND)) == 3)
    commands = node.heard(COMMAND)
    assert {command["id"] for command in commands} == {commands[0]["id"]}
    assert commands[0]["action"] == "start"
    assert commands[0]["reason"] == "tank1/level (1.42 m) has been below low (1.50 m) for 1 s"
    block_until(lambda: agent.metric('edge_agent_breaker_open{node="station"}') == 1)
    (exported,) = agent.export("commands")
    assert (exported["outcome"], exported["attempts"], exported["id"]) == ("failed", 3, commands[0]["id"])


def test_an_acknowledged_command_is_not_repeated_and_can_be_explained(agent, node):
    agent.start()
    node.publish(LEVEL, '{"value": 142, "unit": "cm", "seq": 7}')
    block_until(lambda: node.heard(COMMAND), timeout=20)
    command = node.heard(COMMAND)[0]
    node.acknowledge(command, "accepted")
    node.acknowledge(command, "done")
    node.publish("water/riverside/station/state/pump1", '{"state":"running","value":1.0}', "-r")
    block_until(lambda: agent.metric('edge_agent_commands_total{outcome="done"}') == 1)
    block_until(lambda: agent.metric('edge_agent_actuator_state{node="station",actuator="pump1"}') == 1)
    assert agent.metric('edge_agent_breaker_open{node="station"}') == 0
    # Longer than the acknowledgement timeout: a further turn of alarms comes and goes, and no second command.
    node.publish(LEVEL, "1.40")
    node.publish(LEVEL, "5.50")
    block_until(lambda: len({each["id"] for each in node.heard(COMMAND)}) == 2)
    assert len([each for each in node.heard(COMMAND) if each["id"] == command["id"]]) == 1
    told = agent.command_line("explain", command["id"])
    assert told.returncode == 0
    for part in (LEVEL, "1.42 m", "gross_range good", "tank1/level:low", "fill_tank1", "accepted", "done", "1 attempt"):
        assert part in told.stdout


def test_status_and_health_tell_what_is(agent, node):
    agent.start()
    node.publish(LEVEL, "3.0")
    block_until(lambda: json.loads(agent.get("/status"))["sensors"][0]["value"] == 3.0)
    done = agent.command_line("status")
    assert done.returncode == 0
    assert "tank1" in done.stdout
    assert json.loads(agent.get("/health/ready"))["ready"] is True
    assert agent.terminate() == 0
    assert node.heard("water/riverside/_agent/gateway-1/status")[-1]["state"] == "offline"
    again = agent.command_line("status")
    assert again.returncode == 1
    assert again.stderr.startswith("no agent answers at")


def test_plans_say_whether_they_apply_and_why_a_pump_is_asked_to_start(agent, node):
    agent.start()
    node.publish(LEVEL, "1.42")
    block_until(lambda: node.heard(COMMAND), timeout=20)
    listed = agent.command_line("plan", "list")
    assert "fill_tank1 (condition, priority 50) applies: start station/pump1" in listed.stdout
    assert "tank1/level 1.42 m, good" in listed.stdout
    why = agent.command_line("plan", "why", "station/pump1")
    assert "start is requested, by fill_tank1 since" in why.stdout
    found = json.loads(agent.command_line("plan", "why", "station/pump1", "--json").stdout)
    assert (found["action"], found["requests"][0]["plan"]) == ("start", "fill_tank1")
    unknown = agent.command_line("plan", "why", "station/pump7")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert "station/pump7 is no actuator here" in unknown.stderr


def test_an_alarm_is_told_on_its_retained_topic(agent, node):
    agent.start()
    topic = "water/riverside/_agent/gateway-1/alarm/tank1/level/high"
    node.publish(LEVEL, "5.50")
    block_until(lambda: node.heard(topic))
    assert node.heard(topic)[-1]["state"] == "active"
    node.publish(LEVEL, "3.0")
    block_until(lambda: node.heard(topic)[-1] is None)  # normal again: its retained topic is emptied


MALFORMED = [
    ("load/telemetry/s0", "{", "invalid_json"),
    ("load/telemetry/s0", '{"value": NaN}', "value_nan"),
    ("load/telemetry/s0", '{"value": Infinity}', "value_infinite"),
    ("load/telemetry/s0", '{"value": 1e999}', "value_infinite"),
    ("load/telemetry/s0", '{"value": "3.2"}', "value_not_numeric"),
    ("load/telemetry/s0", '{"unit": "bar"}', "value_missing"),
    ("load/telemetry/s0", '{"value": 1, "ts": "2026-11-22T10:00:00"}', "timestamp_without_offset"),
    ("load/telemetry/s0", '{"value": 1, "ts": "1764000000"}', "timestamp_invalid"),
    ("load/telemetry/s0", '{"value": 1, "unit": "m3/h"}', "unit_mismatch"),
    ("load/telemetry/s0", '{"value": 1, "seq": -1}', "seq_invalid"),
    ("load/telemetry/s9", "1", "unknown_sensor"),
    ("moon/telemetry/s0", "1", "unknown_node"),
    ("load/telemetry/s0", '{"value": 1, "pad": "' + "x" * 65536 + '"}', "payload_too_large"),
    ("load/telemetry/s0", '[{"value": 1.25}, {"value": "x"}, {"value": 2.25}]', "value_not_numeric"),
    ("load/telemetry", '{"readings": {"s0": 3.25, "s1": null, "s9": 1}}', "value_not_numeric"),
]


def test_malformed_messages_become_dead_letters_and_the_good_around_them_are_stored(agent, mosquitto):
    import paho.mqtt.client as paho  # noqa: PLC0415 - payloads this large do not fit mosquitto_pub's arguments

    agent.start()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "mixed")
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    for number, (topic, payload, _) in enumerate(MALFORMED):
        client.publish("water/riverside/load/telemetry/s1", str(100 + number), qos=1).wait_for_publish(10)
        client.publish(f"water/riverside/{topic}", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    expected = [reason for *_, reason in MALFORMED] + ["unknown_sensor"]  # the last one has two bad elements
    block_until(lambda: len(agent.export("dead-letters")) >= len(expected), timeout=20)
    assert sorted(letter["reason"] for letter in agent.export("dead-letters")) == sorted(expected)
    block_until(lambda: len(agent.export("readings")) >= len(MALFORMED) + 3, timeout=20)
    values = sorted(reading["value"] for reading in agent.export("readings"))
    assert values == [1.25, 2.25, 3.25, *(100.0 + number for number in range(len(MALFORMED)))]
    for reason in set(expected):
        counted = agent.metric(f'edge_agent_dead_letters_total{{reason="{reason}"}}')
        assert counted == expected.count(reason)


def test_a_flood_of_malformed_messages_neither_stops_nor_slows_it_for_good(agent, mosquitto, publisher):
    from support.ledger import LedgerPublisher  # noqa: PLC0415 - beside the fixture

    agent.start()
    flood = LedgerPublisher(mosquitto.port, "water/riverside/load/telemetry/nothing-here")
    flood.publish(10_000)
    publisher.publish(500)
    flood.settle()
    flood.close()
    publisher.settle()
    block_until(lambda: agent.metric('edge_agent_dead_letters_total{reason="unknown_sensor"}') == 10_000, timeout=60)
    block_until(lambda: len(agent.export("readings", "--node", "load")) == 500, timeout=30)
    block_until(lambda: agent.metric("edge_agent_backlog") == 0)
    after = LedgerPublisher(mosquitto.port, "water/riverside/load/telemetry/s1")
    after.publish(1)
    after.settle()
    after.close()
    block_until(lambda: len(agent.export("readings", "--node", "load")) == 501, timeout=5)


def test_a_recorded_run_replays_to_the_same_bytes(agent, node):
    agent.start("--record", "day.jsonl")
    node.publish(LEVEL, "1.2")
    block_until(lambda: node.heard(COMMAND), timeout=20)
    command = node.heard(COMMAND)[0]
    node.acknowledge(command, "done")
    block_until(lambda: agent.metric('edge_agent_commands_total{outcome="done"}') == 1)
    agent.terminate()
    first, second = agent.command_line("replay", "day.jsonl"), agent.command_line("replay", "day.jsonl")
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    decided = [json.loads(line) for line in first.stdout.splitlines()]
    commands = [entry["command"] for entry in decided if "command" in entry]
    assert commands == [command], "the replay decides what the agent decided, down to the id"
    assert {"command_id": command["id"], "state": "done", "detail": ""}.items() <= decided[-1].items()


def test_check_names_five_mistakes(tmp_path, mosquitto):
    wrong = (
        PLANT.replace('unit = "m"', 'unit = "kg"')
        .replace('fail_safe = "stop"', 'fail_safe = "halt"')
        .replace("limit = 1.5", "limit = 5.9")
        .replace('when = ["tank1/level:high"]', 'when = ["tank7/level:high"]')
        .replace('quantity = "pressure"', 'quantity = "presure"', 1)
    )
    agent = AgentProcess(tmp_path / "wrong", mosquitto.port, plant=wrong)
    done = agent.command_line("check")
    assert done.returncode == 2
    keys = [
        "nodes.tank1.sensors.level.unit",
        "nodes.station.actuators.pump1.fail_safe",
        "nodes.tank1.sensors.level.thresholds",
        "plans.stop_tank1.when",
        "nodes.load.sensors.s0.quantity",
    ]
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    for key in keys:
        (line,) = [line for line in lines if key in line]
        assert line.startswith("config/plant.toml: ")
        assert "expected" in line
    running = agent.command_line("run")
    assert running.returncode == 2
    assert running.stdout == ""
    assert all(key in running.stderr for key in keys)


def test_apply_prints_what_it_changes_and_a_running_agent_follows(agent, node):
    agent.start()
    plant = agent.folder / "config" / "plant.toml"
    plant.write_text(plant.read_text().replace("limit = 5.2", "limit = 4.2"))
    dry = agent.command_line("apply", "config/plant.toml", "--dry-run")
    assert dry.returncode == 0
    assert "4.2" in dry.stdout
    topic = "water/riverside/_agent/gateway-1/alarm/tank1/level/high"
    node.publish(LEVEL, "4.5")
    block_until(lambda: agent.export("readings", "--node", "tank1"))
    assert not node.heard(topic)
    applied = agent.command_line("apply", "config/plant.toml")
    assert applied.stdout == dry.stdout
    block_until(lambda: node.heard(topic), timeout=5)
    assert agent.command_line("apply", "config/plant.toml").stdout == "nothing to change\n"


def test_advisory_records_every_decision_and_publishes_none(tmp_path, mosquitto, node):
    agent = AgentProcess(tmp_path / "advisory", mosquitto.port, settings='[control]\nmode = "advisory"\n')
    agent.start()
    try:
        node.publish(LEVEL, "1.2")
        block_until(lambda: agent.metric('edge_agent_commands_total{outcome="advised"}') == 1, timeout=20)
        (advised,) = agent.export("commands")
        assert (advised["outcome"], advised["attempts"], advised["action"]) == ("advised", 0, "start")
        assert agent.command_line("explain", advised["id"]).returncode == 0
    finally:
        agent.terminate()
    assert node.heard(COMMAND) == []
