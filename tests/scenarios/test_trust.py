"""What moves the equipment and what does not: flags, lateness, repetition, silence, changed limits."""

from __future__ import annotations

import pytest
from support.plants import FILL, HIGH, LOW, STOP, Bench, plan, plant, pump, reading, sensor, status, threshold, told

from edge_agent.model.plant import Policy
from edge_agent.model.quality import Flag
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spike import Spike


def watching(**tests):
    return Bench(plant([sensor(**tests)]))


def test_a_reading_that_fails_moves_nothing_and_is_stored_with_its_flag():
    bench = watching(gross_range=GrossRange((0.0, 6.0)))
    turn = bench.level(-0.5)
    assert [r.flag for r in turn.readings] == [Flag.FAIL]
    assert bench.raised() == ["tank1/level:bad_quality raised"]
    assert bench.commands == []


def test_a_suspect_reading_moves_nothing():
    bench = watching(rate_of_change=RateOfChange(0.02, 0.5))
    bench.level(3.0)
    bench.level(1.0, after=10)
    assert bench.commands == []
    bench.level(1.0, after=10)
    assert [command.action for command in bench.commands] == ["start"]


def test_a_late_reading_moves_nothing():
    bench = watching(freshness=Freshness(60.0))
    bench.turn(reading(1.0, -61))
    assert (bench.commands, bench.raised()) == ([], [])
    bench.turn(reading(1.0, -59))
    assert len(bench.commands) == 1


def test_a_reading_that_comes_after_a_newer_one_moves_nothing():
    bench = watching()
    bench.turn(reading(3.0, 20), after=20)
    bench.turn(reading(1.0, 10), after=1)
    assert bench.commands == []


def test_a_spike_moves_nothing_and_thresholds_act_on_settled_readings():
    bench = watching(spike=Spike(0.5, 1.0))
    for value in (3.0, 3.0, 0.5, 3.0, 3.0):
        bench.level(value, after=10)
    assert bench.commands == []
    assert bench.raised() == ["tank1/level:bad_quality raised"]
    for value in (2.5, 2.0, 1.4):
        bench.level(value, after=10)
    assert bench.commands == []  # 1.4 is not settled yet
    bench.level(1.4, after=10)
    assert len(bench.commands) == 1
    assert bench.raised()[1:] == ["tank1/level:bad_quality cleared", "tank1/level:low raised"]
    flags = [r.flag for r in bench.memory.readings]
    assert flags == [Flag.GOOD, *[Flag.FAIL] * 3, *[Flag.GOOD] * 4, Flag.NOT_EVALUATED]


def test_redelivered_bare_numbers_are_stored_once():
    bench = watching()
    bench.turn(told(3.1, packet=1), told(3.2, packet=2))
    turn = bench.turn(told(3.1, packet=1, redelivered=True), told(3.2, packet=2, redelivered=True), after=1)
    assert (turn.counts.duplicates, turn.readings) == (2, [])
    assert [receipt.packet for receipt in turn.receipts] == [1, 2]  # acknowledged all the same
    assert [r.value for r in bench.memory.readings] == [3.1, 3.2]


def test_redelivered_bare_numbers_are_stored_once_over_a_restart():
    bench = watching()
    bench.turn(told(3.1, packet=1))
    bench.restart(after=5)
    turn = bench.turn(told(3.1, packet=1, redelivered=True, generation=2), told(3.1, packet=2))
    assert (turn.counts.duplicates, len(turn.readings)) == (1, 1)
    assert len(bench.memory.readings) == 2


def test_redelivered_readings_with_a_time_are_stored_once_over_a_restart():
    bench = watching()
    messages = [reading(3.0 + place / 10, place, place) for place in range(5)]
    bench.turn(*messages, after=5)
    bench.restart(after=5)
    bench.turn(*[message._replace(redelivered=True) for message in messages])
    assert len(bench.memory.readings) == 5
    assert bench.commands == []


def test_every_message_is_counted_and_acknowledged():
    bench = watching()
    turn = bench.turn(told(3.0, packet=1), told(b"{", packet=2), status(True), told(1.0, "tank9/level", packet=4))
    assert (turn.counts.telemetry, turn.counts.status) == (3, 1)
    assert [receipt.packet for receipt in turn.receipts] == [1, 2, 4]
    assert [letter.reason for letter in turn.dead_letters] == ["invalid_json", "unknown_node"]


