"""Where a new version of aiomqtt or paho has changed what is private, the session takes the plain way and says so."""

from __future__ import annotations

import aiomqtt
import paho.mqtt.client as paho
import pytest
from loguru import logger
from support.deadline import wait_until
from support.sessions import LEVEL, WILL, Agent, running, watching
from support.versions import renamed

from edge_agent.errors import EdgeAgentError
from edge_agent.mqtt import private
from edge_agent.mqtt.clients import MQTT_5, fresh_client
from edge_agent.mqtt.connection import ConnectionSettings

PAHO = (
    "_sock_recv",
    "_sock_send",
    "_sock_close",
    "_packet_read",
    "_packet_queue",
    "_loop_rc_handle",
    "_out_packet",
    "_ping_t",
    "_last_bytes_received",
    "_last_msg_out",
    "_keepalive",
)
AIOMQTT = ("_connected", "_disconnected")


@pytest.fixture
def warnings():
    heard = []
    number = logger.add(lambda message: heard.append(message.record), level="WARNING", format="{message}")
    yield heard
    logger.remove(number)


async def test_the_installed_versions_are_as_assumed(mosquitto, warnings):
    async with running(Agent(mosquitto.port)) as agent:
        assert agent.session._link.doubts == ()
        assert isinstance(agent.session._link._transport._side, private.PrivateSide)
    assert not warnings


async def works(agent, mosquitto, publisher):
    """Whether messages come and are acknowledged when asked to, a pause holds, and what is published arrives."""
    async with running(agent), watching(mosquitto.port, "commands") as watcher:
        for number in range(100):
            await publisher.publish(LEVEL, str(number), qos=1)
        await wait_until(lambda: len(agent.messages) == 100)
        await agent.acknowledge(*range(98))
        await agent.session.publish("commands", b"start")
        await wait_until(lambda: watcher.messages)
        agent.session.pause()
        await publisher.publish(LEVEL, "100", qos=1)
        agent.session.resume()
        await wait_until(lambda: len(agent.messages) == 101)
    again = Agent(mosquitto.port)
    async with running(again):
        await wait_until(lambda: len(again.messages) == 3)
        assert again.payloads == [b"98", b"99", b"100"]


@pytest.mark.parametrize("name", PAHO)
async def test_a_paho_that_calls_something_otherwise_is_used_the_plain_way(
    mosquitto, publisher, monkeypatch, warnings, name
):
    monkeypatch.setattr(paho, "Client", renamed(paho.Client, name))
    agent = Agent(mosquitto.port)
    await works(agent, mosquitto, publisher)
    assert warnings
    assert warnings[0]["message"] == "The MQTT library has changed: only its public methods are used"
    assert "paho" in warnings[0]["extra"]["because"][0]


@pytest.mark.parametrize("name", AIOMQTT)
async def test_an_aiomqtt_that_calls_something_otherwise_is_used_all_the_same(
    mosquitto, publisher, monkeypatch, warnings, name
):
    monkeypatch.setattr(aiomqtt, "Client", renamed(aiomqtt.Client, name, aiomqtt.client.MessagesIterator))
    await works(Agent(mosquitto.port), mosquitto, publisher)
    assert warnings[0]["extra"]["because"] == [f"aiomqtt has no {name}"]


async def test_the_client_of_paho_is_found_whatever_it_is_called(monkeypatch):
    monkeypatch.setattr(aiomqtt, "Client", renamed(aiomqtt.Client, "self._client"))
    client = fresh_client(ConnectionSettings("127.0.0.1", 1, "gateway-1"), MQTT_5, WILL)
    assert isinstance(private.paho_of(client), paho.Client)


async def test_an_aiomqtt_without_paho_is_refused():
    with pytest.raises(EdgeAgentError, match="does not drive a client of paho"):
        private.paho_of(lambda: None)


@pytest.mark.parametrize("name", ["_sock_close", "_sock_recv"])
async def test_the_plain_way_ends_and_comes_back_too(mosquitto, monkeypatch, publisher, name):
    monkeypatch.setattr(paho, "Client", renamed(paho.Client, name))
    async with running(Agent(mosquitto.port)) as agent:
        mosquitto.kill()
        await wait_until(lambda: not agent.session.connected)
        mosquitto.start()
        await wait_until(lambda: agent.session.connected)
        await agent.session.publish("still/there", b"1")
