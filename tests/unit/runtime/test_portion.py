"""What goes into a turn where more waits than fits: small messages first, and nothing before its own topic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.inbox import Kind, Message, Receipt, Route
from edge_agent.runtime.portion import FRONT_BYTES, LARGE_BYTES, MOST_BYTES, front, quick

LARGE = 60_000


def telemetry(node, name="level", size=100):
    topic = f"water/riverside/{node}/telemetry/{name}"
    return Message(Route(Kind.TELEMETRY, node, name), topic, bytes(size))


def frame(node, size=100):
    return Message(Route(Kind.TELEMETRY, node), f"water/riverside/{node}/telemetry", bytes(size))


def status(node, size=10):
    return Message(Route(Kind.STATUS, node), f"water/riverside/{node}/status", bytes(size))


def ack(node):
    return Message(Route(Kind.ACK, node, "pump1"), f"water/riverside/{node}/ack/pump1", bytes(60))


def state(node):
    return Message(Route(Kind.STATE, node, "pump1"), f"water/riverside/{node}/state/pump1", bytes(60))


def test_small_messages_overtake_what_another_node_sends_in_bulk():
    bulk = [telemetry("tank9", size=LARGE) for _ in range(400)]
    live = [telemetry("tank1"), status("tank1"), ack("station"), state("station"), frame("well")]
    assert quick([*bulk, *live]) == (live, bulk)


@pytest.mark.parametrize("word", [ack("tank9"), state("tank9"), telemetry("tank9", "pressure")])
def test_a_node_in_arrears_is_heard_on_its_other_topics(word):
    bulk = [telemetry("tank9", size=LARGE)]
    assert quick([*bulk, word]) == ([word], bulk)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (telemetry("tank9", size=LARGE), telemetry("tank9")),
        (telemetry("tank9", size=LARGE), status("tank9")),  # it tells what is older and what newer
        (telemetry("tank9", size=LARGE), frame("tank9")),
        (frame("tank9", LARGE), telemetry("tank9")),
        (frame("tank9", LARGE), status("tank9")),
        (status("tank9", LARGE), ack("tank9")),
        (status("tank9", LARGE), state("tank9")),
        (status("tank9", LARGE), telemetry("tank9")),
    ],
)
def test_what_belongs_behind_another_stays_behind_it(before, after):
    assert quick([before, after]) == ([], [before, after])


def test_one_that_stays_behind_keeps_those_after_it_behind_too():
    chain = [telemetry("tank9", size=LARGE), status("tank9"), ack("tank9")]
    assert quick(chain) == ([], chain)


def test_of_small_messages_no_more_than_a_turn_holds_are_taken_and_their_order_stays():
    many = [telemetry(f"tank{number}", size=4_000) for number in range(100)]
    taken, left = quick(many)
    assert sum(len(each.payload) for each in taken) <= MOST_BYTES
    assert taken + left == many


def test_what_waits_in_turn_is_taken_from_the_front_one_at_the_least():
    bulk = [telemetry("tank9", size=LARGE) for _ in range(3)]
    assert front(bulk) == (bulk[:1], bulk[1:])
    assert front([telemetry("tank9", size=2 * FRONT_BYTES)])[1] == []
    assert front([telemetry("a"), telemetry("b"), bulk[0], bulk[1]])[1] == bulk[1:2]


messages = st.lists(
    st.builds(
        lambda make, node, large, number: make(node, size=LARGE if large else 50)._replace(receipt=Receipt(1, number)),
        st.sampled_from([telemetry, frame, status, lambda node, size: ack(node), lambda node, size: state(node)]),
        st.sampled_from(["a", "b"]),
        st.booleans(),
        st.integers(1, 60_000),
    ),
    max_size=40,
)


@given(messages, st.lists(st.booleans(), max_size=60))
def test_nothing_is_lost_and_every_topic_keeps_its_order(waiting, turns):
    heard, left = [], waiting
    for small_first in [*turns, *[False] * 40]:
        taken, left = (quick if small_first else front)(left)
        assert sum(len(each.payload) for each in taken) <= MOST_BYTES
        assert not small_first or all(len(each.payload) <= LARGE_BYTES for each in taken)
        heard += taken
    assert not left
    for topic in {each.topic for each in waiting}:
        assert [each for each in heard if each.topic == topic] == [each for each in waiting if each.topic == topic]
    for node in "ab":
        mine = [each for each in waiting if each.route.node == node]
        again = [each for each in heard if each.route.node == node]
        for place, each in enumerate(mine):
            if each.route.kind is Kind.STATUS and mine.count(each) == 1:
                assert {id(other) for other in mine[:place]} == {id(other) for other in again[: again.index(each)]}
