"""What the broker was told is stored is stored, once: over its restart, in any window. Kills are in tests/faults."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until

if TYPE_CHECKING:
    from support.brokers import Mosquitto
    from support.processes import AgentProcess


def stored_numbers(agent: AgentProcess) -> list[int]:
    return [reading["seq"] for reading in agent.export("readings", "--node", "load")]


def until_stored(agent: AgentProcess, count: int) -> None:
    """Wait until the agent has seen so many readings, then let it end in order, so that all are written."""
    block_until(lambda: len(stored_numbers(agent)) >= count, timeout=60)


def test_a_restarted_broker_is_connected_again_and_the_loop_goes_on(agent, mosquitto: Mosquitto, publisher):
    agent.start()
    publisher.publish(200)
    publisher.settle()
    until_stored(agent, 200)
    mosquitto.restart()
    block_until(lambda: agent.ready, timeout=30)
    publisher.publish(200, first=200)
    publisher.settle()
    until_stored(agent, 400)
    numbers = stored_numbers(agent)
    assert sorted(numbers) == list(range(400))


@pytest.mark.parametrize("interval", [0.0, 1.0, None], ids=["0", "1", "default"])
def test_readings_are_acknowledged_with_any_commit_interval(tmp_path, mosquitto, publisher, interval):
    from support.processes import AgentProcess  # noqa: PLC0415 - shadows the fixture's module name

    agent = AgentProcess(tmp_path / "again", mosquitto.port, commit_seconds=interval)
    agent.start()
    try:
        publisher.publish(1200)
        publisher.settle()
        until_stored(agent, 1200)
    finally:
        agent.close()


def test_a_broker_with_the_default_window_of_20_is_not_held_to_20_messages_a_second(tmp_path):
    from support.brokers import Mosquitto  # noqa: PLC0415 - with settings of its own
    from support.ledger import LedgerPublisher  # noqa: PLC0415
    from support.processes import AgentProcess  # noqa: PLC0415

    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker", "max_inflight_messages 20\n")
    broker.start()
    agent = AgentProcess(tmp_path / "agent", broker.port)
    try:
        agent.start()
        publisher = LedgerPublisher(broker.port)
        publisher.publish(3000)
        publisher.settle()
        # At one commit of 20 messages a second this would take two and a half minutes.
        block_until(lambda: agent.metric('edge_agent_messages_total{kind="telemetry"}') == 3000, timeout=30)
        publisher.close()
        agent.terminate()
        assert len(stored_numbers(agent)) == 3000
    finally:
        agent.close()
        broker.kill()


def test_what_never_came_is_counted_once_over_a_kill(agent, mosquitto: Mosquitto):
    """On the topic of many sensors, and on that of one: before the kill, over it, and after it."""
    import paho.mqtt.client as paho  # noqa: PLC0415 - only here

    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "numbered")
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    start = time.time()  # noqa: TID251 - readings of now, so that they are not late

    def publish(*numbers: int) -> None:
        for seq in numbers:
            head = {"seq": seq, "ts": start + seq / 1000}
            for topic, body in (("telemetry", {"readings": {"s0": 1.0}}), ("telemetry/s1", {"value": 1.0})):
                sent = client.publish(f"water/riverside/load/{topic}", json.dumps(head | body), qos=1)
                sent.wait_for_publish(10)

    agent.start()
    publish(1, 2, 5, 4)  # 3 never comes
    block_until(lambda: agent.metric("edge_agent_gaps_total") == 2, timeout=15)
    publish(6, 9)  # 7 and 8 neither; killed before anybody could be sure
    agent.kill()
    publish(12, 11)  # nor 10
    agent.start()
    publish(13)
    block_until(lambda: agent.metric("edge_agent_gaps_total") == 2 * 3, timeout=15)
    agent.terminate()
    agent.start()
    publish(14, 16)
    block_until(lambda: agent.metric("edge_agent_gaps_total") == 2, timeout=15)
    client.disconnect()
    client.loop_stop()
