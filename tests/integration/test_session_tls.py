from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

import pytest
from support.deadline import wait_until
from support.sessions import LEVEL, TOPICS, WILL, Agent, client, running

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.clients import MQTT_5
from edge_agent.mqtt.connection import ConnectionSettings, Tls
from edge_agent.mqtt.driver import Link

EVENT_LOOPS = ("asyncio", "uvloop")


async def test_over_tls_messages_come_and_go(secured, certificate):
    broker, port = secured
    async with running(Agent(port, tls=certificate)) as agent, client(broker.port) as publisher:
        for number in range(100):
            await publisher.publish(LEVEL, str(number), qos=1)
        await wait_until(lambda: len(agent.messages) == 100)
        await agent.session.publish(TOPICS.command("station", "pump1"), b"start")


def serve_one_record(listener, certificate, messages):
    """Accept one client and its subscription, answer its next packet with many messages in one TLS record."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    with listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as connection:
        connection.recv(4096)
        connection.send(b"\x20\x03\x00\x00\x00")
        connection.send(b"\x90\x04" + connection.recv(4096)[2:4] + b"\x00\x01")
        connection.recv(4096)
        connection.send(b"".join(b"\x30\x06\x00\x01a\x00" + each.to_bytes(2) for each in range(messages)))
        with contextlib.suppress(OSError):
            connection.recv(4096)


async def test_no_message_stays_behind_in_what_is_decrypted_already(certificate):
    received = []

    def take(messages):
        if not received:
            link.pause()
        received.extend(message.payload for message in messages)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = ConnectionSettings("127.0.0.1", listener.getsockname()[1], "gateway-1", tls=certificate)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(serve_one_record, listener, certificate, 1000))
            link = Link(settings, MQTT_5, WILL, take)
            await link.open()
            try:
                await link.subscribe(["a"])
                link.ready()
                link.acknowledge([1])
                await wait_until(lambda: received, timeout=3)
                assert len(received) < 1000
                link.resume()
                await wait_until(lambda: len(received) == 1000, timeout=3)
            finally:
                await link.close()
    assert received == [number.to_bytes(2) for number in range(1000)]


# paho leaves the socket of a failed TLS handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broker_whose_certificate_nobody_vouches_for_is_not_spoken_to(secured):
    _, port = secured
    link = Link(ConnectionSettings("127.0.0.1", port, "gateway-1", tls=Tls()), MQTT_5, WILL, lambda *_: None)
    with pytest.raises(BrokerUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        await link.open()
