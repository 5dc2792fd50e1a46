"""What equipment reports is remembered over a restart, and a report that brings nothing new writes nothing."""

from __future__ import annotations

import pytest
from support.plants import Bench, state

from edge_agent.model.commands import ActuatorMemory
from edge_agent.model.remembered import Remembered


def test_a_start_that_is_reported_is_handed_on_to_be_remembered():
    bench = Bench()
    bench.turn(state("stopped"))
    bench.turn(after=5)
    turn = bench.turn(state("running"), after=5)
    assert [memory.actuator for memory in turn.actuators] == ["station/pump1"]


def test_the_same_report_once_more_writes_nothing():
    bench = Bench()
    bench.turn(state("running"))
    bench.turn(after=5)
    assert bench.turn(state("running"), after=5).actuators == []
    assert bench.turn(state("running"), after=5).actuators == []


def test_a_word_of_the_nodes_own_writes_nothing():
    bench = Bench()
    bench.turn(state("running"))
    bench.turn(after=5)
    bench.turn(state("priming"), after=5)
    assert bench.turn(state("priming"), after=5).actuators == []


@pytest.mark.parametrize(("running", "missed"), [(True, False), (None, True)])
def test_one_that_left_the_plant_and_may_run_is_reported_where_nobody_knows_what_is_safe(make_desk, running, missed):
    """An agent of before kept no equipment with it: all that can be done is to say so."""
    memory = ActuatorMemory("station/pump9", running=running, missed=missed)
    desk = make_desk(remembered=Remembered(epoch=7, actuators=[memory]))
    executed = desk.act()
    assert [(each.actuator, each.verdict) for each in executed.decisions] == [("station/pump9", "held")]
    assert "its fail-safe action is not known" in executed.decisions[0].reason
    assert executed.memories == [ActuatorMemory("station/pump9")]
    assert desk.act().decisions == []


def test_one_that_left_at_rest_is_no_news(make_desk):
    desk = make_desk(remembered=Remembered(epoch=7, actuators=[ActuatorMemory("station/pump9", running=False)]))
    assert desk.act().decisions == []
