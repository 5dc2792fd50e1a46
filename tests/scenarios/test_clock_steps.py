"""The gateway's wall clock is set by an hour; what lasts so many seconds lasts so many seconds."""

from __future__ import annotations

import pytest
from support.plants import Bench, ack, later, plant, published, pump, reading, sensor, state, threshold, told

from edge_agent.model.quality import Flag
from edge_agent.model.time import MICROSECONDS, Moment
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.registry import LAYOUT

HOUR = 3600
steps = pytest.mark.parametrize("step", [HOUR, -HOUR, 0], ids=["forward", "back", "none"])


def jump(bench, seconds):
    bench.now = Moment(bench.now.at + seconds * MICROSECONDS, bench.now.seconds)


def told_each(bench, value, seconds, every=10):
    """Time passes while the level is told without a time of its own."""
    for _ in range(seconds // every):
        bench.turn(told(value), after=every)


@steps
def test_a_delay_is_as_long_as_it_is(step):
    bench = Bench(plant(thresholds=[threshold("low", 1.5, on_delay_seconds=60)]))
    bench.turn(told(1.0))
    told_each(bench, 1.0, 30)
    jump(bench, step)
    told_each(bench, 1.0, 20)
    assert bench.raised() == []
    told_each(bench, 1.0, 10)
    assert bench.raised() == ["tank1/level:low raised"]


@steps
def test_a_lease_is_renewed_at_its_half(step):
    bench = Bench(plant(actuators=[pump(lease_seconds=900)]))
    bench.turn(told(1.0))
    bench.turn(ack(bench.commands[0], "done"), state("running"), deliveries=[published(bench.commands[0])])
    told_each(bench, 1.0, 200)
    jump(bench, step)
    told_each(bench, 1.0, 240)
    assert len(bench.commands) == 1
    told_each(bench, 1.0, 20)
    assert [command.reason.partition(":")[0] for command in bench.commands[1:]] == ["lease renewed"]


@steps
def test_a_command_expires_after_its_time(step):
    bench = Bench(plant(actuators=[pump(command_ttl_seconds=30, ack_timeout_seconds=5)]))
    bench.turn(told(1.0))
    bench.turn(deliveries=[published(bench.commands[0])])
    jump(bench, step)
    bench.wait(34)
    assert [str(record.state) for record in bench.memory.commands] == ["published"]
    bench.wait(2)
    assert str(bench.memory.commands[0].state) == "expired"


@steps
def test_silence_is_noticed_after_its_time(step):
    bench = Bench(plant([sensor(freshness=Freshness(60.0))]))
    bench.turn(told(3.0))
    bench.wait(30)
    jump(bench, step)
    bench.wait(29)
    assert bench.raised() == []
    bench.wait(3)
    assert bench.raised() == ["tank1/level:stale raised"]


@steps
def test_the_rest_of_a_pump_is_as_long_as_it_is(step):
    bench = Bench(plant(actuators=[pump(min_off_seconds=120)]))
    bench.turn(state("running"))
    bench.turn(state("stopped"), after=1)
    jump(bench, step)
    bench.turn(told(1.0))
    told_each(bench, 1.0, 110)
    assert bench.commands == []
    told_each(bench, 1.0, 20)
    assert len(bench.commands) == 1


def test_nodes_whose_clocks_are_right_are_believed_again_when_ours_is_set_right():
    """An hour fast they are late, an hour slow they are of the future: neither moves anything, both are stored."""
    bench = Bench()
    true = bench.now
    for step, suspect in ((HOUR, False), (-2 * HOUR, True)):
        jump(bench, step)
        turn = bench.turn(reading(1.0, later(1, true)), after=1)
        true = later(1, true)
        assert [r.late for r in turn.readings] == [True]
        assert ("clock" in LAYOUT.unpack(turn.readings[0].tests)) is suspect
    assert (bench.commands, len(bench.memory.readings)) == ([], 2)
    jump(bench, HOUR)
    turn = bench.turn(reading(1.0, later(1, true)), after=1)
    assert [r.flag for r in turn.readings] == [Flag.GOOD]
    assert len(bench.commands) == 1
