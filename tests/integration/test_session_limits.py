"""A broker that takes less than the agent has to say, and one that ends every connection soon."""

from __future__ import annotations

import asyncio
import contextlib
import json
from itertools import pairwise

import pytest
from support.brokers import Mosquitto
from support.deadline import wait_until
from support.sessions import LEVEL, TOPICS, Agent, client, running, watching

from edge_agent.container.outlet import BrokerOutlet
from edge_agent.errors import BrokerUnavailableError, PublishTooLargeError
from edge_agent.model.alarms import Alarm, AlarmKey
from edge_agent.model.commands import Command
from edge_agent.model.readings import MAX_PAYLOAD_BYTES
from edge_agent.mqtt.clients import MQTT_3_1_1, MQTT_5

LIMIT = 400


@pytest.fixture
def narrow(tmp_path):
    """A Mosquitto that takes packets of 400 bytes at the most."""
    broker = Mosquitto(tmp_path, f"max_packet_size {LIMIT}\n")
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def speaking(agent, version):
    agent.session._version = version
    return agent


async def said_over(agent, topic, payload):
    """Publish over as many connections as it takes; raise what is final."""
    while True:
        await wait_until(lambda: agent.session.connected)
        with contextlib.suppress(BrokerUnavailableError):
            await agent.session.publish(topic, payload)
            return


async def given_up(agent, topic, payload):
    """Publish until it is set aside."""
    async with asyncio.timeout(20):
        while True:
            await wait_until(lambda: agent.session.connected)
            try:
                await agent.session.publish(topic, payload)
            except PublishTooLargeError:
                return
            except BrokerUnavailableError:
                pass


async def test_the_limit_that_the_broker_tells_is_kept(narrow):
    async with running(Agent(narrow.port)) as agent, watching(narrow.port, "#") as watcher:
        with pytest.raises(PublishTooLargeError, match="400 bytes"):
            await agent.session.publish("a/b", bytes(LIMIT))
        await agent.session.publish("a/b", bytes(LIMIT - 20))
        await wait_until(lambda: watcher.payloads("a/b"))
        assert agent.session.generation == 1
        assert agent.session.publishing.set_aside == 1
        assert "400 bytes" in agent.session.publishing.excess
        assert agent.session.refusal is None


async def test_where_the_broker_tells_nothing_what_ends_the_connection_is_found_and_set_aside(narrow):
    agent = speaking(Agent(narrow.port), MQTT_3_1_1)
    async with running(agent), watching(narrow.port, "#") as watcher:
        await given_up(agent, "large/1", bytes(LIMIT + 100))
        assert agent.session.generation <= 1 + 4 + 1
        await wait_until(lambda: agent.session.connected)
        generation = agent.session.generation
        for number in range(2, 20):
            with pytest.raises(PublishTooLargeError):
                await agent.session.publish(f"large/{number}", bytes(LIMIT + 100))
            await agent.session.publish("small", b"1")
        await wait_until(lambda: len(watcher.payloads("small")) == 18)
        assert agent.session.generation == generation
        assert agent.session.publishing.set_aside == 19


async def test_those_that_were_on_their_way_beside_it_go_out(narrow):
    agent = speaking(Agent(narrow.port), MQTT_3_1_1)
    async with running(agent), watching(narrow.port, "#") as watcher, asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(said_over(agent, f"small/{number}", b"1"))
        group.create_task(given_up(agent, "large", bytes(LIMIT + 100)))
        await wait_until(lambda: sum(str(each.topic).startswith("small") for each in watcher.messages) >= 8)
    assert {str(each.topic) for each in watcher.messages} >= {f"small/{number}" for number in range(8)}


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
async def test_a_command_and_an_alarm_that_are_too_large_go_without_their_reason(narrow, version):
    agent = speaking(Agent(narrow.port), version)
    outlet = BrokerOutlet(agent.session, TOPICS, mode="auto", epoch=lambda: 1)
    reason = "tank1/level is below low: " + "and so on, " * 40
    order = Command(
        "0199a0f0-1234-7abc-8def-0123456789ab",
        "riverside",
        "station",
        "pump1",
        "stop",
        None,
        0,
        60_000_000,
        900.0,
        1,
        1,
        "fill",
        reason,
    )
    key = AlarmKey("tank1", "level", "low")
    low = Alarm(key, active=True, acknowledged=False, shelved_until=None, priority="high", value=1.0, limit=2.0,
                unit="m", since=0, reason=reason)  # fmt: skip
    async with running(agent), watching(narrow.port, "#") as watcher:
        for say in (lambda: outlet.command(order, 30.0), lambda: outlet.alarm(low)):
            async with asyncio.timeout(20):
                while True:
                    await wait_until(lambda: agent.session.connected)
                    with contextlib.suppress(BrokerUnavailableError):
                        await say()
                        break
        topics = (TOPICS.command("station", "pump1"), TOPICS.alarm(key))
        await wait_until(lambda: all(watcher.payloads(topic) for topic in topics))
        assert [json.loads(watcher.last[topic])["reason"] for topic in topics] == ["", ""]
        assert json.loads(watcher.last[topics[0]])["action"] == "stop"


async def test_pauses_grow_while_no_connection_lasts_and_are_short_again_after_one_that_did(mosquitto, proxy):
    agent = Agent(proxy.port)
    async with running(agent):
        for count in range(1, 6):
            await wait_until(lambda count=count: len(agent.sessions_present) == count and agent.session.connected)
            proxy.drop()
        await wait_until(lambda: len(agent.waits) == 5)
    assert agent.waits == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert all(later > earlier for earlier, later in pairwise(agent.waits))


async def test_a_connection_that_has_lasted_is_followed_by_a_short_pause(mosquitto, proxy):
    agent = Agent(proxy.port, lasting_seconds=0.0)
    async with running(agent):
        for count in range(1, 4):
            await wait_until(lambda count=count: len(agent.sessions_present) == count and agent.session.connected)
            proxy.drop()
        await wait_until(lambda: len(agent.waits) == 3)
    assert agent.waits == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
async def test_of_a_message_that_is_too_large_only_the_beginning_comes_and_it_is_acknowledged_once(mosquitto, version):
    async with running(speaking(Agent(mosquitto.port), version)) as agent:
        async with client(mosquitto.port) as publisher:
            await publisher.publish(LEVEL, b"x" * (MAX_PAYLOAD_BYTES + 100_000), qos=1)
            await publisher.publish(LEVEL, b"1", qos=1)
        await wait_until(lambda: len(agent.messages) == 2)
        assert [(each.cut, len(each.payload)) for each in agent.messages] == [("payload_too_large", 1024), (None, 1)]
        await agent.acknowledge(0, 1)
    again = speaking(Agent(mosquitto.port), version)
    async with running(again):
        async with client(mosquitto.port) as publisher:
            await publisher.publish(LEVEL, b"2", qos=1)
        await wait_until(lambda: again.messages)
        assert again.payloads == [b"2"]


async def test_what_is_beyond_the_agents_own_limit_the_broker_keeps_to_itself(mosquitto):
    async with running(Agent(mosquitto.port)) as agent:
        async with client(mosquitto.port) as publisher:
            await publisher.publish(LEVEL, b"x" * 2_000_000, qos=1)
            await publisher.publish(LEVEL, b"1", qos=1)
        await wait_until(lambda: agent.messages)
        assert agent.payloads == [b"1"]
