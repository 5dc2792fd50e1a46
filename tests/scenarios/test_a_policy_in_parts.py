"""While a large changed policy comes into force over some turns nothing is started, and whatever stops is stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plants import FILL, HIGH, LOW, STOP, Bench, ack, plant, published, state

from edge_agent.model.revision import Revision

LAST = Revision({})


def part(*limits, more=True):
    return Revision({"tank1/level": limits}, more=more)


def actions(*turns):
    return [command.action for turn in turns for command in turn.commands]


@pytest.fixture
def bench():
    made = Bench()
    made.level(3.0, after=1)
    return made


def running(bench):
    """Let the pump run for a low level."""
    turn = bench.level(1.0, after=1)
    (command,) = turn.commands
    bench.turn(ack(command, "done"), state("running"), deliveries=[published(command)], after=1)


def test_what_the_new_limits_would_start_waits_for_the_last_part(bench):
    begun = bench.turn(policy=part(replace(LOW, limit=3.5), HIGH), after=0.1)
    assert begun.alarm_events, "the limit is in force"
    assert actions(begun, *bench.wait(2.0, step=0.1)) == []
    assert actions(bench.turn(policy=LAST, after=0.1)) == ["start"]


def test_a_plan_that_blocks_in_the_new_policy_blocks_from_the_start(bench):
    blocked = replace(FILL, unless=("tank1/level:high",))
    first = part(replace(LOW, limit=3.5), replace(HIGH, limit=2.0, deadband=0.0))
    turns = [bench.turn(policy=first, after=0.1), *bench.wait(1.0, step=0.1)]
    turns += [bench.turn(policy=Revision({}, (blocked,)), after=0.1), *bench.wait(5.0)]
    assert "start" not in actions(*turns)


def test_what_the_new_limits_stop_stops_with_their_part(bench):
    running(bench)
    bench.level(2.0, after=5)
    assert actions(bench.turn(policy=part(LOW, replace(HIGH, limit=1.9)), after=0.1)) == ["stop"]


def test_what_runs_goes_on_running_though_no_plan_would_end_it(bench):
    alone = Bench(plant(plans=[FILL]))
    alone.level(3.0, after=1)
    running(alone)
    first = alone.turn(policy=Revision({"tank1/other": ()}, more=True), after=0.1)
    assert actions(first, *alone.wait(5.0), alone.turn(policy=LAST, after=0.1)) == []


def test_a_changed_plant_ends_the_waiting(bench):
    bench.turn(policy=part(replace(LOW, limit=3.5), HIGH), after=0.1)
    changed = plant(thresholds=[replace(LOW, limit=3.5), HIGH], plans=[FILL, STOP])
    assert actions(bench.turn(plant=changed, after=0.1)) == ["start"]
