"""What equipment reports is remembered over a restart, and a report that brings nothing new writes nothing."""

from __future__ import annotations

from support.plants import Bench, state


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
