"""An actuator that is no longer in the plant is left as it is where it rests, and nothing of it is remembered."""

from __future__ import annotations

from support.plants import Bench, plant, pump, sensor, state, status

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
