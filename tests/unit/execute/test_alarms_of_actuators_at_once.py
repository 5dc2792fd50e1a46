"""What is wrong with an actuator is an alarm in the turn that finds it, not only when the next look is due."""

from __future__ import annotations

import pytest
from support.plants import Bench, ack, state


@pytest.fixture
def bench():
    bench = Bench()
    bench.turn(state("stopped"))
    bench.level(3.0, after=10)
    bench.level(1.0, after=10)
    while not bench.commands:
        bench.turn(after=0.5)
    return bench


def test_a_rejected_command_is_an_alarm_in_the_same_turn(bench):
    bench.turn()  # a look at all actuators, whatever there is
    turn = bench.turn(ack(bench.commands[0], "rejected", "local"), after=0.01)
    assert [str(event.key) for event in turn.alarm_events] == ["station/pump1:failed"]


def test_equipment_that_a_person_takes_is_an_alarm_in_the_same_turn(bench):
    bench.turn(ack(bench.commands[0], "done"), state("running"), after=0.3)
    bench.turn()
    turn = bench.turn(state("running", control="local"), after=0.01)
    assert [str(event.key) for event in turn.alarm_events] == ["station/pump1:not_in_auto"]
