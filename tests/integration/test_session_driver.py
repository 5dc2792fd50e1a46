"""What `mqtt.driver` and `mqtt.transport` assume of the private side of aiomqtt and paho, one test each.

When one of these fails after an update of a library, that module has to be looked at before anything is released.
"""

from __future__ import annotations

import asyncio
import inspect

import aiomqtt
import paho.mqtt.client as paho
import pytest
from support.deadline import wait_until
from support.sessions import WILL, client

from edge_agent.mqtt.clients import MQTT_5, fresh_client, publish_properties
from edge_agent.mqtt.connection import ConnectionSettings
from edge_agent.mqtt.driver import Link

HOOKS = (
    "on_connect",
    "on_disconnect",
    "on_message",
    "on_publish",
    "on_subscribe",
    "on_socket_open",
    "on_socket_close",
    "on_socket_register_write",
    "on_socket_unregister_write",
)


def ignore(*_message):
    """Receive and forget."""


@pytest.fixture
async def unconnected():
    return fresh_client(ConnectionSettings("127.0.0.1", 1, "gateway-1"), MQTT_5, WILL)


@pytest.fixture
async def link(mosquitto):
    opened = Link(ConnectionSettings("127.0.0.1", mosquitto.port, "gateway-1"), MQTT_5, WILL, ignore)
    await opened.open()
    yield opened
    await opened.close()


async def test_aiomqtt_keeps_its_paho_client_where_we_look(unconnected):
    assert isinstance(unconnected._client, paho.Client)


async def test_aiomqtt_waits_for_its_two_futures(unconnected):
    assert isinstance(unconnected._connected, asyncio.Future)
    assert isinstance(unconnected._disconnected, asyncio.Future)


async def test_aiomqtt_sets_exactly_the_callbacks_that_we_replace_or_wrap(unconnected):
    found = {name for name, _ in inspect.getmembers(paho.Client, lambda each: isinstance(each, property))}
    used = {name for name in found if name.startswith("on_") and getattr(unconnected._client, name) is not None}
    assert used == {*HOOKS, "on_unsubscribe"}


async def test_aiomqtt_starts_no_task_of_its_own_once_the_socket_callback_is_ours(link):
    assert link._client._misc_task is None


async def test_paho_acknowledges_nothing_by_itself_in_manual_mode(link):
    assert link._paho._manual_ack is True


async def test_paho_sends_an_entry_of_its_queue_as_it_is(link, mosquitto):
    assert list(inspect.signature(paho.Client._packet_queue).parameters) == [
        "self",
        "command",
        "packet",
        "mid",
        "qos",
        "info",
    ]
    link._paho.publish("a", b"1", 0)  # acknowledgements come after what is queued already
    link.acknowledge([1, 2, 3])
    _, entry = link._paho._out_packet
    assert bytes(entry["packet"]) == b"\x40\x02\x00\x01\x40\x02\x00\x02\x40\x02\x00\x03"
    await wait_until(lambda: not link._paho.want_write())
    await link.publish("still/there", b"1", retain=False, properties=None, timeout_seconds=5)


async def test_paho_has_a_send_that_tells_how_much_went_out(link):
    link.acknowledge([1, 2, 3])
    assert not link._paho._out_packet
    await link.publish("still/there", b"1", retain=False, properties=None, timeout_seconds=5)


async def test_an_unsent_publish_can_be_found_in_pahos_queue(link, mosquitto):
    sent = link._paho.publish("a", b"1", 1)
    assert link._transport.unsent(sent.mid)
    assert not link._transport.unsent(sent.mid + 1)
    await wait_until(lambda: not link._transport.unsent(sent.mid))


async def test_paho_queues_no_publish_of_its_own_however_many_are_on_their_way(link):
    sent = [link._paho.publish("a", b"1", 1) for _ in range(50)]
    assert all(link._transport.unsent(info.mid) for info in sent)
    await wait_until(lambda: all(info.is_published() for info in sent))


async def test_paho_notes_a_ping_that_is_not_answered_where_we_clear_it(link, mosquitto):
    mosquitto.suspend()
    assert link._paho._ping_t == 0.0
    link._paho._send_pingreq()
    assert link._paho._ping_t > 0
    mosquitto.resume()
    await wait_until(lambda: link._paho._ping_t == 0.0)


async def test_dropping_closes_pahos_socket(link):
    sock = link._paho.socket()
    link._transport.drop()
    assert sock.fileno() == -1
    assert link._paho.socket() is None
    assert not link._transport.reading


async def test_the_broker_says_in_connack_how_many_publishes_it_takes_at_once(mosquitto):
    told = []
    fresh = fresh_client(ConnectionSettings("127.0.0.1", mosquitto.port, "gateway-1"), MQTT_5, WILL)
    before = fresh._client.on_connect

    def hear(client, userdata, flags, code, properties):
        told.append((flags.session_present, getattr(properties, "ReceiveMaximum", None)))
        before(client, userdata, flags, code, properties)

    fresh._client.on_connect = hear
    async with fresh:
        assert told == [(False, 1000)]


async def test_paho_has_the_properties_of_a_command_under_these_names(mosquitto):
    properties = publish_properties(30, "acks", b"0199")
    assert (properties.MessageExpiryInterval, properties.ResponseTopic) == (30, "acks")
    assert properties.CorrelationData == b"0199"


async def cancelled_with(link, hook, step):
    """Whether a step ends in a cancellation that comes in the same moment as the broker's answer."""
    before = getattr(link._paho, hook)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(step())

        def answer(*arguments):
            before(*arguments)
            task.cancel()

        setattr(link._paho, hook, answer)
    return task.cancelled()


async def test_a_cancellation_in_the_moment_of_connack_is_not_lost(mosquitto):
    link = Link(ConnectionSettings("127.0.0.1", mosquitto.port, "gateway-1"), MQTT_5, WILL, ignore)
    assert await cancelled_with(link, "on_connect", link.open)
    assert link._paho.socket() is None


async def test_a_cancellation_in_the_moment_of_goodbye_is_not_lost(link):
    assert await cancelled_with(link, "on_disconnect", link.close)
    assert link._paho.socket() is None


async def test_a_second_client_of_the_same_name_ends_the_connection(link, mosquitto):
    async with client(mosquitto.port, identifier="gateway-1", protocol=aiomqtt.ProtocolVersion.V5):
        # Mosquitto 2.0.21 tells the reason; 2.0.11 only hangs up.
        assert await link.lost() in {"the connection broke", "Session taken over"}
    assert not link.alive
