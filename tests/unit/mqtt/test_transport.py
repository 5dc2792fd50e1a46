"""When the socket is read: what comes alone at once, what follows soon together, and nothing late that is needed."""

from __future__ import annotations

import asyncio
import socket

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.deadline import wait_until
from support.flood import publish

from edge_agent.model.inbox import Kind, Route
from edge_agent.mqtt.intake import Found
from edge_agent.mqtt.packets import Splitter
from edge_agent.mqtt.transport import Transport

#: Longer than any test waits: what comes after a rest of so long has not rested.
LONG = 60.0
EVENT_LOOPS = ("asyncio", "uvloop")
ROUTE = Route(Kind.TELEMETRY, "tank1", "level")


class Wire:
    """A transport and the other end of its socket."""

    def __init__(self, gather_seconds):
        self.reads, self.failures, self.is_hasty = [], [], False
        client = paho.Client(CallbackAPIVersion.VERSION2, "transport")
        splitter = Splitter(lambda _topic: ROUTE, 1, properties=False)
        self.transport = Transport(
            client, splitter, self._take, self.failures.append,
            gather_seconds=gather_seconds, hasty=lambda: self.is_hasty,
        )  # fmt: skip
        self.broker, ours = socket.socketpair()
        ours.setblocking(False)
        client._sock = ours
        client.on_socket_open(client, None, ours)

    def _take(self, messages):
        self.reads.append([int(message.payload) for message in messages])

    @property
    def taken(self):
        return sum(map(len, self.reads))

    def send(self, *numbers, padding=0):
        text = [publish("t", b"%d" % number + b" " * padding, 1, number) for number in numbers]
        self.broker.sendall(b"".join(text))

    async def pass_on(self, *numbers, **options):
        """Send together, and wait until all has been read; messages are numbered from 1."""
        self.send(*numbers, **options)
        await wait_until(lambda: self.taken == numbers[-1])

    def close(self):
        self.transport.drop()
        self.broker.close()
        assert not self.failures


@pytest.fixture
async def make_wire():
    made = []

    def make(gather_seconds):
        made.append(Wire(gather_seconds))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


async def resting(make_wire):
    """A wire whose socket has begun to rest, and would for a long time."""
    wire = make_wire(LONG)
    await wire.pass_on(1)
    await wire.pass_on(2)
    wire.send(3)
    for _ in range(5):  # passes of the event loop, in which a socket that does not rest would be read
        await asyncio.sleep(0)
    assert wire.reads == [[1], [2]]
    return wire


async def test_what_follows_soon_is_read_together_after_the_rest(make_wire):
    wire = make_wire(0.3)
    await wire.pass_on(1)
    await wire.pass_on(2)
    wire.send(3)
    wire.send(4)
    await wire.pass_on(5)
    assert wire.reads == [[1], [2], [3, 4, 5]]


async def test_what_comes_after_a_silence_is_read_at_once(make_wire):
    wire = make_wire(0.01)
    for number in range(1, 4):
        await wire.pass_on(number)
        idle = asyncio.get_running_loop().time() + 0.05
        await wait_until(lambda idle=idle: asyncio.get_running_loop().time() > idle)
    assert wire.transport._listening
    assert wire.transport._next is None


async def test_without_gathering_a_message_waits_for_two_milliseconds_at_most(make_wire):
    wire = make_wire(0.0)
    for number in range(1, 50):
        await wire.pass_on(number)
    assert wire.transport._gather_seconds == 0.002


async def test_a_socket_that_rests_is_read_once_something_is_waited_for(make_wire):
    wire = await resting(make_wire)
    wire.transport.hurry()
    await wait_until(lambda: wire.taken == 3)


async def test_nothing_rests_long_while_an_answer_is_waited_for(make_wire):
    wire = await resting(make_wire)
    wire.is_hasty = True
    wire.transport.hurry()
    await wait_until(lambda: wire.taken == 3)
    for number in range(4, 20):
        await wire.pass_on(number)


async def test_what_a_broker_sends_when_few_messages_are_acknowledged_is_read_at_once(make_wire):
    wire = await resting(make_wire)
    wire.transport.acknowledge([1, 2])
    await wait_until(lambda: wire.taken == 3)


@pytest.mark.parametrize(
    ("taken", "passed", "rest"),
    [
        (100, 10.0, 0.02),  # alone
        (2_200, 0.02, 0.02),  # 1,000 messages a second
        (16_384, 0.005, 0.005),  # 30,000
        (65_536, 0.001, 0.002),  # more than can be taken
    ],
)
async def test_the_faster_messages_come_the_shorter_is_the_rest(make_wire, taken, passed, rest):
    wire = make_wire(0.02)
    wire.transport._taken = lambda: taken
    assert wire.transport._rest_seconds(passed) == pytest.approx(rest)
    wire.is_hasty = True
    assert wire.transport._rest_seconds(passed) == 0.002


async def test_a_flood_is_read_on_without_a_long_rest(make_wire):
    wire = make_wire(LONG)
    await wire.pass_on(1)
    for first in range(2, 60, 20):
        await wire.pass_on(*range(first, first + 20), padding=1000)


async def test_what_has_been_decrypted_already_is_not_left_to_the_event_loop(make_wire):
    wire, found = make_wire(LONG), [Found.ALL, Found.SOME]
    await wire.pass_on(1)
    wire.transport._take = lambda: found.pop() if found else Found.NOTHING
    wire.transport._listen(wanted=False)
    wire.transport._read()
    wire.transport.hurry()
    await wait_until(lambda: not found)


async def test_a_pause_ends_the_rest_and_reading_goes_on_after_it(make_wire):
    wire = await resting(make_wire)
    wire.transport.read(wanted=False)
    assert wire.transport._next is None
    wire.transport.read(wanted=True)
    await wait_until(lambda: wire.taken == 3)


async def test_a_socket_that_is_closed_while_it_rests_is_not_read_again(make_wire):
    wire = await resting(make_wire)
    wire.transport.drop()
    assert (wire.transport._next, wire.transport.reading) == (None, False)
