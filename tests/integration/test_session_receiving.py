from __future__ import annotations

import asyncio

import pytest
from support.deadline import wait_until
from support.sessions import LEVEL, TOPICS, Agent, client, running, watching

from edge_agent.model.inbox import Kind, Receipt, Route


async def send(publisher, count, topic=LEVEL, first=0):
    for number in range(first, first + count):
        await publisher.publish(topic, str(number), qos=1)


def numbers(*values):
    return [str(value).encode() for value in values]


async def test_a_message_comes_with_its_route_and_its_receipt(mosquitto, publisher):
    async with running(Agent(mosquitto.port)) as agent:
        await publisher.publish(LEVEL, b"3.21", qos=1)
        await wait_until(lambda: agent.messages)
        (message,) = agent.messages
        assert message.route == Route(Kind.TELEMETRY, "tank1", "level")
        assert (message.topic, message.payload) == (LEVEL, b"3.21")
        assert message.receipt == Receipt(agent.session.generation, 1)
        assert not message.retained
        assert not message.redelivered


async def test_what_nodes_send_comes_and_what_the_agent_sends_does_not(mosquitto, publisher):
    own = (TOPICS.command("station", "pump1"), TOPICS.dead_letter(), "water/elsewhere/tank1/status")
    sent = (TOPICS.status("a"), TOPICS.ack("a", "b"), TOPICS.state("a", "b"), TOPICS.telemetry("a"), LEVEL)
    async with running(Agent(mosquitto.port)) as agent:
        for topic in (*own, *sent):
            await publisher.publish(topic, b"1", qos=1)
        await wait_until(lambda: len(agent.messages) >= len(sent))
        assert [message.topic for message in agent.messages] == list(sent)


async def test_a_retained_message_and_one_of_qos_0_are_told_apart(mosquitto, publisher):
    await publisher.publish(TOPICS.status("tank1"), b"online", qos=1, retain=True)
    async with running(Agent(mosquitto.port)) as agent:
        await wait_until(lambda: agent.messages)
        assert agent.messages[0].retained
        await publisher.publish(LEVEL, b"1", qos=0)
        await wait_until(lambda: len(agent.messages) == 2)
        assert agent.messages[1].receipt is None


async def test_only_what_was_not_acknowledged_is_delivered_again(mosquitto, publisher):
    async with running(Agent(mosquitto.port)) as before:
        await send(publisher, 3)
        await wait_until(lambda: len(before.messages) == 3)
        await before.acknowledge(0, 2)
    async with running(Agent(mosquitto.port)) as after:
        await send(publisher, 1, first=3)
        await wait_until(lambda: len(after.messages) >= 2)
        assert after.payloads == numbers(1, 3)
        assert [message.redelivered for message in after.messages] == [True, False]


async def test_a_backlog_of_a_resumed_session_is_not_acknowledged_by_itself(mosquitto, publisher):
    async with running(Agent(mosquitto.port)):
        pass
    await send(publisher, 50)
    async with running(Agent(mosquitto.port)) as absent:
        await wait_until(lambda: len(absent.messages) == 50)
    async with running(Agent(mosquitto.port)) as again:
        await wait_until(lambda: len(again.messages) == 50)
        assert again.payloads == numbers(*range(50))


async def test_a_receipt_of_an_earlier_connection_acknowledges_nothing(mosquitto, proxy, publisher):
    async with running(Agent(proxy.port)) as agent:
        await send(publisher, 1)
        await wait_until(lambda: agent.messages)
        proxy.drop()
        await wait_until(lambda: len(agent.messages) == 2)
        assert agent.messages[0].receipt.generation < agent.messages[1].receipt.generation
        await agent.acknowledge(0)
    async with running(Agent(mosquitto.port)) as after:
        await wait_until(lambda: after.messages)
        assert after.payloads == numbers(0)
        await after.acknowledge(0)
    async with running(Agent(mosquitto.port)) as last:
        await send(publisher, 1, first=1)
        await wait_until(lambda: last.messages)
        assert last.payloads == numbers(1)