def test_a_silent_sensor_is_stale_and_a_plan_may_act_on_it():
    careful = plan("careful", "tank1/level:stale", ("station/pump1", "stop"))
    bench = Bench(plant(plans=[FILL, careful]))
    bench.level(3.0)
    bench.wait(35)
    assert bench.raised() == ["tank1/level:stale raised"]
    assert [(c.action, c.reason) for c in bench.commands] == [
        ("stop", "tank1/level has not been heard for 30 s"),
    ]
    bench.level(3.0)
    assert bench.raised()[-1] == "tank1/level:stale cleared"


def test_an_old_value_does_not_complete_a_delay_after_the_sensor_fell_silent():
    slow = threshold("low", 1.5, on_delay_seconds=60)
    bench = Bench(plant(thresholds=[slow]))
    bench.level(1.0)
    bench.wait(120)
    assert bench.raised() == ["tank1/level:stale raised"]
    assert bench.commands == []


def test_a_changed_limit_acts_on_the_last_good_value_at_once():
    bench = watching()
    bench.level(1.8)
    stricter = threshold("low", 2.0)
    turn = bench.turn(after=1, policy=Policy((stricter, HIGH), (FILL, STOP)))
    assert [(c.action, c.reason) for c in turn.commands] == [("start", "tank1/level (1.80 m) is below low (2.00 m)")]


def test_a_changed_plan_acts_at_once():
    bench = Bench(plant(plans=[]))
    bench.level(1.0)
    turn = bench.turn(after=1, policy=Policy((LOW, HIGH), (FILL,)))
    assert [c.plan for c in turn.commands] == ["fill_tank1"]


def test_the_higher_priority_wins_and_the_loser_is_told():
    protect = plan("protect", "tank1/level:low_low", ("station/pump1", "stop"), priority=90)
    bench = Bench(plant(thresholds=[LOW, threshold("low_low", 0.8)], plans=[FILL, protect]))
    bench.level(0.5)
    assert [(c.action, c.plan) for c in bench.commands] == [("stop", "protect")]
    assert bench.verdicts() == [("start", "overruled"), ("stop", "commanded")]
    [lost, _] = bench.turns[0].decisions
    assert (lost.plan, lost.reason) == (
        "fill_tank1",
        "plan protect outranks it: tank1/level (0.50 m) is below low (1.50 m)",
    )
    bench.level(1.0, after=10)  # back from low_low: the weaker plan takes over
    assert [c.action for c in bench.commands] == ["stop", "start"]


def test_at_equal_priority_the_fail_safe_action_wins():
    drain = plan("drain", "tank1/level:low", ("station/pump1", "stop"))
    bench = Bench(plant(plans=[FILL, drain]))
    bench.level(1.0)
    assert [(c.action, c.plan) for c in bench.commands] == [("stop", "drain")]


def test_a_plan_with_unless_waits_for_what_forbids_it():
    careful = plan("fill_tank1", "tank1/level:low", ("station/pump1", "start"), unless=("well/level:low",))
    of_well = threshold("low", 2.0, of="well/level")
    bench = Bench(plant([sensor(), sensor("well/level")], thresholds=[LOW, of_well], plans=[careful]))
    bench.level(1.0, of="well/level")
    bench.level(1.0)
    assert bench.commands == []
    bench.level(3.0, after=5, of="well/level")
    assert [c.action for c in bench.commands] == ["start"]


@pytest.mark.parametrize("mode", ["advisory", "manual"])
def test_without_a_say_nothing_is_commanded(mode):
    bench = Bench(plant(actuators=[pump(min_on_seconds=10)]), mode=mode)
    bench.level(1.0)
    bench.wait(60)
    bench.level(5.5)
    bench.wait(60)
    recorded = [(record.command.action, str(record.state)) for record in bench.memory.commands]
    assert recorded == ([("start", "advised"), ("stop", "advised")] if mode == "advisory" else [])
    verdict = "advised" if mode == "advisory" else "held"
    assert bench.verdicts() == [("start", verdict), ("stop", verdict)]
    assert not any(event.state != "advised" for turn in bench.turns for event in turn.command_events)
