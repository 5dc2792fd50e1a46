"""What a plant file may say and an engineer should know of: each risk is named where it stands, and nothing else is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support.plants import plan, plant, pump, sensor, threshold
from support.stageworks import conditions, stages, timetable

from edge_agent.model.plant import Fallback
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.plan.risks import endless, risks

NOTHING = "0 protects nothing: what it is switched by may jump, and it follows as often"
WATCHED = sensor(flat_line=FlatLine(0.001, 1800.0))
GUARDED = pump(min_on_seconds=60.0, min_off_seconds=60.0, max_starts_per_hour=6)
ON = (Fallback(do="fail_safe"),)
FILL = plan("fill", "tank1/level:low", ("station/pump1", "start"), without_evidence=ON)
STOP = plan("stop", "tank1/level:high", ("station/pump1", "stop"))
LIMITS = (threshold("low", 1.5), threshold("high", 5.2))


def found(sensors=(WATCHED,), actuators=(GUARDED,), plans=(FILL, STOP)):
    return {".".join(map(str, risk.path)): risk.wrong for risk in risks(plant(sensors, actuators, LIMITS, plans))}


def test_a_plant_that_takes_care_of_everything_has_none():
    assert found() == {}


def test_minimum_times_of_nothing_and_any_number_of_starts_protect_nothing():
    bare = pump(min_on_seconds=0.0, min_off_seconds=0.0, max_starts_per_hour=None)
    assert found(actuators=[bare]) == {
        f"nodes.station.actuators.pump1.{key}": NOTHING for key in ("min_on_seconds", "min_off_seconds")
    } | {"nodes.station.actuators.pump1.max_starts_per_hour": "0 allows any number of starts: its motor may burn"}


def test_a_valve_may_move_as_often_as_it_likes():
    valve = pump(kind="valve", fail_safe="close", min_on_seconds=5.0, min_off_seconds=5.0, max_starts_per_hour=None)
    opens = plan("fill", "tank1/level:low", ("station/pump1", "open"), without_evidence=ON)
    closes = plan("stop", "tank1/level:high", ("station/pump1", "close"))
    assert found(actuators=[valve], plans=[opens, closes]) == {}


def ends(*plans):
    return {".".join(map(str, one.path)): one.wrong for one in endless(plant([WATCHED], [GUARDED], LIMITS, plans))}


def test_a_start_that_no_plan_ends_is_an_error_whatever_its_kind():
    told = "nothing ends what it asks of station/pump1: no plan asks for stop, and this one has no end"
    assert ends(FILL) == {"plans.fill.do": told}
    assert ends(conditions("fill", "tank1/level < 1.5")) == {"plans.fill.do": told}
    assert ends(FILL, STOP) == {}
    assert ends(conditions("fill", "tank1/level < 1.5", until=["tank1/level > 3"])) == {}
    assert ends(stages((2.0, 4.0, "station/pump1"))) == {}
    assert ends(timetable("22:00-06:00")) == {}


def test_what_never_starts_needs_no_end():
    assert ends(plan("fill", "tank1/level:stale", ("station/pump1", "start"))) == {}


def test_a_plan_that_says_nothing_of_a_silent_sensor_is_named_and_one_that_only_stops_is_not():
    silent = replace(FILL, without_evidence=())
    assert list(found(plans=[silent, STOP])) == ["plans.fill.without_evidence"]


def test_a_sensor_that_would_be_believed_though_it_is_frozen_is_named_where_a_plan_starts_by_it():
    assert list(found(sensors=[sensor()])) == ["nodes.tank1.sensors.level.quality.flat_line"]
    assert found(sensors=[sensor()], plans=[STOP]) == {}


def test_a_start_because_something_is_not_known_never_comes():
    blind = plan("fill", "tank1/level:stale", ("station/pump1", "start"), without_evidence=ON)
    assert found(plans=[blind, STOP])["plans.fill.when"] == "what is not known starts nothing: it will never apply"


# What fills and goes on by itself -----------------------------------------------------------------------------------


def unwatched(*plans, **more):
    actuator = pump(min_on_seconds=60.0, min_off_seconds=60.0, max_starts_per_hour=6, **more)
    those = risks(plant([WATCHED], [actuator], LIMITS, plans))
    return [risk.wrong for risk in those if risk.name == "fills_unwatched"]


@pytest.mark.parametrize(
    "filling",
    [
        stages((2.0, 4.0, "station/pump1")),
        conditions("full", "tank1/level > 4", (("station/pump1", "stop"),)),
        plan("full", "tank1/level:high", ("station/pump1", "stop")),
    ],
    ids=["stages", "condition", "alarm"],
)
def test_a_pump_that_fills_and_runs_on_when_nobody_commands_it_is_named(filling):
    told = "cut off from the agent it runs, whatever the level: what it fills may run over"
    assert unwatched(filling, fail_safe="start") == [told]
    assert unwatched(filling, fail_safe="stop") == []


def test_a_pump_that_empties_may_run_on():
    assert unwatched(stages((4.0, 2.0, "station/pump1"), direction="empty"), fail_safe="start") == []
    assert unwatched(plan("dry", "tank1/level:low", ("station/pump1", "stop")), fail_safe="start") == []


# Plans against each other -------------------------------------------------------------------------------------------


def named(name, *plans, limits=LIMITS):
    sensors = [WATCHED, sensor("station/suction", "pressure", "bar", flat_line=FlatLine(0.001, 1800.0))]
    those = risks(plant(sensors, [GUARDED], limits, plans))
    return {".".join(map(str, risk.path)): risk.wrong for risk in those if risk.name == name}


def test_a_start_and_a_stop_by_two_ends_of_a_level_never_disagree():
    assert named("equal_priority", FILL, STOP) == {}
    by_text = conditions("stop", "tank1/level > 4", (("station/pump1", "stop"),))
    assert named("equal_priority", FILL, by_text) == {}
    assert named("equal_priority", stages((2.0, 4.0, "station/pump1")), by_text) == {}


def test_two_plans_that_may_disagree_at_once_are_named_with_who_wins():
    dry = conditions("dry", "station/suction < 0.3 for 5 s", (("station/pump1", "stop"),))
    assert named("equal_priority", FILL, dry) == {
        "plans.dry.priority": "at equal priority two plans may ask different things of station/pump1 at once "
        "(fill start, dry stop): then stop, its fail-safe action, wins"
    }
    assert named("equal_priority", FILL, replace(dry, priority=90)) == {}
    assert named("equal_priority", FILL, replace(dry, trip=True)) == {}


def test_two_speeds_at_once_are_decided_by_the_name_and_an_engineer_should_know():
    slow = plan("a", "tank1/level:low", ("station/pump1", "set", 0.5))
    fast = plan("b", "tank1/level:low", ("station/pump1", "set", 0.9))
    assert named("equal_priority", slow, fast, STOP)["plans.b.priority"].endswith("then the name decides")


def test_hours_that_never_meet_never_disagree():
    day = timetable("06:00-22:00", identity="day", do=(("station/pump1", "stop"),))
    night = timetable("22:00-06:00", identity="night")
    assert named("equal_priority", day, night) == {}
    assert named("equal_priority", day, timetable("21:00-06:00", identity="night")) != {}


def test_two_comparisons_without_room_between_them_chatter():
    fill = conditions("fill", "tank1/level < 2")
    full = conditions("full", "tank1/level > 2", (("station/pump1", "stop"),))
    assert named("chatters", fill, full) == {
        "plans.fill.when.0": "about 2 it would switch station/pump1 to and fro, by turns with plan full",
        "plans.full.when.0": "about 2 it would switch station/pump1 to and fro, by turns with plan fill",
    }
    assert named("chatters", fill, conditions("full", "tank1/level > 3", (("station/pump1", "stop"),))) == {}


def test_a_comparison_that_has_to_last_or_has_an_end_further_on_does_not_chatter():
    full = conditions("full", "tank1/level > 2 for 10 s", (("station/pump1", "stop"),))
    assert named("chatters", conditions("fill", "tank1/level < 2 for 10 s"), full) == {}
    assert named("chatters", conditions("fill", "tank1/level < 2", until=["tank1/level > 3"])) == {}
    close = conditions("fill", "tank1/level < 2", until=["tank1/level >= 2"])
    assert list(named("chatters", close)) == ["plans.fill.when.0"]


def test_a_bare_comparison_over_another_plan_that_goes_on_chatters():
    dry = conditions("dry", "station/suction < 0.3", (("station/pump1", "stop"),), priority=90)
    assert named("chatters", FILL, STOP, dry)["plans.dry.when.0"].endswith("by turns with plan fill")


def test_an_alarm_with_a_deadband_is_no_comparison():
    full = conditions("full", "tank1/level > 1.6", (("station/pump1", "stop"),))
    assert named("chatters", FILL, full, limits=(threshold("low", 1.5, deadband=0.05),)) == {}


# Documents ----------------------------------------------------------------------------------------------------------


def test_every_warning_is_in_the_documents_and_no_other():
    root = Path(__file__).parents[3]
    source = "".join(path.read_text("utf-8") for path in (root / "edge_agent").rglob("*.py"))
    names = set(re.findall(r'Risk\(\s*"(\w+)"', source)) | {"no_min_on", "no_min_off"}
    page = (root / "docs/plant-file.md").read_text("utf-8")
    section = page.partition("## What `check` says")[2].partition("\n## ")[0]
    rows = [line.partition(": ")[0] for line in section.splitlines() if line.startswith("- `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == names
