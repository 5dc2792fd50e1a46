from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import signal

import pytest
from loguru import logger
from support.deadline import wait_until
from support.sessions import LEVEL, TOPICS, WILL, Agent, client, running, watching

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.broker import free_port

STATUS = WILL.topic

EVENT_LOOPS = ("asyncio", "uvloop")


async def test_a_restart_of_the_broker_is_got_over_with_session_and_subscriptions(mosquitto, publisher):
    async with running(Agent(mosquitto.port)) as agent:
        await publisher.__aexit__(None, None, None)
        mosquitto.restart()
        await wait_until(lambda: len(agent.sessions_present) == 2)
        async with publisher:
            await publisher.publish(LEVEL, b"1", qos=1)
            await wait_until(lambda: agent.messages)
        assert agent.sessions_present == [False, True]
        assert agent.session.sessions_lost == 0


async def test_the_end_of_each_announced_connection_is_told_once(mosquitto):
    async with running(Agent(mosquitto.port)) as agent:
        mosquitto.kill()
        await wait_until(lambda: len(agent.waits) > 2)
        assert agent.losses == 1
        mosquitto.start()
        await wait_until(lambda: len(agent.sessions_present) == 2 and agent.session.connected)
        await agent.session.publish("said", b"")  # behind its first words: it is announced
        assert agent.losses == 1
    assert agent.losses == 2


async def test_a_broker_that_is_killed_leaves_no_complaint_of_asyncio(mosquitto):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    await outlive(mosquitto)
    gc.collect()
    assert complaints == []


async def outlive(mosquitto):
    """Kill the broker under a plain client and a session, which are gone afterwards."""
    async with client(mosquitto.port) as plain, running(Agent(mosquitto.port)) as agent:
        mosquitto.kill()
        await wait_until(lambda: plain._disconnected.done() and not agent.session.connected)


async def test_a_connection_that_could_not_be_announced_is_not_lost(mosquitto):
    agent = Agent(mosquitto.port)
    agent.session._on_connected = refuse = RefusedAnnouncement()
    async with running(agent, until_announced=False):
        await wait_until(lambda: refuse.times > 1)
    assert agent.losses == 0


class RefusedAnnouncement:
    times = 0

    def __call__(self, _session_present):
        self.times += 1
        raise BrokerUnavailableError("the first word was not confirmed")


async def test_a_connection_that_is_begun_anew_ends_in_order_and_has_the_will_of_now(mosquitto):
    agent = Agent(mosquitto.port)
    words = [b"first", b"second"]
    agent.session._will = lambda: WILL._replace(payload=words[0])
    async with watching(mosquitto.port, STATUS) as watcher, running(agent):
        del words[0]
        agent.session.renew()
        await wait_until(lambda: len(agent.sessions_present) == 2)
        assert (agent.losses, agent.waits, agent.session.sessions_lost) == (1, [], 0)
        assert b"first" not in watcher.payloads(STATUS)
        mosquitto.signal(signal.SIGSTOP)
        agent.session._link._transport.drop()  # no goodbye
        mosquitto.signal(signal.SIGCONT)
        await wait_until(lambda: b"second" in watcher.payloads(STATUS))


async def test_a_connection_may_be_begun_anew_while_it_is_announced(mosquitto):
    agent = Agent(mosquitto.port)
    announce = agent._announce

    async def renewing(session_present):
        await announce(session_present)
        if len(agent.sessions_present) < 3:
            agent.session.renew()

    agent.session._on_connected = renewing
    async with running(agent):
        await wait_until(lambda: agent.session.connected and len(agent.sessions_present) == 3)
        assert agent.waits == []


async def test_connections_that_end_soon_are_tried_less_and_less_often(mosquitto):
    async with running(Agent(mosquitto.port)) as agent:
        for times in (2, 3, 4):
            mosquitto.restart()
            await wait_until(lambda: len(agent.sessions_present) == times)  # noqa: B023 - used at once
        assert agent.waits[0] < agent.waits[-1]


async def test_of_two_with_one_id_one_stays_away_while_it_is_told_to(mosquitto):
    first, second = Agent(mosquitto.port), Agent(mosquitto.port)
    stays, asked = [True], []

    async def stay(contested):
        asked.append((first.session.connected, contested))
        return stays[0]

    first.session._stay_away = stay
    async with running(first), running(second):
        await wait_until(lambda: len(asked) > 2)
        assert (len(first.sessions_present), len(second.sessions_present)) == (1, 1)
        assert asked[0] in {(False, False), (False, True)}  # Mosquitto 2.0.21 says what happened, 2.0.11 does not
        stays[0] = False
        await wait_until(lambda: (False, True) in asked)  # they take it from each other


