"""A plant that is applied to the running agent: what stays keeps its state, what comes works, what goes is over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plants import (
    FILL,
    HIGH,
    LOW,
    STOP,
    Bench,
    ack,
    failed,
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


def without_pump(*, node_too=False):
    """Return the site without its pump, and without the pump's node too."""
    return site(actuators=[pump("well/pump" if node_too else "station/pump2")], plans=())


def stops(turns):
    return [command for turn in turns for command in turn.commands if command.target == "station/pump1"]


@pytest.mark.parametrize("node_too", [False, True])
def test_an_actuator_that_is_removed_while_it_runs_is_sent_its_fail_safe_action_until_its_node_has_done_it(node_too):
    bench = started()
    bench.wait(60)  # its least time on
    [command] = apply(bench, without_pump(node_too=node_too)).commands
    assert (command.target, command.action, command.plan) == ("station/pump1", "stop", None)
    assert command.reason == "station/pump1 is no longer in the plant"
    turn = bench.turn(ack(command, "done"), state("stopped"), after=1, deliveries=[published(command)])
    assert turn.dead_letters == []
    assert turn.command_events[-1].state.value == "done"
    assert bench.turn(state("running"), after=10).dead_letters[0].reason.startswith("unknown_")
    assert stops(keep_level(bench, 3.0, 1000)) == []


def test_the_least_time_on_of_an_actuator_that_is_removed_is_kept():
    bench = started()
    assert apply(bench, without_pump()).commands == []
    assert [command.action for command in stops(bench.wait(70))] == ["stop"]


def test_what_leaves_the_plant_is_tried_until_its_lease_is_surely_over_and_is_an_alarm():
    bench = started()
    bench.wait(60)
    turns = [apply(bench, without_pump())]
    for _ in range(1000):
        given = stops(turns[-1:])
        turns.append(
            bench.turn(after=1, deliveries=[word(command) for command in given for word in (published, failed)])
        )
    assert 15 <= len(stops(turns)) <= 30
    assert "station/pump1:stop_not_confirmed raised" in bench.raised()
    assert "station/pump1:stop_not_confirmed cleared" in bench.raised()  # there is nobody left to be told of it
    last = [decision for turn in turns for decision in turn.decisions][-1]
    assert (last.actuator, last.verdict) == ("station/pump1", "held")
    assert last.reason == "station/pump1 is no longer in the plant: stop was not confirmed, and its lease has run out"
    assert [record for record in bench.memory.commands if record.open] == []
    assert stops(bench.wait(100)) == []


def test_a_start_under_way_to_an_actuator_that_is_removed_is_followed_by_its_fail_safe_action():
    bench = Bench(site(actuators=[replace(PUMP, min_on_seconds=0.0)]))
    bench.turn(status(True), state("stopped"))
    [command] = bench.level(1.0, after=1).commands
    turn = apply(bench, without_pump())
    assert [(event.command_id, event.state.value) for event in turn.command_events] == [(command.id, "superseded")]
    assert [stop.action for stop in turn.commands] == ["stop"]
    assert [each.actuator for each in bench.knowledge.snapshot(bench.now).actuators] == ["pump2"]


def test_an_actuator_that_rests_is_commanded_no_more_when_it_is_removed():
    bench = Bench(site())
    bench.turn(status(True), state("stopped"))
    assert apply(bench, without_pump()).commands == []
    assert stops(keep_level(bench, 1.0, 1000)) == []


def test_a_person_at_the_panel_keeps_what_is_removed_and_gets_no_command():
    bench = started()
    bench.turn(state("running", control="local"), after=61)
    assert [*apply(bench, without_pump()).commands, *stops(bench.wait(30))] == []
    [command] = bench.turn(state("running", control="remote"), after=1).commands
    assert command.action == "stop"


def test_nothing_is_sent_to_what_is_removed_where_the_agent_only_advises():
    bench = Bench(site(), mode="advisory")
    bench.turn(status(True), state("running"))
    bench.level(1.0, after=1)
    assert stops([apply(bench, without_pump()), *bench.wait(30)]) == []


@pytest.mark.parametrize("node_too", [False, True])
@pytest.mark.parametrize("published_before", [False, True])
def test_after_a_kill_what_has_left_the_plant_is_stopped_still(node_too, published_before):
    bench = started()
    bench.wait(60)
    [command] = apply(bench, without_pump(node_too=node_too)).commands
    if published_before:
        bench.turn(after=1, deliveries=[published(command)])
    bench.restart(after=5)
    turns = [bench.turn(state("running"), status(True)), *bench.wait(60)]
    again = stops(turns)
    assert again
    assert {(stop.action, stop.reason.rpartition(": ")[2]) for stop in again} == {
        ("stop", "station/pump1 is no longer in the plant")
    }
    turn = bench.turn(ack(again[-1], "done"), state("stopped"), after=1, deliveries=[published(again[-1])])
    assert turn.dead_letters == []
    assert [record for record in bench.memory.commands if record.open] == []
    bench.restart(after=5)
    assert stops([bench.turn(), *bench.wait(120)]) == []


def test_what_ran_when_the_agent_was_killed_and_is_not_in_the_next_plant_file_is_stopped():
    bench = started()
    bench.site = without_pump()
    bench.restart(after=70)
    assert [command.action for command in stops([bench.turn(), *bench.wait(60)])][:1] == ["stop"]


def test_why_what_an_older_agent_left_running_cannot_be_stopped_is_recorded_once():
    bench = Bench(site())
    bench.turn(status(True), state("stopped"))
    [start] = bench.level(1.0, after=1).commands
    memory = bench.memory._actuators["station/pump1"]
    bench.memory._actuators["station/pump1"] = replace(memory, equipment=None)  # as an older version remembers it
    bench.site = without_pump()
    bench.restart(after=5)
    turn = bench.turn()
    assert [(decision.actuator, decision.verdict) for decision in turn.decisions] == [("station/pump1", "held")]
    assert turn.decisions[0].reason == (
        "station/pump1 is no longer in the plant, and its fail-safe action is not known: its lease ends it"
    )
    assert [(event.command_id, event.state.value) for event in turn.command_events] == [(start.id, "expired")]
    assert [*stops(bench.wait(60))] == []
    bench.restart(after=5)
    assert bench.turn().decisions == []


def test_what_comes_back_while_it_is_being_stopped_goes_on():
    bench = started()
    bench.wait(60)
    [stop] = apply(bench, without_pump()).commands
    turn = apply(bench, site(plans=[STOP]), after=1)
    assert (turn.commands, turn.command_events) == ([], [])
    turn = bench.turn(ack(stop, "done"), state("stopped"), after=1, deliveries=[published(stop)])
    assert turn.command_events[-1].state.value == "done"
    [pump1] = bench.knowledge.snapshot(bench.now).actuators
    assert (pump1.actuator, pump1.desired, pump1.request) == ("pump1", "stop", "fulfilled")
    assert stops(bench.wait(100)) == []


def test_what_becomes_another_kind_of_equipment_while_it_runs_rests():
    bench = started()
    bench.wait(60)
    valve = pump("station/pump1", kind="valve", fail_safe="close")
    turns = [apply(bench, site(actuators=[valve], plans=())), *bench.wait(30)]
    assert [command.action for command in stops(turns)][:1] == ["close"]


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
