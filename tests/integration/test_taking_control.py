"""Whoever takes control of a site begins a higher epoch than any agent that has controlled it before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_agent.container.takeover import highest_epoch
from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt import wire
from edge_agent.mqtt.broker import free_port
from edge_agent.mqtt.connection import ConnectionSettings
from edge_agent.mqtt.glance import retained
from edge_agent.mqtt.topics import Topics

if TYPE_CHECKING:
    import aiomqtt
    from support.brokers import Mosquitto

TOPICS = Topics("water", "riverside", "gateway-1")


def reach(port: int) -> ConnectionSettings:
    return ConnectionSettings("127.0.0.1", port, "edge-agent-riverside-gateway-1")


async def test_every_retained_payload_under_a_filter_is_told(mosquitto: Mosquitto, publisher: aiomqtt.Client) -> None:
    for number in range(300):
        await publisher.publish(f"water/riverside/_agent/g{number}/status", f"{number}", qos=1, retain=True)
    await publisher.publish("water/riverside/_agent/g1/other", "not asked for", qos=1, retain=True)
    found = await retained(reach(mosquitto.port), TOPICS.agent_statuses())
    assert {int(payload) for payload in found} == set(range(300))


async def test_the_highest_epoch_of_the_site_counts_whoever_began_it(
    mosquitto: Mosquitto, publisher: aiomqtt.Client
) -> None:
    assert await highest_epoch(reach(mosquitto.port), TOPICS) == 0
    words = {"gateway-1": 4, "gateway-2": 9}
    for agent, epoch in words.items():
        topic = Topics("water", "riverside", agent).agent_status()
        await publisher.publish(topic, wire.agent_status("offline", "auto", "0.1.0", epoch), qos=1, retain=True)
    elsewhere = Topics("water", "elsewhere", "gateway-1").agent_status()
    await publisher.publish(elsewhere, wire.agent_status("online", "auto", "0.1.0", 99), qos=1, retain=True)
    assert await highest_epoch(reach(mosquitto.port), TOPICS) == 9


@pytest.mark.parametrize("word", ["offline", "\xff", "[]", '{"epoch": "12"}', '{"epoch": true}', '{"epoch": 1e300}'])
async def test_what_tells_no_epoch_does_not_count(mosquitto: Mosquitto, publisher: aiomqtt.Client, word: str) -> None:
    await publisher.publish(TOPICS.agent_status(), word.encode("latin-1"), qos=1, retain=True)
    assert await highest_epoch(reach(mosquitto.port), TOPICS) == 0


async def test_a_broker_that_is_away_is_no_obstacle() -> None:
    nowhere = reach(free_port())
    with pytest.raises(BrokerUnavailableError):
        await retained(nowhere, TOPICS.agent_statuses())
    assert await highest_epoch(nowhere, TOPICS) == 0
