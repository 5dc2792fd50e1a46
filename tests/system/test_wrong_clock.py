"""A machine that boots with a wrong clock, as a whole agent bears it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from support.boots import Machine, library
from support.deadline import block_until
from support.processes import PLANT, AgentProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.brokers import Mosquitto

pytestmark = pytest.mark.skipif(library() is None, reason="the package faketime is not installed")

HOUR = 3600.0
#: Ten minutes: so long things are kept here.
BRIEFLY = "[store]\nkeep_days = 0.007\n"
COUNT = 2_500


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def agent(tmp_path: Path, mosquitto: Mosquitto, machine: Machine) -> Iterator[AgentProcess]:
    process = AgentProcess(tmp_path / "agent", mosquitto.port, PLANT, BRIEFLY, commit_seconds=0.01, spawn=machine)
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def publish(mosquitto: Mosquitto) -> Iterator[Callable[[int], None]]:
    """Publish so many readings of a node without a clock: they are of when they are received."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "clockless")
    client.max_inflight_messages_set(100)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()

    def send(first: int) -> None:
        for seq in range(first, first + COUNT):
            payload = json.dumps({"value": 3.0 + seq % 100 / 100, "seq": seq})
            last = client.publish("water/riverside/load/telemetry/s0", payload, qos=1)
        last.wait_for_publish(30)

    yield send
    client.disconnect()
    client.loop_stop()


def held(agent: AgentProcess) -> int:
    return len(agent.export("readings"))


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_nothing_is_pruned_by_a_clock_that_is_wrong_and_status_names_it(agent, machine, publish, ahead):
    agent.start()
    assert json.loads(agent.get("/status"))["clock"] == {"sure": True, "boot": "one"}
    publish(0)
    block_until(lambda: held(agent) == COUNT, timeout=30)
    assert agent.terminate() == 0

    machine.boot("two", ahead=ahead, sure=False)
    agent.start()
    for turn in (1, 2):
        publish(turn * COUNT)
        block_until(lambda turn=turn: held(agent) >= (turn + 1) * COUNT, timeout=30)
    assert held(agent) == 3 * COUNT
    assert json.loads(agent.get("/status"))["clock"] == {"sure": False, "boot": "two"}
    assert "not known to be right" in agent.command_line("status").stdout
    assert "clock" in json.loads(agent.get("/health/ready"))["notes"]
    assert agent.metric("edge_agent_clock_sure") == 0

    machine.set_clock(agent.folder, ahead=0, sure=True)
    block_until(lambda: agent.metric("edge_agent_clock_sure") == 1, timeout=20)
