"""Acknowledgements and keepalive on a client of paho that reads only what it is fed."""

from __future__ import annotations

import contextlib
import socket

import paho.mqtt.client as paho
import pytest
from support.deadline import block_until
from support.streams import Reading

from edge_agent.mqtt.packets import pubacks
from edge_agent.mqtt.private import LONGEST_QUIET_SECONDS, SHORTEST_QUIET_SECONDS, PrivateSide

IDS = list(range(1, 60_000))


@pytest.fixture
def ends():
    """Two ends of a TCP connection with little room in it; ours does not block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def client(ends):
    client = Reading(paho.MQTTv311, []).client
    client._sock, _ = ends
    yield client
    client._sock = None


def everything(client, theirs, size):
    """Read what arrives at the other end while the client writes what it has queued."""
    got = bytearray()

    def whole() -> bool:
        client.loop_write()
        with contextlib.suppress(BlockingIOError):
            got.extend(theirs.recv(65_536, socket.MSG_DONTWAIT))
        return len(got) >= size

    block_until(whole)
    return bytes(got)


def test_acknowledgements_of_which_the_socket_takes_a_part_arrive_whole(client, ends):
    PrivateSide(client).acknowledge(IDS)
    assert client.want_write()
    assert everything(client, ends[1], 4 * len(IDS)) == pubacks(IDS)


def test_acknowledgements_come_after_what_is_half_written(client, ends):
    inside = PrivateSide(client)
    sent = client.publish("a", bytes(200_000), 1)
    client.loop_write()
    assert inside.unsent(sent.mid)
    inside.acknowledge([7, 8])
    got = everything(client, ends[1], 200_000 + 9 + 8)
    assert got.startswith(b"\x32")
    assert got.endswith(bytes(1000) + pubacks([7, 8]))
    assert not inside.unsent(sent.mid)


def test_acknowledgements_on_a_full_socket_wait_in_order(client, ends):
    inside = PrivateSide(client)
    filled = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            filled += ends[0].send(bytes(1000))
    inside.acknowledge([1, 2])
    inside.acknowledge([3])
    assert everything(client, ends[1], filled + 12)[filled:] == pubacks([1, 2, 3])


def test_acknowledging_on_a_socket_that_is_gone_is_noticed_when_the_queue_is_written(client, ends):
    ended = []
    client.on_disconnect = lambda *event: ended.append(event[3])
    ends[0].shutdown(socket.SHUT_WR)
    PrivateSide(client).acknowledge([1])
    assert not ended
    client.loop_write()
    assert ended


def test_what_paho_does_not_see_counts_as_a_sign_of_life():
    reading = Reading(paho.MQTTv311, [b"\x30\x03\x00\x01a"])
    inside = PrivateSide(reading.client)
    reading.client._ping_t, reading.client._last_bytes_received = 5.0, 0.0
    inside.tick(reading=True)
    assert (reading.client._ping_t, reading.client._last_bytes_received) == (5.0, 0.0)
    inside.receive(100)
    inside.tick(reading=True)
    assert reading.client._ping_t == 0.0
    assert reading.client._last_bytes_received > 0.0
    later = reading.client._ping_t = paho.time_func() + 1.0
    inside.tick(reading=True)
    assert reading.client._ping_t == later  # nothing was heard since that question


def test_while_nothing_is_read_no_answer_is_missed():
    reading = Reading(paho.MQTTv311, [])
    inside = PrivateSide(reading.client)
    reading.client._ping_t = 5.0
    inside.tick(reading=False)
    assert reading.client._ping_t == 0.0


def quiet(client, *, heard=0.0, said=0.0, asked=None, keepalive=15):
    """How long nothing is to be done, where something was heard, said, and asked (PINGREQ) so many seconds ago."""
    now = paho.time_func()
    client._keepalive, client._ping_t = keepalive, 0.0 if asked is None else now - asked
    client._last_bytes_received, client._last_msg_out = now - heard, now - said
    return pytest.approx(PrivateSide(client).quiet_seconds(), abs=0.04)


def test_the_keepalive_is_looked_after_when_it_is_due():
    client = Reading(paho.MQTTv311, []).client
    assert quiet(client) == 15.0
    assert quiet(client, heard=5.0) == 10.0
    assert quiet(client, heard=5.0, said=9.0) == 6.0
    assert quiet(client, asked=10.0) == 5.0
    assert quiet(client, heard=20.0) == SHORTEST_QUIET_SECONDS
    assert quiet(client, keepalive=0) == LONGEST_QUIET_SECONDS


@pytest.mark.parametrize("error", [None, ConnectionResetError("reset")])
def test_the_end_of_the_stream_is_pahos_to_tell(error):
    reading = Reading(paho.MQTTv5, [])
    PrivateSide(reading.client).end(error)
    assert reading.ended
    assert reading.client.socket() is None
