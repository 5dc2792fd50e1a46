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


def issued_after_the_clock_was_set(seconds, *, sure, heard):
    """The date of a command, in seconds after the true time, by a clock that is set so far off before it is needed."""
    start = START if sure else UNSURE
    bench = Bench(plant(), start=start)
    bench.restart(now=start)
    bench.turn(*([state("stopped", ts=rfc3339(bench.now.at))] if heard else []))
    true = bench.now.at
    bench.now = bench.now._replace(at=true + round(seconds * MICROSECONDS), sure=False)
    bench.turn(told(1.0))
    [command] = bench.commands
    return (command.issued_at - true) / MICROSECONDS


@pytest.mark.parametrize("sure", [True, False])
def test_a_clock_set_back_does_not_date_commands_into_the_past(sure):
    """A node that went with the agent's clock until then goes on; nothing needs to be heard from it again."""
    assert issued_after_the_clock_was_set(-3600, sure=sure, heard=True) == 0
    assert issued_after_the_clock_was_set(-3600, sure=True, heard=False) == 0


def test_a_clock_set_ahead_dates_commands_by_itself():
    assert issued_after_the_clock_was_set(3600, sure=False, heard=True) == 3600


def test_setting_the_wall_clock_says_nothing_of_a_nodes():
    clocks = NodeClocks()
    clocks.hear({"station": HOUR_US}, UNSURE)
    clocks.hear({"station": HOUR_US // 2}, later(1, UNSURE))
    assert clocks.date("station", UNSURE, safe=False) == UNSURE.at + HOUR_US
    stepped = UNSURE._replace(at=UNSURE.at + HOUR_US)
    clocks.hear({}, stepped)
    assert clocks.date("station", stepped, safe=True) == stepped.at
    right = UNSURE._replace(at=UNSURE.at - 10 * HOUR_US)
    assert clocks.date("station", right, safe=False) == UNSURE.at + HOUR_US
