"""What the broker was told is stored is stored, once: over its restart, in any window. Kills are in tests/faults."""

from __future__ import annotations

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


@pytest.mark.parametrize("interval", ["0", "1"])
def test_readings_are_acknowledged_with_any_commit_interval(tmp_path, mosquitto, publisher, interval):
    from support.processes import AgentProcess  # noqa: PLC0415 - shadows the fixture's module name

    agent = AgentProcess(
        tmp_path / "again", mosquitto.port, settings=f"[store]\ncommit_interval_seconds = {interval}\n"
    )
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
