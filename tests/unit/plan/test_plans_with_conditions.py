"""Plans whose `when`, `unless` and `until` are conditions: what is unknown never starts, permits or keeps running."""

from __future__ import annotations

from support.plants import sensor, state, status
from support.stageworks import LEVEL, PUMP1, PUMP2, Tank, conditions

from edge_agent.monitor.tests.gross_range import GrossRange

SUCTION = "station/suction"
SENSORS = (
    sensor(LEVEL, gross_range=GrossRange(fail=(0.0, 10.0), suspect=(0.5, 6.5))),
    sensor(SUCTION, "pressure", "bar"),
)


def plan(when, *, identity="fill", do=((PUMP1, "start"),), **more):
    return conditions(identity, when, do, **more)


STOP = plan(f"{LEVEL} > 5", identity="stop", do=((PUMP1, "stop"),))


def tank(*plans):
    found = Tank(*plans, sensors=SENSORS)
    found.level(1.0, of=SUCTION)
    return found


def test_it_begins_with_when_and_ends_with_another_plan():
    bench = tank(plan(f"{LEVEL} < 2.5"), STOP)
    said = [bench.shows(value) for value in (3.0, 2.4, 3.0, 4.9, 5.1, 3.0)]
    assert said == [[], [f"{PUMP1} start"], [], [], [f"{PUMP1} stop"], []]
    assert bench.commands[0].reason == "tank1/level < 2.5; tank1/level is 2.40 m"


def test_it_begins_with_when_and_ends_with_until():
    bench = tank(plan(f"{LEVEL} < 2.5", until=[f"{LEVEL} > 3.6"]))
    said = [bench.shows(value) for value in (2.6, 2.4, 3.5, 3.6, 3.7, 3.0, 2.4)]
    assert said == [[], [f"{PUMP1} start"], [], [], [f"{PUMP1} stop"], [], [f"{PUMP1} start"]]
    assert "tank1/level > 3.6: so it ends" in [command.reason for command in bench.commands]


def test_after_a_restart_until_still_ends_what_runs_and_nothing_is_started():
    bench = tank(plan(f"{LEVEL} < 2.5", until=[f"{LEVEL} > 3.6"]))
    bench.shows(2.4)
    bench.restart(5)
    bench.turn(state("running", of=PUMP1))
    bench.shows(3.0)
    assert [command.reason.startswith("lease renewed") for command in bench.commands] == [False, True]
    assert bench.shows(3.7) == [f"{PUMP1} stop"]
    bench.restart(5)
    assert f"{PUMP1} start" not in bench.shows(3.0)


def test_what_has_to_last_is_waited_for_without_a_reading():
    bench = tank(plan(f"{LEVEL} < 2.5 for 25 s"), STOP)
    assert bench.shows(2.4) == []
    assert bench.passes(20) == []
    assert bench.passes(10) == [f"{PUMP1} start"]


def test_unknown_in_unless_blocks():
    bench = tank(plan(f"{LEVEL} < 2.5", unless=(f"{PUMP2} is running",)), STOP)
    assert bench.shows(2.4) == []
    bench.turn(state("running", of=PUMP2))
    assert bench.passes(5, 1) == []
    bench.turn(state("stopped", of=PUMP2))
    assert bench.passes(5, 1) == [f"{PUMP1} start"]


def test_unknown_in_when_starts_nothing():
    bench = tank(plan([f"{LEVEL} < 2.5", "station is online"]), STOP)
    assert bench.shows(2.4) == []
    turn = bench.turn(status(True))
    assert [command.action for command in turn.commands] == ["start"]


def test_a_doubtful_reading_starts_nothing_and_stops():
    bench = tank(plan(f"{LEVEL} < 2.5"), STOP)
    assert bench.shows(0.4) == []
    bench.shows(2.4)
    assert bench.shows(6.6) == [f"{PUMP1} stop"]


def test_each_sensor_in_it_is_evidence():
    bench = tank(plan(f"{LEVEL} < 2.5 and {SUCTION} > 0.5"), STOP)
    bench.shows(2.4)
    assert bench.runs == {PUMP1}
    for _ in range(32):
        bench.shows(2.4)
    assert bench.runs == set()
    assert f"{PUMP1}:no_evidence raised" in bench.raised()


def test_without_a_clock_no_time_is_known():
    bench = tank(plan("time is 00:00-24:00", until=["not time is 00:00-24:00"]))
    bench.now = bench.now._replace(sure=False)
    bench.restart(now=bench.now)
    assert f"{PUMP1} start" not in bench.passes(60)
    bench.now = bench.now._replace(sure=True)
    assert f"{PUMP1} start" in bench.passes(60)
    bench.now = bench.now._replace(sure=False)
    assert f"{PUMP1} stop" in bench.passes(60)