async def test_a_broker_that_lost_its_data_is_counted_and_subscribed_again(mosquitto, publisher):
    async with running(Agent(mosquitto.port)) as agent:
        await publisher.__aexit__(None, None, None)
        mosquitto.kill()
        shutil.rmtree(mosquitto.data)
        mosquitto.data.mkdir()
        mosquitto.start()
        await wait_until(lambda: len(agent.sessions_present) == 2)
        async with publisher:
            await publisher.publish(LEVEL, b"1", qos=1)
            await wait_until(lambda: agent.messages)
        assert agent.session.sessions_lost == 1


@pytest.mark.parametrize("expected", [True, False])
async def test_a_session_of_a_former_run_that_is_gone_is_lost(mosquitto, expected):
    async with running(Agent(mosquitto.port, expects_session=expected)) as agent:
        assert agent.session.sessions_lost == expected
    async with running(Agent(mosquitto.port, expects_session=True)) as agent:
        assert agent.session.sessions_lost == 0


async def test_mqtt_5_is_spoken_where_the_broker_does(mosquitto):
    async with running(Agent(mosquitto.port)) as agent:
        assert agent.session.protocol == "5"
        assert "(p5, c0, k15)" in mosquitto.log


async def _lose_session_to_another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak MQTT 5 up to the first publish, then say that the session is taken over.."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            kind, size = await reader.readexactly(2)
            while size & 0x80:  # no packet here is longer than two bytes can say
                size = size - 0x80 + 0x80 * (await reader.readexactly(1))[0]
            body = await reader.readexactly(size)
            if kind == 0x10:
                writer.write(bytes.fromhex("2003000000"))  # CONNACK
            elif kind == 0x82:
                codes = bytes([1] * len(TOPICS.subscriptions()))
                writer.write(bytes([0x90, 3 + len(codes)]) + body[:2] + b"\0" + codes)  # SUBACK
            else:
                writer.write(bytes.fromhex("e0028e00"))  # DISCONNECT: session taken over
    writer.close()


async def test_another_client_with_the_same_id_is_warned_of():
    told: list[str] = []
    sink = logger.add(lambda message: told.append(message.record["message"]), level="WARNING", format="{message}")
    server = await asyncio.start_server(_lose_session_to_another, "127.0.0.1", 0)
    agent = Agent(server.sockets[0].getsockname()[1])
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(agent.session.run())
            await wait_until(lambda: "Another client uses the id gateway-1: each agent needs its own" in told)
            task.cancel()
    finally:
        logger.remove(sink)
        server.close()


async def test_a_broker_that_ends_is_not_taken_for_another_client(mosquitto):
    told: list[str] = []
    sink = logger.add(lambda message: told.append(message.record["message"]), level="WARNING", format="{message}")
    try:
        async with running(Agent(mosquitto.port)) as agent:
            mosquitto.restart()
            await wait_until(lambda: len(agent.sessions_present) == 2)
    finally:
        logger.remove(sink)
    assert told == ["The broker is unavailable"]


async def test_after_a_refusal_3_1_1_is_remembered(amqtt_broker):
    async with running(Agent(amqtt_broker.port)) as agent:
        assert (agent.session.protocol, agent.session.generation) == ("3.1.1", 2)
        agent.session._link._end("cut by the test")
        await wait_until(lambda: len(agent.sessions_present) == 2)
        assert agent.session.generation == 3


async def test_the_will_is_said_when_the_connection_is_cut(mosquitto, proxy):
    async with watching(mosquitto.port, STATUS) as watcher, running(Agent(proxy.port)):
        proxy.drop()
        await wait_until(lambda: watcher.payloads(STATUS) == [b"online", b"offline", b"online"])


async def test_no_will_is_said_after_a_clean_close(mosquitto, publisher):
    async with watching(mosquitto.port, STATUS) as watcher:
        async with running(Agent(mosquitto.port)) as agent:
            agent.session.pause()
            await agent.session.publish(STATUS, b"stopped", retain=True)
        await publisher.publish(STATUS, b"marker", qos=1)
        await wait_until(lambda: b"marker" in watcher.payloads(STATUS))
        assert watcher.payloads(STATUS) == [b"online", b"stopped", b"marker"]
        assert not agent.session.connected


async def test_a_cancelled_run_says_goodbye_too(mosquitto, publisher):
    agent = Agent(mosquitto.port)
    async with watching(mosquitto.port, STATUS) as watcher:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            task = group.create_task(agent.session.run())
            await wait_until(lambda: agent.session.connected)
            async with asyncio.timeout(2):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            assert task.cancelled()
        await publisher.publish(STATUS, b"marker", qos=1)
        await wait_until(lambda: b"marker" in watcher.payloads(STATUS))
        assert b"offline" not in watcher.payloads(STATUS)


async def test_a_frozen_broker_does_not_hold_up_the_end(mosquitto):
    async with running(Agent(mosquitto.port)) as agent:
        mosquitto.suspend()
        async with asyncio.timeout(2):
            agent.close()
            await wait_until(lambda: not agent.session.connected)


