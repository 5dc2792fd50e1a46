"""A recording begun in the middle of an agent's life decides once more what the agent decided, over kills as well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest
from support.deadline import block_until, rarely
from support.processes import PLANT, AgentProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.brokers import Mosquitto

LEVEL = "water/riverside/tank1/telemetry/level"


class Station:
    """A node that carries out what it is told, and a level that is published."""

    def __init__(self, port: int) -> None:
        self.commands: list[dict[str, Any]] = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("water/riverside/station/command/pump1", qos=1)
        self._client.loop_start()
        self._publish("water/riverside/station/status", "online", retain=True)

    def _publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain)

    def _take(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        command = json.loads(message.payload)
        self.commands.append(command)
        state = "running" if command["action"] == "start" else "stopped"
        self._publish("water/riverside/station/state/pump1", json.dumps({"state": state}), retain=True)
        self._publish("water/riverside/station/ack/pump1", json.dumps({"id": command["id"], "status": "done"}))

    def level(self, value: float) -> None:
        self._publish(LEVEL, json.dumps({"value": value}))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def station(mosquitto: Mosquitto) -> Iterator[Station]:
    made = Station(mosquitto.port)
    yield made
    made.close()


def done(agent: AgentProcess) -> list[str]:
    """Return the ids of the commands that were done, in order."""
    return [each["id"] for each in agent.export("commands") if each["outcome"] == "done"]


def decide(agent: AgentProcess, station: Station, level: float, action: str) -> None:
    """Publish a level until the station is told so, and that is known to be done."""
    before = len(done(agent))

    def told() -> bool:
        station.level(level)
        return len(done(agent)) > before and station.commands[-1]["action"] == action

    block_until(rarely(told), timeout=20)


def replayed(agent: AgentProcess, *arguments: str) -> list[dict[str, Any]]:
    found = agent.command_line("replay", "day.jsonl", *arguments)
    assert found.returncode == 0, found.stderr
    return [json.loads(line) for line in found.stdout.splitlines()]


def commands_of(decided: list[dict[str, Any]]) -> list[str]:
    return [each["command"]["id"] for each in decided if "command" in each]


def alarms_of(decided: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(each["at"], each["alarm"], each["event"]) for each in decided if "alarm" in each]


def exported_alarms(agent: AgentProcess) -> list[tuple[str, str, str]]:
    def name(each: dict[str, Any]) -> str:
        place = f"{each['node']}/{each['sensor']}" if each["sensor"] else each["node"]
        return f"{place}:{each['threshold']}"

    return [(each["at"], name(each), each["event"]) for each in agent.export("alarms")]


def test_a_recording_of_two_lives_begun_in_the_middle_of_another_decides_the_same(agent, station):
    agent.start()
    decide(agent, station, 1.2, "start")  # a life of before: its request, alarm and epoch are remembered
    agent.kill()
    unrecorded, heard = len(agent.export("commands")), len(agent.export("alarms"))

    agent.start("--record", "day.jsonl")
    decide(agent, station, 5.5, "stop")
    plant = agent.folder / "other.toml"
    plant.write_text(PLANT.replace("limit = 1.5", "limit = 2.5"), encoding="utf-8")
    assert agent.command_line("apply", "other.toml").returncode == 0
    decide(agent, station, 2.2, "start")  # by the limit that was applied
    newest = station.commands[-1]["id"]
    block_until(lambda: {"command_id": newest, "state": "done"}.items() <= replayed(agent)[-1].items())
    agent.kill()

    agent.start("--record", "day.jsonl")
    decide(agent, station, 5.5, "stop")
    assert agent.terminate() == 0
    decided = replayed(agent)
    assert commands_of(decided) == [each["id"] for each in agent.export("commands")[unrecorded:]]
    assert alarms_of(decided) == exported_alarms(agent)[heard:]
    assert decided == replayed(agent)


def test_another_plant_judges_the_same_recording_from_nothing_on(agent, station):
    agent.start("--record", "day.jsonl")
    decide(agent, station, 1.2, "start")
    assert agent.terminate() == 0
    plant = agent.folder / "other.toml"
    plant.write_text(PLANT.replace("limit = 1.5", "limit = 1.1"), encoding="utf-8")
    assert commands_of(replayed(agent)) == done(agent)
    assert commands_of(replayed(agent, "--plant", "other.toml")) == []


def test_a_recording_whose_end_was_never_written_is_replayed_up_to_there(agent, station):
    agent.start("--record", "day.jsonl")
    decide(agent, station, 1.2, "start")
    assert agent.terminate() == 0
    file = agent.folder / "day.jsonl"
    file.write_bytes(file.read_bytes()[:-30])
    found = agent.command_line("replay", "day.jsonl")
    assert found.returncode == 0
    assert commands_of([json.loads(line) for line in found.stdout.splitlines()]) == done(agent)
