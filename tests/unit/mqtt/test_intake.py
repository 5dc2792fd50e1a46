"""How much is read before others have their turn: many small messages or a few large ones, not one of each."""

from __future__ import annotations

import pytest
from support.flood import publish

from edge_agent.model.inbox import Kind, Route
from edge_agent.mqtt.intake import Found, Intake
from edge_agent.mqtt.packets import Splitter

ROUTE = Route(Kind.TELEMETRY, "tank1", "level")


class Source:
    """A socket with everything in it already."""

    in_records = False

    def __init__(self, data):
        self.data = data

    def receive(self, most):
        if not self.data:
            raise BlockingIOError
        taken, self.data = self.data[:most], self.data[most:]
        return taken


@pytest.fixture
def read():
    """Read once of what has come; return the messages, and what there was to read."""

    def read_once(data, most_messages=10**9):
        taken = []
        splitter = Splitter(lambda _topic: ROUTE, 1, properties=False)
        intake = Intake(Source(data), splitter, taken.extend, lambda: len(taken) < most_messages)
        return taken, intake.read()

    return read_once


def test_large_messages_are_read_many_at_once_with_what_stands_behind_them(read):
    data = b"".join(publish("t", bytes(16_000), 1, number) for number in range(1, 11))
    taken, found = read(data + publish("t", b"1.0", 1, 11))
    assert [message.receipt.packet for message in taken] == list(range(1, 12))
    assert found is Found.ALL


def test_others_have_their_turn_after_a_thousand_small_messages(read):
    taken, found = read(b"".join(publish("t", b"1.0", 1, number) for number in range(1, 60_001)))
    assert 1_000 < len(taken) < 10_000
    assert found is Found.SOME


def test_others_have_their_turn_after_some_large_messages(read):
    taken, found = read(b"".join(publish("t", bytes(16_000), 1, number) for number in range(1, 101)))
    assert 32 < len(taken) < 40
    assert found is Found.SOME


def test_reading_ends_where_the_receiver_wants_no_more(read):
    taken, found = read(b"".join(publish("t", bytes(16_000), 1, number) for number in range(1, 11)), most_messages=4)
    assert len(taken) == 4
    assert found is Found.SOME
