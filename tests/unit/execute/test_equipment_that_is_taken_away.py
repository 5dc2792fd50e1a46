"""An actuator that is no longer in the plant is left as it is where it rests, and nothing of it is remembered."""

from __future__ import annotations

import pytest
from support.plants import Bench, ack, plant, published, pump, sensor, state, status

PUMP1, PUMP2 = "station/pump1", "station/pump2"
BOTH, ONE = plant([sensor()], [pump(), pump(PUMP2)]), plant([sensor()], [pump(PUMP2)], (), ())


def resting():
    bench = Bench(BOTH)
    bench.turn(status(True), state("stopped"), state("stopped", of=PUMP2), after=1)
    bench.wait(2)
    return bench


def test_one_that_rests_is_forgotten_at_once_and_told_nothing():
    bench = resting()
    turn = bench.turn(plant=ONE, after=1)
    assert [(memory.actuator, memory.equipment) for memory in turn.actuators if memory.actuator == PUMP1] == [
        (PUMP1, None)
    ]
    assert turn.commands == []
    assert [control.actuator.name for control in bench.knowledge.executor.roster] == [PUMP2]


def test_one_that_runs_is_stopped_before_it_is_forgotten():
    bench = resting()
    bench.level(1.0, 20)
    bench.turn(state("running"), after=1)
    turn = bench.turn(plant=ONE, after=1)
    bench.wait(3)
    assert [(command.target, command.action) for command in bench.commands[-1:]] == [(PUMP1, "stop")]
    assert {memory.actuator for memory in turn.actuators if memory.equipment is None} <= {PUMP2}
    assert PUMP1 in {control.actuator.name for control in bench.knowledge.executor.roster}


@pytest.mark.parametrize("timeout", [5.0, 2.0, 20.0])
def test_what_nobody_answers_is_over_in_its_time_though_the_plant_has_changed(timeout):
    """By the times of the plant as it is now: an answer may come a timeout after the expiry."""
    bench = resting()
    bench.level(1.0, 20)
    [command] = [command for command in bench.commands if command.action == "start"]
    begun = bench.now.seconds
    bench.turn(dispatches=[published(command)])
    changed = plant([sensor()], [pump(ack_timeout_seconds=timeout), pump(PUMP2)])
    bench.turn(plant=changed, after=1)
    ends = [(turn.now.seconds - begun, event.state) for turn in bench.wait(60) for event in turn.command_events]
    assert (pump().command_ttl_seconds + timeout + 1, "expired") in ends


def test_when_an_open_command_is_over_is_known_before():
    bench = resting()
    bench.level(1.0, 20)
    [command] = [command for command in bench.commands if command.action == "start"]
    bench.turn(dispatches=[published(command)])
    waits = bench.knowledge.executor.open_commands.next_seconds() - bench.now.seconds
    assert waits == command_seconds()
    bench.turn(ack(command, "done"), state("running"), after=1)
    assert bench.knowledge.executor.open_commands.next_seconds() == float("inf")


def command_seconds():
    return pump().command_ttl_seconds + pump().ack_timeout_seconds


def test_nothing_is_wrong_any_more_with_what_has_left():
    bench = resting()
    bench.level(1.0, 20)
    bench.turn(state("running"), after=1)
    bench.turn(plant=ONE, after=1)
    bench.wait(600, 5)
    assert [name for name in bench.knowledge.analyzer.register.active if name.startswith(PUMP1)]
    bench.wait(1200, 5)
    assert [control.actuator.name for control in bench.knowledge.executor.roster] == [PUMP2]
    assert [name for name in bench.knowledge.analyzer.register.active if name.startswith(PUMP1)] == []
