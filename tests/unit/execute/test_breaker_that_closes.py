"""A breaker that lets a node be tried again ends the pause after its misses."""

from __future__ import annotations

import pytest
from support.plants import Bench, failed, state

from edge_agent.model.inbox import BreakerReport


@pytest.fixture
def bench():
    """A pump whose start has been missed three times: the pause before the next try has grown."""
    bench = Bench()
    bench.turn(state("stopped"))
    bench.level(3.0, after=10)
    bench.level(1.0, after=10)
    while not bench.commands:
        bench.turn(after=0.5)
    for missed in range(1, 3):
        bench.turn(deliveries=[failed(bench.commands[-1])], after=0.1)
        while len(bench.commands) == missed:
            bench.level(1.0, after=1)
    bench.turn(breakers=[BreakerReport("station", "open")], after=0.1)
    bench.turn(deliveries=[failed(bench.commands[-1])], after=0.1)
    bench.turn(after=0.1)
    return bench


@pytest.mark.parametrize("word", ["half_open", "closed"])
def test_the_node_is_tried_as_soon_as_its_breaker_lets_it_be(bench, word):
    before = len(bench.commands)
    bench.turn(breakers=[BreakerReport("station", word)], after=0.1)
    assert [command.action for command in bench.commands[before:]] == ["start"]


def test_the_pause_goes_on_while_it_does_not(bench):
    before = len(bench.commands)
    bench.turn(breakers=[BreakerReport("station", "open")], after=0.1)
    bench.turn(after=0.1)
    assert bench.commands[before:] == []