async def test_as_many_are_on_their_way_as_agreed_and_one_acknowledgement_frees_them_all(mosquitto, publisher):
    async with running(Agent(mosquitto.port)) as agent:
        async with asyncio.TaskGroup() as group:
            for start in range(0, 1000, 100):
                group.create_task(send(publisher, 100, first=start))
        await wait_until(lambda: len(agent.messages) >= 500)
        before = len(agent.messages)
        await agent.acknowledge(*range(before))
        await wait_until(lambda: len(agent.messages) == 1000)
        await agent.acknowledge(*range(before, 1000))
        assert sorted(map(int, agent.payloads)) == list(range(1000))
    async with running(Agent(mosquitto.port)) as after:
        await send(publisher, 1, first=1000)
        await wait_until(lambda: after.messages)
        assert after.payloads == numbers(1000)


class Filling(Agent):
    """Pauses when it holds `mark` messages, as a full inbox does; acknowledges nothing by itself."""

    def __init__(self, port, mark):
        super().__init__(port, on_messages=self.take)
        self.mark = mark
        self.when_paused = 0

    def take(self, messages):
        self.messages += messages
        if len(self.messages) >= self.mark and not self.when_paused:
            self.session.pause()
            self.when_paused = len(self.messages)


async def test_a_paused_session_takes_no_message_more_and_loses_none(mosquitto, publisher):
    async with running(Filling(mosquitto.port, 10)) as agent, watching(mosquitto.port, LEVEL) as watcher:
        await send(publisher, 200)
        await wait_until(lambda: len(watcher.messages) == 200)
        assert 10 <= len(agent.messages) == agent.when_paused < 200
        agent.session.resume()
        await wait_until(lambda: len(agent.messages) == 200)
        assert agent.payloads == numbers(*range(200))


async def test_a_pause_outlasts_a_reconnect(mosquitto, proxy, publisher):
    async with running(Agent(proxy.port)) as agent, watching(mosquitto.port, LEVEL) as watcher:
        agent.session.pause()
        agent.session._link._end("cut by the test")  # a paused session cannot see the other side's end
        await wait_until(lambda: len(agent.sessions_present) == 2 and agent.session.connected)
        await send(publisher, 1)
        await wait_until(lambda: watcher.messages)
        assert "paused" in repr(agent.session)
        assert not agent.messages
        agent.session.resume()
        await wait_until(lambda: agent.messages)


async def test_a_paused_session_still_publishes(mosquitto, publisher):
    async with running(Filling(mosquitto.port, 1)) as agent, watching(mosquitto.port, "commands") as watcher:
        await send(publisher, 20)
        await wait_until(lambda: "paused" in repr(agent.session))
        await agent.session.publish("commands", b"start")
        await wait_until(lambda: watcher.messages)
        agent.session.resume()
        await wait_until(lambda: len(agent.messages) == 20)


async def test_a_pause_longer_than_the_keepalive_costs_no_connection(proxy):
    async with running(Agent(proxy.port, keepalive_seconds=1)) as agent:
        agent.session.pause()
        await wait_until(lambda: proxy.upstream.count(b"\xc0\x00") >= 4)
        assert agent.session.connected
        agent.session.resume()
        await agent.session.publish("still/there", b"1")
        assert agent.session.generation == 1


async def test_an_error_in_the_receiver_is_not_hidden(mosquitto, publisher):
    def refuse(messages):
        raise RuntimeError("a defect")

    async def receive():
        async with running(Agent(mosquitto.port, on_messages=refuse)) as agent:
            await publisher.publish(LEVEL, b"1", qos=1)
            await wait_until(agent.task.done)

    with pytest.raises(ExceptionGroup) as raised:
        await receive()
    assert raised.group_contains(RuntimeError, match="a defect")


async def test_amqtt_delivers_over_3_1_1(amqtt_broker):
    async with running(Agent(amqtt_broker.port)) as agent, client(amqtt_broker.port) as publisher:
        assert agent.session.protocol == "3.1.1"
        await send(publisher, 5)
        await wait_until(lambda: len(agent.messages) == 5)
        await agent.acknowledge(*range(5))
        await agent.session.publish("commands", b"start", expiry_seconds=30, correlation=b"id")


async def test_a_flood_comes_whole_and_in_order(mosquitto, publisher):
    """More than one read takes and more than the broker sends at once: reading, resting and going on are all in it."""
    async with running(Agent(mosquitto.port)) as agent:
        agent.session.pause()
        await send(publisher, 1200)
        agent.session.resume()
        acknowledged = 0
        while len(agent.messages) < 1200:
            await wait_until(lambda before=acknowledged: len(agent.messages) > before)
            held = len(agent.messages)
            await agent.acknowledge(*range(acknowledged, held))
            acknowledged = held
        assert agent.payloads == numbers(*range(1200))
