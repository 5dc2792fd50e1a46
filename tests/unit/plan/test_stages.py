"""Plans by stages: on at one value and off at another, and nothing by what is doubtful or remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plants import START, sensor
from support.stageworks import LEVEL, PUMP1, PUMP2, Tank, stages

from edge_agent.model.plant import Fallback
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.kinds.stages import Stages
from edge_agent.plan.scene import Gauge, Known, Scene

TWO = stages((4.0, 6.3, PUMP1), (1.0, 4.5, PUMP2))
SUSPECT = sensor(LEVEL, gross_range=GrossRange(fail=(0.0, 10.0), suspect=(0.5, 6.5)))


def test_each_stage_is_switched_on_and_off_by_its_own_values():
    tank = Tank(TWO)
    said = [(value, tank.shows(value, 30)) for value in (4.2, 4.0, 3.9, 1.0, 0.9, 4.5, 4.6, 6.3, 6.4, 5.0, 3.9)]
    assert [one for one in said if one[1]] == [
        (3.9, [f"{PUMP1} start"]),
        (0.9, [f"{PUMP2} start"]),
        (4.6, [f"{PUMP2} stop"]),
        (6.4, [f"{PUMP1} stop"]),
        (3.9, [f"{PUMP1} start"]),
    ]


def test_emptying_is_the_other_way_round():
    tank = Tank(stages((2.0, 0.5, PUMP1), direction="empty"))
    said = [tank.shows(value, 30) for value in (1.0, 2.0, 2.1, 1.0, 0.5, 0.4, 1.9)]
    assert said == [[], [], [f"{PUMP1} start"], [], [], [f"{PUMP1} stop"], []]


def test_the_reason_says_what_the_measure_shows():
    tank = Tank(TWO)
    tank.shows(3.9)
    assert tank.commands[0].reason == "tank1/level is 3.90 m: 1 of 2 stages on"


def test_the_reason_has_as_many_decimals_as_tell_the_value_from_the_limit():
    tank = Tank(TWO)
    tank.shows(3.9999)
    assert tank.commands[0].reason.startswith("tank1/level is 3.9999 m")


def test_without_readings_it_is_stopped_and_starts_by_a_value_beyond_on_alone():
    tank = Tank(TWO)
    tank.shows(3.9)
    assert tank.passes(300) == []
    assert tank.passes(20) == [f"{PUMP1} stop"]
    assert tank.shows(4.2) == []
    assert tank.shows(3.9) == [f"{PUMP1} start"]


def test_after_a_restart_what_runs_goes_on_and_what_rests_is_not_started():
    tank = Tank(TWO)
    tank.shows(3.9)
    tank.restart(5)
    tank.turn(*[])
    assert tank.shows(4.2) == []
    assert [c.action for c in tank.commands] == ["start"]
    assert f"{PUMP1} stop" in tank.shows(6.4)
    tank.restart(5)
    assert f"{PUMP1} start" not in tank.shows(4.2)
    assert tank.shows(3.9, 60) == [f"{PUMP1} start"]


def test_a_doubtful_reading_stops_and_starts_nothing():
    tank = Tank(TWO, sensors=[SUSPECT])
    tank.shows(5.0)
    assert tank.shows(0.4) == []  # suspect, and far below
    tank.shows(3.9)
    assert tank.runs == {PUMP1}
    assert tank.shows(6.6) == [f"{PUMP1} stop"]  # suspect, and above off
    assert tank.commands[-1].reason == "tank1/level is 6.60 m, a doubtful reading: 1 of 2 stages on"


def test_timed_running_without_evidence_is_that_of_the_first_stage():
    timed = Fallback(run_seconds=60.0, every_seconds=600.0, at_most_seconds=3600.0)
    tank = Tank(stages((4.0, 6.3, PUMP1), (1.0, 4.5, PUMP2), without_evidence=(timed,)))
    for _ in range(3):
        tank.shows(0.5)
    assert tank.runs == {PUMP1, PUMP2}
    tank.passes(320)
    assert tank.runs == set()
    words = tank.passes(800)
    assert f"{PUMP1} start" in words
    assert f"{PUMP2} start" not in words


def test_another_sensor_takes_the_place_of_a_silent_one():
    sensors = [sensor(LEVEL), sensor("tank1/backup")]
    tank = Tank(stages((4.0, 6.3, PUMP1), without_evidence=(Fallback(use="tank1/backup"),)), sensors=sensors)
    tank.shows(5.0)
    backup = [tank.shows(value, of="tank1/backup") for value in (*40 * [5.0], 3.9, *40 * [5.0], 6.4)]
    assert [words for words in backup if words] == [[f"{PUMP1} start"], [f"{PUMP1} stop"]]
    assert [command.reason.partition(" is ")[0] for command in tank.commands] == 2 * ["tank1/backup"]


def test_equipment_that_moves_nothing_is_told_of():
    tank = Tank(TWO)
    for _ in range(200):
        tank.shows(3.9)
    assert f"{PUMP1}:no_effect raised" in tank.raised()


@given(st.lists(st.floats(0.0, 8.0), min_size=1, max_size=40))
def test_a_stage_is_on_if_and_only_if_the_last_value_beyond_one_of_its_own_was_beyond_on(values):
    kind, state, on = kind_of(TWO), None, {PUMP1: False, PUMP2: False}
    for value in values:
        for stage in kind.stages:
            on[stage.use] = value < stage.on or (on[stage.use] and value <= stage.off)
        scene = Scene((), (), START, lambda _: None, lambda _, v=value: Gauge(v))
        state, asked = kind.ask(scene, state)
        assert {step.actuator for step in asked.steps if step.action == "start"} == {name for name in on if on[name]}
        beyond = {stage.use for stage in kind.stages if value > stage.off}
        assert {step.actuator for step in asked.steps if step.action == "stop"} == beyond


@pytest.mark.parametrize("good", [None, 3.0, 7.0])
def test_doubt_asks_for_both_ways_and_good_readings_decide_what_is_not_safe(good):
    kind = kind_of(TWO)
    scene = Scene((), (), START, lambda _: None, lambda _: Gauge(good, 6.9))
    _, asked = kind.ask(scene, None)
    assert f"{PUMP1} stop" in {f"{step.actuator} {step.action}" for step in asked.doubtful}
    assert [step.action for step in asked.steps if step.actuator == PUMP1] == {None: [], 3.0: ["start"], 7.0: ["stop"]}[
        good
    ]


def test_stages_protect_nothing_so_that_they_are_no_trip():
    known = Known({}, {"tank1/level": "level"}, {"station/pump1": "pump"})
    table = {"measure": "tank1/level", "stages": [], "trip": True}
    assert [(wrong.path, wrong.wrong) for wrong in Stages.conflicts(table, known)][:1] == [
        (("trip",), "is nothing to stages")
    ]


@pytest.mark.parametrize(
    ("direction", "on", "off", "wrong"),
    [
        ("fill", 2.0, 4.0, {}),
        ("fill", 4.0, 2.0, {"on": "4 is not below off 2"}),
        ("empty", 4.0, 2.0, {}),
        ("empty", 2.0, 4.0, {"off": "4 is not below on 2"}),
        ("fill", 0.0, 4.0, {"on": "no good reading lies below 0"}),
        ("fill", 2.0, 6.0, {"off": "no good reading lies above 6"}),
        ("empty", 6.0, 2.0, {"on": "no good reading lies above 6"}),
    ],
)
def test_values_on_the_wrong_sides_of_each_other_or_of_all_good_readings_are_named(direction, on, off, wrong):
    known = Known({}, {"tank1/level": "level"}, {"station/pump1": "pump"}, {"tank1/level": (0.0, 6.0)})
    stage = {"on": on, "off": off, "use": "station/pump1"}
    table = {"measure": "tank1/level", "direction": direction, "stages": [stage]}
    assert {str(one.path[-1]): one.wrong for one in Stages.conflicts(table, known)} == wrong


@pytest.mark.parametrize(
    ("plan", "least"),
    [
        (TWO, 0.23),
        (stages((4.0, 6.3, PUMP1), (1.0, 2.0, PUMP2)), 0.1),
        (stages((2.0, 0.5, PUMP1), direction="empty"), 0.15),
    ],
)
def test_a_tenth_of_the_narrowest_stage_is_a_movement(plan, least):
    assert kind_of(plan).moved == ((LEVEL, pytest.approx(least)),)
