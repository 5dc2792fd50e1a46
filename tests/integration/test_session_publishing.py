from __future__ import annotations

import asyncio
import contextlib
import signal

import aiomqtt
import pytest
from support.brokers import Mosquitto
from support.deadline import wait_until
from support.sessions import Agent, running, watching

from edge_agent.errors import BrokerUnavailableError, PublishRefusedError


async def test_a_publish_that_returns_has_reached_the_broker(mosquitto):
    async with running(Agent(mosquitto.port)) as agent, watching(mosquitto.port, "commands") as watcher:
        await agent.session.publish("commands", b"start")
        await wait_until(lambda: watcher.messages)
        assert watcher.payloads("commands") == [b"start"]


async def test_over_mqtt_5_a_message_carries_expiry_response_topic_and_correlation(mosquitto):
    async with (
        running(Agent(mosquitto.port)) as agent,
        watching(mosquitto.port, "commands", protocol=aiomqtt.ProtocolVersion.V5) as watcher,
    ):
        await agent.session.publish(
            "commands", b"start", expiry_seconds=29.5, response_topic="acks", correlation=b"0199"
        )
        await wait_until(lambda: watcher.messages)
        properties = watcher.messages[0].properties
        assert properties.MessageExpiryInterval in {29, 30}
        assert properties.ResponseTopic == "acks"
        assert properties.CorrelationData == b"0199"


async def test_many_publishes_at_once_are_all_confirmed(mosquitto):
    async with running(Agent(mosquitto.port)) as agent, watching(mosquitto.port, "commands") as watcher:
        async with asyncio.TaskGroup() as group:
            for number in range(400):
                group.create_task(agent.session.publish("commands", str(number).encode()))
        await wait_until(lambda: len(watcher.messages) == 400)
        assert sorted(int(payload) for payload in watcher.payloads("commands")) == list(range(400))


async def test_without_a_connection_a_publish_fails_at_once(mosquitto):
    agent = Agent(mosquitto.port)
    with pytest.raises(BrokerUnavailableError, match="no connection"):
        await agent.session.publish("commands", b"start")


async def test_a_publish_is_unconfirmed_when_the_broker_is_frozen(mosquitto):
    async with running(Agent(mosquitto.port)) as agent:
        mosquitto.suspend()
        with pytest.raises(BrokerUnavailableError, match=r"within 0\.2 s"):
            await agent.session.publish("commands", b"start", timeout_seconds=0.2)
        mosquitto.resume()
        await agent.session.publish("commands", b"stop")
        assert agent.session.generation == 1


async def test_a_publish_fails_as_soon_as_the_connection_dies(proxy):
    async with running(Agent(proxy.port)) as agent:
        proxy.freeze()
        async with asyncio.timeout(3), asyncio.TaskGroup() as group:
            failing = group.create_task(expect_failure(agent, "lost"))
            await wait_until(lambda: b"commands" in proxy.upstream)
            proxy.drop()
            await failing
        proxy.thaw()


async def expect_failure(agent, sentence, payload=b"start", timeout_seconds=30.0):
    with pytest.raises(BrokerUnavailableError, match=sentence):
        await agent.session.publish("commands", payload, timeout_seconds=timeout_seconds)


async def test_what_was_reported_as_failed_is_not_sent_by_the_next_connection(mosquitto, proxy):
    async with running(Agent(proxy.port)) as agent, watching(mosquitto.port, "commands") as watcher:
        proxy.freeze()
        await expect_failure(agent, "did not confirm", timeout_seconds=0.2)
        proxy.drop()
        proxy.thaw()
        await wait_until(lambda: len(agent.sessions_present) == 2 and agent.session.connected)
        await agent.session.publish("commands", b"marker")
        await wait_until(lambda: watcher.messages)
        assert watcher.payloads("commands") == [b"marker"]


async def test_what_still_waited_for_the_socket_when_it_was_reported_as_failed_is_not_sent_either(mosquitto, proxy):
    async with running(Agent(proxy.port)) as agent, watching(mosquitto.port, "commands") as watcher:
        proxy.freeze()
        await expect_failure(agent, "did not confirm", bytes(50_000_000), timeout_seconds=0.5)
        proxy.thaw()
        await wait_until(lambda: len(agent.sessions_present) == 2 and agent.session.connected)
        await agent.session.publish("commands", b"marker")
        await wait_until(lambda: watcher.messages)
        assert watcher.payloads("commands") == [b"marker"]


async def test_a_cancelled_publish_ends_at_once_and_harms_nothing(mosquitto):
    async with running(Agent(mosquitto.port)) as agent:
        mosquitto.suspend()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await agent.session.publish("commands", b"start", timeout_seconds=30)
        mosquitto.resume()
        await agent.session.publish("commands", b"stop")
        assert agent.session.generation == 1


async def test_a_publish_that_the_access_list_forbids_fails_and_the_connection_lasts(tmp_path):
    rules = tmp_path / "rules.acl"
    rules.write_text("topic readwrite water/#\n")
    rules.chmod(0o600)
    broker = Mosquitto(tmp_path, f"acl_file {rules}\n")
    broker.start()
    try:
        async with running(Agent(broker.port)) as agent:
            with pytest.raises(PublishRefusedError, match="refused what was published to forbidden"):
                await agent.session.publish("forbidden", b"1")
            await agent.session.publish("water/allowed", b"1")
            assert agent.session.generation == 1
            assert agent.session.refusal == "the broker refused what was published to forbidden: Not authorized"
            rules.write_text("topic readwrite #\n")
            broker.signal(signal.SIGHUP)
            async with asyncio.timeout(10):
                while agent.session.refusal is not None:
                    with contextlib.suppress(PublishRefusedError):
                        await agent.session.publish("forbidden", b"1")
            assert agent.session.generation == 1
    finally:
        broker.kill()
