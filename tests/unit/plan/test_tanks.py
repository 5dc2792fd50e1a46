"""Tanks: no limit above the brim, and no lease that outlasts the time until they run over."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.plants import plan, plant, pump, sensor, threshold
from support.stageworks import PUMP1, stages

from edge_agent.model.plant import Policy, Provision
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.plan.fitness import misfits
from edge_agent.plan.overflow import overflow_risks
from edge_agent.plan.provisions.registry import canonical

LEVEL = sensor(gross_range=GrossRange(fail=(0.0, 9.0)))
INFLOW = sensor("station/flow", "flow", "L/s", gross_range=GrossRange(fail=(0.0, 50.0), suspect=(0.0, 40.0)))
DEMAND = sensor("district/demand", "demand", "m3/h")
FILL = plan("fill", "tank1/level:low", ("station/pump1", "start"))
STOP = plan("stop", "tank1/level:high", ("station/pump1", "stop"))
LIMITS = threshold("low", 1.5), threshold("high", 5.0)


def tank(name="tank1", **more):
    told = {"level": "tank1/level", "area_m2": 180.0, "brim": 6.0, "inflows": ["station/flow"]} | more
    return Provision("tank", name, canonical("tank", json.dumps(told)))


def works(*tanks, sensors=(LEVEL, INFLOW, DEMAND), limits=LIMITS, plans=(FILL, STOP), **more):
    site = plant(sensors, [pump(**more)], limits, plans)
    return replace(site, policy=Policy(tuple(limits), tuple(plans), tanks))


def wrong(*tanks, **more):
    site = works(*tanks, **more)
    return {".".join(map(str, one.path)): one.wrong for one in misfits(site, site.policy)}


def risky(*tanks, **more):
    return {".".join(map(str, one.path)): one.wrong for one in overflow_risks(works(*tanks, **more))}


def test_a_tank_of_the_plant_fits():
    assert wrong(tank(outflows=["district/demand"])) == {}


@pytest.mark.parametrize("limit", [6.0, 6.5])
def test_a_limit_at_the_brim_or_above_can_never_pass(limit):
    found = wrong(tank(), limits=(threshold("low", 1.5), threshold("high", limit)))
    assert found == {
        "nodes.tank1.sensors.level.thresholds.high.limit": (
            f"{limit:g} is not below the brim of tank tank1 (6): no level passes it"
        )
    }


def test_what_looks_ahead_may_look_at_the_brim_itself():
    ahead = threshold("over", 6.0, side="above", measure="time_to_limit", parameters=(("within_minutes", 30.0),))
    assert wrong(tank(), limits=(*LIMITS, ahead)) == {}


def test_a_condition_and_a_stage_at_the_brim_can_never_be_fulfilled():
    text = plan("text", "tank1/level > 6.2", ("station/pump1", "stop"))
    assert "no good reading of tank1/level lies above 6.2" in wrong(tank(), plans=(FILL, STOP, text)).values()
    staged = stages((1.0, 6.0, PUMP1))
    assert any("no good reading lies above 6" in each for each in wrong(tank(), plans=(staged,)).values())
    assert not wrong(plans=(staged,))


@pytest.mark.parametrize(
    ("more", "key", "said"),
    [
        ({"level": "tank1/levle"}, "level", '"tank1/levle" is no sensor of this plant'),
        ({"level": "station/flow"}, "level", '"station/flow" is a sensor of flow'),
        ({"inflows": ["station/flo"]}, "inflows.0", '"station/flo" is no sensor of this plant'),
        ({"inflows": ["tank1/level"]}, "inflows.0", '"tank1/level" is a sensor of level'),
        ({"outflows": ["station/flow"]}, "outflows.0", '"station/flow" comes twice in this tank'),
    ],
)
def test_a_mistake_is_named_where_it_stands(more, key, said):
    assert said in wrong(tank(**more))[f"tanks.tank1.{key}"]


def test_a_level_belongs_to_one_tank():
    assert set(wrong(tank(), tank("other"))) == {"tanks.tank1.level", "tanks.other.level"}


def test_a_lease_that_outlasts_the_freeboard_is_named():
    """180 m2 and 1 m from the stop to the brim at 50 L/s, 180 m3/h: an hour."""
    assert risky(tank(), lease_seconds=3600.0) == {}
    assert risky(tank(), lease_seconds=3700.0) == {
        "nodes.station.actuators.pump1.lease_seconds": (
            "3700 is longer than tank tank1 takes to run over at its highest inflow (180 m3/h): 3600 s from 5 m"
        )
    }


@pytest.mark.parametrize(
    "plans",
    [
        (stages((1.0, 5.5, PUMP1)),),
        (plan("fill", "tank1/level < 2", (PUMP1, "start")), plan("s", "tank1/level > 550 cm", (PUMP1, "stop"))),
    ],
)  # fmt: skip
def test_what_counts_is_the_highest_level_at_which_something_fills_it(plans):
    assert risky(tank(), plans=plans, lease_seconds=1800.0) == {}
    assert "1800 s from 5.5 m" in risky(tank(), plans=plans, lease_seconds=1900.0).popitem()[1]


def test_where_nothing_ends_by_the_level_the_whole_tank_counts():
    assert risky(tank(), plans=(FILL,), limits=LIMITS[:1], lease_seconds=21_600.0) == {}
    assert risky(tank(), plans=(FILL,), limits=LIMITS[:1], lease_seconds=21_700.0)


def test_a_level_at_which_filling_begins_ends_nothing():
    fill = plan("fill", "tank1/level < 2", (PUMP1, "start"))
    assert risky(tank(), plans=(fill,), lease_seconds=21_600.0) == {}
    assert "21600 s from 0 m" in risky(tank(), plans=(fill,), lease_seconds=21_700.0).popitem()[1]


def test_what_goes_by_something_else_fills_another_tank():
    other = plan("other", "station/flow < 5", (PUMP1, "start"))
    assert risky(tank(), plans=(other,), lease_seconds=86_400.0) == {}


def test_what_empties_a_tank_is_none_of_it():
    drain = plan("drain", "tank1/level:high", ("station/pump1", "start"))
    assert risky(tank(), plans=(drain,), lease_seconds=86_400.0) == {}
    assert risky(tank(), plans=(plan("drain", "tank1/level > 5", ("station/pump1", "start")),), lease_seconds=9e4) == {}
    assert risky(tank(), plans=(stages((5.0, 1.0, PUMP1), direction="empty"),), lease_seconds=86_400.0) == {}


def test_what_fills_it_may_begin_because_something_else_is_high():
    peak = plan("peak", ("tank1/level:low", "station/flow:high"), (PUMP1, "start"))
    limits = (*LIMITS, threshold("high", 100.0, of="station/flow"))
    assert risky(tank(), plans=(peak, STOP), limits=limits, lease_seconds=3700.0)


def test_a_level_in_another_unit_is_converted():
    level = sensor(unit="cm", gross_range=GrossRange(fail=(0.0, 900.0)))
    limits = threshold("low", 150.0), threshold("high", 500.0)
    told = {"sensors": (level, INFLOW, DEMAND), "limits": limits}
    assert risky(tank(brim=600.0), **told, lease_seconds=3600.0) == {}
    assert "3600 s from 5 m" in risky(tank(brim=600.0), **told, lease_seconds=3700.0).popitem()[1]


def test_an_inflow_without_bounds_is_named():
    assert risky(tank(inflows=["station/flow", "district/demand"]), lease_seconds=9e4) == {
        "tanks.tank1.inflows.1": ("district/demand has no gross_range: how soon the tank may run over is not known")
    }
    assert risky(tank(inflows=[]), lease_seconds=9e4) == {}
