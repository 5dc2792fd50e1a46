"""By whose clock a command is dated where the agent's own may be wrong."""

from __future__ import annotations

import pytest
from support.plants import START, Bench, later, plant, pump, reading, sensor, state, told

from edge_agent.execute.nodeclocks import NodeClocks
from edge_agent.model.time import MICROSECONDS, rfc3339

HOUR_US = 3600 * MICROSECONDS
UNSURE = START._replace(sure=False)
AHEAD = rfc3339(START.at + HOUR_US)


def issued(*messages, now=UNSURE, fire=True):
    """The dates of what an agent commands, in microseconds after its own clock, once it has heard messages."""
    site = plant([sensor(), sensor("station/flow", "flow", "m3/h")], [pump()])
    bench = Bench(site, start=now)
    bench.restart(now=now)
    bench.turn(*messages)
    bench.turn(told(1.0 if fire else 5.5))
    [command] = bench.commands
    assert command.expires_at - command.issued_at == 30 * MICROSECONDS
    return command.issued_at - bench.now.at


def test_a_node_that_is_ahead_gets_commands_by_its_own_clock():
    assert issued(reading(3.0, later(3600), of="station/flow")) == HOUR_US
    assert issued(state("stopped", ts=AHEAD)) == HOUR_US
    assert issued(state("stopped", ts="nonsense"), state("stopped", ts=AHEAD), state("stopped")) == HOUR_US


def test_a_clock_that_is_right_is_not_talked_out_of_it():
    assert issued(state("stopped", ts=AHEAD), now=START) == 0


def test_a_node_that_is_behind_changes_nothing():
    assert issued(reading(3.0, later(-3600), of="station/flow")) == 0


@pytest.mark.parametrize(
    "ts", ["9999-12-31T23:59:59.9Z", "2026-11-22T10:00:00", True, None, [], {}, 1e300, "0001-01-01T00:00:00Z"]
)
def test_a_time_that_cannot_be_is_not_believed(ts):
    assert issued(state("stopped", ts=ts)) == 0


def test_only_the_fail_safe_action_is_dated_by_the_clocks_of_others():
    assert issued(reading(3.0, later(3600))) == 0
    assert issued(reading(3.0, later(3600)), fire=False) == HOUR_US


def test_what_was_heard_before_the_clock_was_set_is_void():
    clocks = NodeClocks()
    clocks.hear({"station": HOUR_US}, UNSURE)
    clocks.hear({"station": HOUR_US // 2}, later(1, UNSURE))
    assert clocks.date("station", UNSURE, safe=False) == UNSURE.at + HOUR_US
    stepped = UNSURE._replace(at=UNSURE.at + HOUR_US)
    clocks.hear({}, stepped)
    assert clocks.date("station", stepped, safe=True) == stepped.at
