"""Nearly all messages are as usual, and go through few hands: what is one, and what is looked at more closely."""

from __future__ import annotations

import pytest
from support.plants import Bench, later, plant, reading, sensor, told

from edge_agent.model.readings import MAX_PAYLOAD_BYTES
from edge_agent.model.time import rfc3339
from edge_agent.monitor.observed import Observed
from edge_agent.monitor.tests.gross_range import GrossRange


@pytest.fixture
def bench():
    """An agent that has heard a level twice."""
    found = Bench(plant([sensor(gross_range=GrossRange((0.0, 6.0)))]))
    for seq in (1, 2):
        found.turn(reading(3.0, later(10, found.now), seq), after=10)
    return found


def is_usual(bench, message, after=10):
    return bench.knowledge.monitor._as_usual(Observed(), message, later(after, bench.now))


def said(bench, **members):
    return told({"value": 3.0, "ts": rfc3339(later(10, bench.now).at)} | members)


@pytest.mark.parametrize(
    "members", [{}, {"seq": 3}, {"unit": "m"}, {"unit": "m", "seq": 3}, {"seq": 7}, {"value": True}]
)
def test_a_value_with_its_time_is_usual(bench, members):
    assert is_usual(bench, said(bench, **members))


@pytest.mark.parametrize("members", [{"value": 9.0}, {"unit": "cm"}, {"unit": "bar"}, {"value": "3"}, {"ts": "noon"}])
def test_what_is_doubtful_or_in_another_unit_is_not(bench, members):
    assert not is_usual(bench, said(bench, **members))


def test_without_a_time_it_is_not(bench):
    assert not is_usual(bench, told({"value": 3.0}))
    assert not is_usual(bench, told(3.0))


@pytest.mark.parametrize("how", [{"redelivered": True}, {"cut": "payload_too_large"}])
def test_what_comes_again_or_not_whole_is_not(bench, how):
    assert not is_usual(bench, said(bench)._replace(**how))


@pytest.mark.parametrize(("more", "usual"), [(0, True), (1, False)])
def test_the_largest_message_that_may_be_is_usual_still(bench, more, usual):
    message = said(bench)
    padded = message.payload[:-1] + b" " * (MAX_PAYLOAD_BYTES - len(message.payload) + more) + b"}"
    assert is_usual(bench, message._replace(payload=padded)) is usual


@pytest.mark.parametrize("of", ["tank9/level", "tank1/other"])
def test_what_is_not_declared_is_not(bench, of):
    assert not is_usual(bench, reading(3.0, later(10, bench.now), 3, of))


def test_the_first_is_not_nor_one_that_is_older_than_the_last():
    fresh = Bench()
    assert not is_usual(fresh, reading(3.0, later(10, fresh.now), 1))


def test_one_from_before_the_last_is_not(bench):
    assert not is_usual(bench, reading(3.0, later(-5, bench.now), 3))