async def test_a_run_that_is_closed_while_connecting_leaves_no_connection(proxy):
    proxy.freeze()
    agent = Agent(proxy.port)
    async with asyncio.timeout(2), running(agent, until_announced=False):
        await wait_until(lambda: b"MQTT" in proxy.upstream)
        agent.close()
    proxy.thaw()
    await wait_until(lambda: not proxy.open_connections)
    assert proxy.connections == 1


async def test_a_connection_without_a_sign_of_life_is_given_up(proxy):
    async with running(Agent(proxy.port, keepalive_seconds=1)) as agent:
        proxy.freeze()
        await wait_until(lambda: not agent.session.connected)
        proxy.thaw()
        await wait_until(lambda: len(agent.sessions_present) == 2)


async def test_the_wait_between_attempts_grows_to_its_cap():
    agent = Agent(free_port())
    async with running(agent, until_announced=False):
        await wait_until(lambda: len(agent.waits) >= 7)
    assert agent.waits[:7] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


async def test_the_first_failure_is_a_warning_the_rest_is_not_and_the_return_is_told(mosquitto):
    told = []
    sink = logger.add(lambda line: told.append((line.record["level"].name, line.record["message"])), level=0)
    mosquitto.stop()
    agent = Agent(mosquitto.port)
    try:
        async with running(agent, until_announced=False):
            await wait_until(lambda: len(agent.waits) >= 3)
            mosquitto.start()
            await wait_until(lambda: told[-1][0] == "INFO")
    finally:
        logger.remove(sink)
    failures = [level for level, sentence in told if sentence == "The broker is unavailable"]
    assert failures[0] == "WARNING"
    assert set(failures[1:]) == {"DEBUG"}
    assert told[-1] == ("INFO", "The broker is connected")


@contextlib.asynccontextmanager
async def scripted_broker(*scripts):
    """Serve one script per connection (the last one for all later ones): an answer per packet; None hangs up.

    Yields the port and the list of the MQTT versions that clients have asked for.
    """
    versions = []

    async def serve(reader, writer):
        script = scripts[min(len(versions), len(scripts) - 1)]
        for answer in script:
            packet = await reader.read(4096)
            if packet[4:8] == b"MQTT":
                versions.append(packet[8])
            if not packet or answer is None:
                break
            writer.write(answer(packet) if callable(answer) else answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], versions


ACCEPTED_5 = b"\x20\x03\x00\x00\x00"
ACCEPTED_3 = b"\x20\x02\x00\x00"


def refuse_subscriptions(packet):
    return b"\x90\x07" + packet[2:4] + b"\x00" + b"\x87" * 4


def grant_subscriptions_5(packet):
    return b"\x90\x07" + packet[2:4] + b"\x00" + b"\x01" * 4


def grant_subscriptions_3(packet):
    return b"\x90\x06" + packet[2:4] + b"\x01" * 4


def confirm_publish(packet):
    topic_length = int.from_bytes(packet[2:4], "big")
    return b"\x40\x02" + packet[4 + topic_length : 6 + topic_length]


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ([None], "closed before it was accepted"),
        ([b"\x20\x03\x00\x87\x00"], "refused the connection"),
        ([ACCEPTED_5, refuse_subscriptions], "refused the subscription to water/riverside/+/telemetry/#"),
        ([ACCEPTED_5, None], "lost"),
        ([b"no mqtt at all"], "closed before it was accepted"),
    ],
)
async def test_a_handshake_that_fails_is_told_and_tried_again(script, sentence):
    told = []
    sink = logger.add(lambda line: told.append(line.record["extra"].get("error", "")), level="WARNING")
    try:
        async with asyncio.timeout(5), scripted_broker(script) as (port, _versions):
            agent = Agent(port)
            async with running(agent, until_announced=False):
                await wait_until(lambda: len(agent.waits) >= 2)
                assert not agent.session.connected
    finally:
        logger.remove(sink)
    assert sentence in told[0]


async def test_a_broker_that_hangs_up_on_mqtt_5_is_spoken_to_in_3_1_1():
    old = [ACCEPTED_3, grant_subscriptions_3, confirm_publish, None]
    async with scripted_broker([None], old) as (port, versions), running(Agent(port)) as agent:
        assert agent.session.protocol == "3.1.1"
        assert versions == [5, 4]


async def test_a_broker_that_has_spoken_mqtt_5_is_not_given_up_as_old():
    spoken = [ACCEPTED_5, grant_subscriptions_5, confirm_publish]
    async with scripted_broker(spoken, [None]) as (port, versions), running(Agent(port)) as agent:
        await wait_until(lambda: len(versions) >= 4)
        assert set(versions) == {5}
        assert agent.session.protocol == "5"
