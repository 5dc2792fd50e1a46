"""A plant that is applied to the running agent: what stays keeps its state, what comes works, what goes is over."""

from __future__ import annotations

from dataclasses import replace

from support.plants import (
    FILL,
    HIGH,
    LOW,
    STOP,
    Bench,
    ack,
    later,
    plan,
    plant,
    published,
    pump,
    reading,
    sensor,
    state,
    status,
)
from support.plants import threshold as limit

from edge_agent.model.quality import Flag
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.monitor.tests.gross_range import GrossRange

PUMP = pump(min_on_seconds=60.0, min_off_seconds=30.0)


def site(sensors=None, actuators=None, thresholds=(LOW, HIGH), plans=(FILL, STOP)):
    return plant(sensors or [sensor()], actuators or [PUMP], list(thresholds), list(plans))


def started():
    """Return a bench whose pump fills."""
    bench = Bench(site())
    bench.turn(status(True), state("stopped"))
    [command] = bench.level(1.0, after=1).commands
    bench.turn(state("running"), ack(command, "done"), deliveries=[published(command)])
    return bench


def apply(bench, changed, **more):
    bench.site = changed
    return bench.turn(plant=changed, **more)


def keep_level(bench, value, seconds):
    return [bench.level(value, after=10) for _ in range(int(seconds // 10))]


def test_a_plant_that_says_the_same_changes_nothing():
    bench = started()
    before = bench.knowledge.snapshot(bench.now)
    turn = apply(bench, site())
    assert (turn.commands, turn.alarm_events, turn.decisions) == ([], [], [])
    assert bench.knowledge.snapshot(bench.now) == before


def test_a_sensor_that_is_added_is_read_and_alarms():
    bench = started()
    suction = sensor("station/suction")
    assert bench.turn(reading(0.1, bench.now, of="station/suction")).dead_letters[0].reason == "unknown_sensor"
    apply(bench, site([sensor(), suction], thresholds=(LOW, HIGH, limit("low", 0.5, "station/suction"))))
    turn = bench.turn(reading(0.1, later(1, bench.now), of="station/suction"), after=1)
    assert (turn.dead_letters, len(turn.readings)) == ([], 1)
    assert "station/suction:low raised" in bench.raised()


def test_the_pump_that_stays_keeps_its_request_lease_and_protection():
    bench = started()
    apply(bench, site([sensor(), sensor("station/suction")]))
    assert all(not turn.commands for turn in keep_level(bench, 1.2, 60))
    [command] = bench.level(6.0, after=1).commands
    assert command.action == "stop"
    bench = started()
    apply(bench, site([sensor(), sensor("station/suction")]))
    assert bench.level(6.0, after=10).commands == []  # its least time on is not over


def test_an_actuator_that_is_edited_goes_on_with_what_it_does():
    bench = started()
    turn = apply(bench, site(actuators=[replace(PUMP, min_on_seconds=120.0)]))
    assert turn.commands == []
    assert bench.level(6.0, after=70).commands == []  # held by the new least time
    [command] = bench.level(6.0, after=60).commands
    assert command.action == "stop"


def test_a_sensor_that_is_edited_keeps_its_alarm_and_its_evidence():
    bench = started()
    turn = apply(bench, site([sensor(flat_line=FlatLine(0.001, 1800, 3600))]))
    assert (turn.commands, turn.alarm_events) == ([], [])
    assert "tank1/level:low" in bench.knowledge.analyzer.register.active
    assert all(not turn.commands for turn in keep_level(bench, 1.2, 60))


def test_a_sensor_that_measures_in_another_unit_begins_anew():
    bench = started()
    turn = apply(bench, site([replace(sensor(), unit="mm")]))
    told = [f"{event.key} {event.event}" for event in turn.alarm_events]
    assert told == ["tank1/level:low cleared", "station/pump1:no_evidence raised"]
    assert bench.knowledge.snapshot(bench.now).sensors[0].value is None


def test_a_repetition_is_known_after_the_change_of_its_sensor():
    bench = started()
    message = reading(1.3, later(1, bench.now), seq=7)
    assert len(bench.turn(message, after=1).readings) == 1
    apply(bench, site([sensor(gross_range=GrossRange((0.0, 9.0)))]))
    assert bench.turn(message).readings == []


def test_an_actuator_that_is_removed_is_commanded_no_more_and_its_open_command_is_over():
    bench = Bench(site())
    bench.turn(status(True), state("stopped"))
    [command] = bench.level(1.0, after=1).commands
    turn = apply(bench, site(actuators=[pump("station/pump2")], plans=()))
    assert [(event.command_id, event.state.value) for event in turn.command_events] == [(command.id, "superseded")]
    assert [each.actuator for each in bench.knowledge.snapshot(bench.now).actuators] == ["pump2"]
    assert all(not turn.commands for turn in keep_level(bench, 1.0, 1000))


def test_the_alarms_of_what_is_removed_are_cleared():
    bench = started()
    bench.turn(state("running", control="local"), after=2)
    assert "station/pump1:not_in_auto raised" in bench.raised()
    turns = [apply(bench, site([sensor("well/level")], [pump("well/pump")], (), ())), bench.turn(after=2)]
    cleared = [f"{event.key} {event.event}" for turn in turns for event in turn.alarm_events]
    assert sorted(cleared) == ["station/pump1:not_in_auto cleared", "tank1/level:low cleared"]
    assert bench.knowledge.analyzer.register.alarms == ()


def test_a_plan_that_is_removed_takes_its_request_along():
    bench = started()
    turns = [apply(bench, site(plans=[STOP])), *keep_level(bench, 1.2, 100)]
    assert [command.action for turn in turns for command in turn.commands] == ["stop"]


def test_a_pump_that_is_added_is_commanded_after_fresh_evidence():
    bench = started()
    second = plan("fill_more", "tank1/level:low", ("station/pump2", "start"))
    changed = site(actuators=[PUMP, pump("station/pump2")], plans=(FILL, STOP, second))
    turns = [apply(bench, changed), *keep_level(bench, 1.0, 60)]
    assert turns[0].commands == []
    assert {command.target for turn in turns for command in turn.commands} == {"station/pump2"}


def test_after_a_restart_the_same_is_in_force():
    bench = started()
    apply(bench, site([sensor(), sensor("station/suction")]))
    bench.restart(after=5)
    bench.turn(status(True), state("running"))
    assert [each.sensor for each in bench.knowledge.snapshot(bench.now).sensors] == ["level", "suction"]


def test_what_is_removed_and_added_again_works():
    bench = started()
    other = site([sensor("well/level")], [pump("well/pump")], (), ())
    apply(bench, other)
    apply(bench, site())
    bench.turn(status(True), state("stopped"))
    [command, *_] = [command for turn in keep_level(bench, 1.0, 200) for command in turn.commands]
    assert (command.target, command.action) == ("station/pump1", "start")
    assert bench.knowledge.snapshot(bench.now).sensors[0].flag == Flag.GOOD
