"""A policy of any store is refused where the plant cannot do as it asks, and whoever wrote it reads what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plants import plan as plan_of
from support.plants import plant as plant_of
from support.plants import pump, sensor, threshold

from edge_agent.model.plant import Fallback, Policy
from edge_agent.model.sources import Wiring
from edge_agent.plan.fitness import misfits

LEVEL, BACKUP, SUCTION, VALVE = "tank1/level", "tank1/backup", "station/suction", "station/valve"
LIMITS = [threshold(name, limit, of) for name, limit in (("low", 1.5), ("high", 5.2)) for of in (LEVEL, BACKUP)]
USE = Fallback(use=BACKUP)


def site(*plans, limits=LIMITS, actuators=()):
    sensors = [sensor(LEVEL), sensor(BACKUP), sensor("tank1/third"), sensor(SUCTION, "pressure", "bar")]
    actuators = (pump(), pump(VALVE, kind="valve", fail_safe="open"), *actuators)
    return plant_of(sensors, actuators, [*limits, threshold("low", 0.3, SUCTION)], plans)


def fill(*without_evidence, **more):
    return plan_of("fill", f"{LEVEL}:low", ("station/pump1", "start"), without_evidence=without_evidence, **more)


def stop(*without_evidence, when=f"{LEVEL}:high"):
    return plan_of("stop", when, ("station/pump1", "stop"), without_evidence=without_evidence)


def wrong(*plans, **more):
    plant = site(*plans, **more)
    return [str(found).partition("; expected")[0] for found in misfits(plant, plant.policy)]


def test_a_sound_policy_fits_with_every_sort_of_fallback():
    timed = Fallback(run_seconds=10, every_seconds=20, at_most_seconds=20)
    assert wrong(fill(USE, timed, Fallback(do="fail_safe")), stop(USE)) == []
    assert wrong() == []


@pytest.mark.parametrize("priority", [0, 100])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_a_range_are_in_it(priority, value):
    assert wrong(plan_of("slow", f"{LEVEL}:low", (VALVE, "set", value), priority=priority)) == []


@pytest.mark.parametrize("priority", [-1, 101])
def test_a_priority_out_of_range_is_named(priority):
    assert wrong(fill(priority=priority)) == [f"plans.fill.priority: {priority} is out of range"]


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_value_out_of_range_is_named_with_the_step_that_asks_for_it(value):
    plan = plan_of("slow", f"{LEVEL}:low", ("station/pump1", "start"), (VALVE, "set", value))
    assert f"plans.slow.do[1].value: {value:g} is out of range" in wrong(plan)


def test_a_plan_of_a_kind_that_this_agent_does_not_know_is_named_and_the_others_are_looked_at():
    found = wrong(replace(fill(), id="newer", kind="tidal"), fill(priority=101))
    assert found == [
        "plans.newer.kind: there is no kind of plan tidal",
        "plans.fill.priority: 101 is out of range",
    ]


@pytest.mark.parametrize(("key", "plan"), [("when", replace(fill(), when=())), ("do", replace(fill(), do=()))])
def test_a_plan_that_says_nothing_is_named(key, plan):
    assert f"plans.fill.{key}: is an empty list" in wrong(plan)


@pytest.mark.parametrize(
    "step",
    [
        Fallback(),
        Fallback(use=BACKUP, do="fail_safe"),
        Fallback(use=BACKUP, run_seconds=1),
        replace(USE, run_seconds=0),
    ],
)
def test_a_fallback_says_one_thing(step):
    assert wrong(fill(step), stop(USE)) == ["plans.fill.without_evidence[0]: does not say one thing"]


@pytest.mark.parametrize(
    ("run", "every", "most"),
    [(10, None, 100), (10, 20, None), (20, 20, 100), (30, 20, 100), (10, 20, 19)],
)
def test_times_of_a_fallback_that_do_not_fit_together_are_named(run, every, most):
    step = Fallback(run_seconds=run, every_seconds=every, at_most_seconds=most)
    assert wrong(fill(USE, step), stop(USE)) == ["plans.fill.without_evidence[1]: the times do not fit together"]


def test_another_sensor_has_to_be_one_of_the_plant():
    assert wrong(fill(Fallback(use="tank1/other"))) == [
        "plans.fill.without_evidence[0].use: tank1/other is no sensor of this plant"
    ]


@pytest.mark.parametrize("other", ["tank1/third", SUCTION])
def test_another_sensor_measures_the_same_and_has_the_same_limits(other):
    use = Fallback(use=other)
    assert wrong(fill(use), stop(use)) == [
        f"plans.{name}.without_evidence[0].use: {other} has not the thresholds that the plan refers to"
        for name in ("fill", "stop")
    ]


def test_whoever_stops_has_to_see_by_the_other_sensor_too():
    blind = "plans.fill.without_evidence[0].use: no plan that asks for stop of station/pump1 looks at tank1/backup"
    assert wrong(fill(USE), stop()) == [blind]
    assert wrong(fill(USE)) == [blind]
    elsewhere = plan_of("open", f"{BACKUP}:high", (VALVE, "open"))
    assert wrong(fill(USE), elsewhere) == [blind], "what opens a valve stops no pump"
    assert wrong(fill(USE), stop(when=f"{BACKUP}:high")) == [], "by looking at it alone"
    assert wrong(fill(USE), stop(USE)) == [], "by falling back on it"


def test_who_stops_needs_nobody_else_to_stop():
    assert wrong(stop(USE)) == []


def test_an_action_that_a_device_is_not_told_is_named():
    wiring = Wiring("cmnd/POWER", (("stop", "OFF"),), ())
    foreign = pump("well/pump9", wiring=wiring)
    plan = plan_of("lift", f"{LEVEL}:low", ("station/pump1", "start"), ("well/pump9", "start"))
    halt = plan_of("halt", f"{LEVEL}:high", ("well/pump9", "stop"))
    assert wrong(plan, halt, actuators=[foreign]) == [
        "plans.lift.do[1].action: the command of well/pump9 has no form for start"
    ]


def test_a_limit_of_a_sensor_that_is_gone_is_named():
    assert wrong(limits=[*LIMITS, threshold("low", 1.0, "tank9/level")]) == [
        "nodes.tank9.sensors.level.thresholds.low: there is no sensor tank9/level"
    ]


def test_what_fits_already_is_not_looked_at_again():
    plant = site(limits=[threshold("low", 1.0, "tank9/level")])
    assert misfits(plant, plant.policy)
    assert misfits(plant, plant.policy, plant.policy) == []
    assert misfits(plant, Policy()) == []
