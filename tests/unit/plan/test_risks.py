"""What a plant file may say and an engineer should know of: each risk is named where it stands, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

from support.plants import plan, plant, pump, sensor, threshold

from edge_agent.model.plant import Fallback
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.plan.risks import risks

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
        "nodes.station.actuators.pump1.min_on_seconds": "0 protects nothing",
        "nodes.station.actuators.pump1.min_off_seconds": "0 protects nothing",
        "nodes.station.actuators.pump1.max_starts_per_hour": "0 allows any number of starts",
    }


def test_a_valve_may_move_as_often_as_it_likes():
    valve = pump(kind="valve", fail_safe="close", min_on_seconds=5.0, min_off_seconds=5.0, max_starts_per_hour=None)
    opens = plan("fill", "tank1/level:low", ("station/pump1", "open"), without_evidence=ON)
    closes = plan("stop", "tank1/level:high", ("station/pump1", "close"))
    assert found(actuators=[valve], plans=[opens, closes]) == {}


def test_a_start_that_no_plan_ends_is_named():
    [(path, wrong)] = found(plans=[FILL]).items()
    assert (path, wrong.partition(":")[0]) == (
        "plans.fill.do",
        "no plan asks for the fail-safe action of station/pump1",
    )


def test_a_plan_that_says_nothing_of_a_silent_sensor_is_named_and_one_that_only_stops_is_not():
    silent = replace(FILL, without_evidence=())
    assert list(found(plans=[silent, STOP])) == ["plans.fill.without_evidence"]


def test_a_sensor_that_would_be_believed_though_it_is_frozen_is_named_where_a_plan_starts_by_it():
    assert list(found(sensors=[sensor()])) == ["nodes.tank1.sensors.level.quality.flat_line"]
    assert found(sensors=[sensor()], plans=[STOP]) == {}


def test_a_start_because_something_is_not_known_never_comes():
    blind = plan("fill", "tank1/level:stale", ("station/pump1", "start"), without_evidence=ON)
    assert found(plans=[blind, STOP])["plans.fill.when"] == "what is not known starts nothing: it will never apply"
