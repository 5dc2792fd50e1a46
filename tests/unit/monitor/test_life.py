"""A node that is said to be offline is alive when it speaks after that, and not when it spoke before."""

from __future__ import annotations

import pytest
from support.plants import START, later, plant, reading, state, status

from edge_agent.model.remembered import Remembered
from edge_agent.monitor import life
from edge_agent.monitor.monitoring import Monitor

HEARD, GONE = reading(3.0, 10), status(False, "tank1")


def signs(*messages, offline=()):
    observed = Monitor(plant(), Remembered(), START, 60.0).observe(messages, later(10))
    return [(sign.node, sign.online) for sign in life.signs(observed, messages, set(offline))]


def test_what_a_node_says_after_its_last_will_counts():
    assert signs(GONE, HEARD) == [("tank1", True)]


def test_what_it_said_before_does_not():
    assert signs(HEARD, GONE) == []
    assert signs(HEARD, GONE, offline=["tank1"]) == []


def test_of_a_node_that_was_offline_before_any_word_counts_and_of_others_none_is_needed():
    assert signs(HEARD, offline=["tank1"]) == [("tank1", True)]
    assert signs(HEARD) == []


@pytest.mark.parametrize("word", [reading(3.0, -3600), reading(3.0, 10, retained=True), state("running")])
def test_an_old_reading_a_retained_one_and_another_nodes_word_are_no_sign(word):
    assert signs(word, offline=["tank1"]) == []
