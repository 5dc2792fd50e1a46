"""The process while another program holds the store: a stop reaches its node all the same."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

import paho.mqtt.client as paho
import pytest
from support.deadline import block_until, rarely

LEVEL = "water/riverside/tank1/telemetry/level"
#: So long the store is locked, in seconds.
LOCKED_SECONDS = 20.0
#: So soon a stop is with its node, however long the store is locked.
PROMISED_SECONDS = 3.0


class Station:
    """A node that notes when commands come, and does them."""

    def __init__(self, port):
        self.commands = []  # when they came, and what they were
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, "station")
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("water/riverside/station/command/+", qos=1)
        self._client.loop_start()

    def _on_message(self, _client, _userdata, message):
        command = json.loads(message.payload)
        self.commands.append((time.perf_counter(), command))
        done = {"id": command["id"], "status": "done"}
        self._client.publish("water/riverside/station/ack/pump1", json.dumps(done), qos=1)

    @property
    def ids(self):
        return {command["id"] for _, command in self.commands}

    def tell_level(self, value):
        self._client.publish(LEVEL, str(value), qos=1).wait_for_publish(10)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def station(mosquitto):
    node = Station(mosquitto.port)
    try:
        yield node
    finally:
        node.close()


def test_a_stop_reaches_its_node_while_another_program_locks_the_store_and_is_stored_afterwards(agent, station):
    agent.start()
    station.tell_level(3.0)
    store = agent.folder / "var" / "edge-agent.db"
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        locked_at = time.perf_counter()
        station.tell_level(5.5)
        block_until(lambda: station.commands)
        came_at, stop = station.commands[0]
        assert stop["action"] == "stop"
        assert came_at - locked_at < PROMISED_SECONDS
        block_until(rarely(lambda: agent.metric("edge_agent_unstored_commands_total") == 1))
        assert agent.metric("edge_agent_store_failing") == 1
        block_until(lambda: time.perf_counter() >= locked_at + LOCKED_SECONDS, timeout=LOCKED_SECONDS + 5)
        assert len(station.commands) == 1
        other.execute("ROLLBACK")
    block_until(rarely(lambda: not agent.metric("edge_agent_store_failing")))
    assert agent.terminate() == 0
    assert [command["id"] for command in agent.export("commands")] == [stop["id"]]
    assert station.ids == {stop["id"]}
    assert [reading["value"] for reading in agent.export("readings")] == [3.0, 5.5]
    assert agent.log.count("A fail-safe command goes out unstored") == 1


def test_a_start_waits_for_the_lock_and_goes_out_after_it(agent, station):
    agent.start()
    store = agent.folder / "var" / "edge-agent.db"
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        station.tell_level(1.2)
        block_until(lambda: "held back" in agent.log, timeout=15)
        assert station.commands == []
        other.execute("ROLLBACK")
    block_until(lambda: station.commands)
    assert station.commands[0][1]["action"] == "start"
    assert agent.metric("edge_agent_unstored_commands_total") == 0
