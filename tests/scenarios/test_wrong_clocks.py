"""Clocks of nodes that are wrong, spikes, and restarts, through whole turns."""

from __future__ import annotations

import pytest
from support.plants import Bench, later, plant, reading, sensor, threshold

from edge_agent.model.quality import Flag
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spike import Spike

SPIKY = sensor(interval_seconds=1.0, spike=Spike(0.3, 0.8))
EVERY_SECOND = sensor(interval_seconds=1.0)


def reasons(bench: Bench, name: str) -> list[str]:
    return [e.reason for turn in bench.turns for e in turn.alarm_events if str(e.key) == name and e.event == "raised"]


@pytest.mark.parametrize(
    ("off", "reason"),
    [
        (3600.0, "tank1/level is heard, but its clock is 3,600 s ahead"),
        (-3600.0, "tank1/level is heard, but its readings are 3,600 s old on arrival"),
    ],
)
def test_a_node_with_a_wrong_clock_is_heard_and_its_clock_is_named(off, reason):
    bench = Bench(plant([EVERY_SECOND]))
    for _ in range(12):
        bench.turn(reading(1.0, later(off + 0.4, bench.now)), after=0.4)
    assert reasons(bench, "tank1/level:stale") == [reason]
    assert reasons(bench, "tank1/level:bad_quality") == ([reason] if off > 0 else [])
    assert bench.commands == []


def test_one_reading_a_minute_from_a_little_ahead_blinds_nobody():
    bench = Bench(plant([EVERY_SECOND]))
    for second in range(180):
        forged = [reading(5.0, later(56, bench.now))] if second % 60 == 0 else []
        bench.turn(*forged, reading(3.0, later(1, bench.now)), after=1.0)
    late = [r for turn in bench.turns for r in turn.readings if r.late]
    assert len(late) == 0
    bench.level(1.0, after=1.0)
    assert [command.action for command in bench.commands] == ["start"]


def test_the_second_value_of_a_whole_second_moves_the_pump():
    bench = Bench(plant([sensor(rate_of_change=RateOfChange(0.5, 1.0))]))
    turn = bench.turn(reading(3.0, bench.now), reading(1.2, bench.now))
    assert [r.value for r in turn.readings] == [3.0, 1.2]
    assert [command.action for command in bench.commands] == ["start"]
    assert len(bench.memory.readings) == 2


def test_a_spike_is_named_and_seen_though_the_newest_reading_waits():
    bench = Bench(plant([SPIKY]))
    flags = []
    for value in (3.0, 3.0, 3.0, 9.0, 3.0, 3.0, 3.0):
        bench.level(value, after=1.0)
        [view] = bench.knowledge.snapshot(bench.now).sensors
        assert (view.value, view.flag) == (value, Flag.NOT_EVALUATED)
        flags.append((view.judged_value, view.judged_flag))
    assert (9.0, Flag.FAIL) in flags
    assert flags[0] == (None, Flag.NOT_EVALUATED)
    assert flags[-1] == (3.0, Flag.GOOD)
    assert reasons(bench, "tank1/level:bad_quality") == ["tank1/level (9.00 m) failed the spike test"]


def test_a_stale_sensor_is_missing_also_in_what_was_judged():
    bench = Bench(plant([SPIKY]))
    for _ in range(3):
        bench.level(3.0, after=1.0)
    bench.restart(after=1.0)
    [view] = bench.knowledge.snapshot(bench.now).sensors
    assert (view.judged_flag, view.judged_value) == (Flag.GOOD, 3.0)
    bench.wait(10)
    [view] = bench.knowledge.snapshot(bench.now).sensors
    assert (view.flag, view.judged_flag) == (Flag.MISSING, Flag.MISSING)


def test_the_age_of_a_clock_that_is_ahead_counts_from_the_receipt():
    bench = Bench(plant([EVERY_SECOND]))
    bench.turn(reading(3.0, later(50, bench.now)))
    bench.turn(after=2.0)
    assert bench.knowledge.snapshot(bench.now).sensors[0].age_seconds == 2.0


def test_restarts_more_frequent_than_a_delay_is_long_do_not_keep_an_alarm_from_rising():
    low = threshold("low", 1.5, on_delay_seconds=6)
    bench = Bench(plant([EVERY_SECOND], thresholds=[low], plans=()))
    for _ in range(4):
        for _ in range(4):
            bench.level(1.0, after=1.0)
        bench.restart(after=1.0)
    assert bench.raised()[0] == "tank1/level:low raised"


def test_a_restart_alone_completes_no_delay():
    low = threshold("low", 1.5, on_delay_seconds=3)
    bench = Bench(plant([EVERY_SECOND], thresholds=[low]))
    bench.level(1.0, after=1.0)
    bench.level(1.0, after=1.0)
    bench.restart(after=2.5)
    bench.wait(2)
    assert (bench.raised(), bench.commands) == ([], [])
