"""Derived sensors, names for people, and motors by their size, as they are written in plant files."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from edge_agent.model.sources import Derivation
from edge_agent.model.titles import title
from edge_agent.settings.plantfile import plant_from
from edge_agent.settings.timing import LARGEST_KW, protection

PATH = Path("plant.toml")
HEAD = """
[site]
id = "riverside"
[nodes.wells]
name = "Wells in the forest"
[nodes.wells.sensors.one]
quantity = "flow"
unit = "m3/h"
interval_seconds = 30
name = "Well 1"
[nodes.wells.sensors.two]
quantity = "flow"
unit = "m3/h"
interval_seconds = 300
[nodes.wells.sensors.litres]
quantity = "flow"
unit = "L/s"
[nodes.site.sensors.{name}]
quantity = "{quantity}"
unit = "{unit}"
"""


def read(more, name="net", quantity="flow", unit="m3/h"):
    return tomllib.loads(HEAD.format(name=name, quantity=quantity, unit=unit) + more)


def net(more, **given):
    return plant_from(read(more, **given), PATH).plant.sensor("site/net")


def test_a_derived_sensor_is_read_and_expected_as_often_as_its_slowest_part():
    found = net('derived = "wells/one + wells/two"')
    assert found.derived == Derivation("wells/one + wells/two")
    assert found.interval_seconds == 300.0
    assert net('derived = "wells/one + wells/two"\ninterval_seconds = 60').interval_seconds == 60.0


def test_one_that_is_made_of_another_is_expected_as_often_as_that():
    more = 'derived = "site/half * 2"\n[nodes.site.sensors.half]\nquantity = "flow"\nunit = "m3/h"\n'
    assert net(more + 'derived = "wells/two / 2"').interval_seconds == 300.0


def test_a_window_is_read():
    found = net('derived = "wells/one"\nwindow_seconds = 3600\nof = "sum"', quantity="volume", unit="m3")
    assert found.derived == Derivation("wells/one", 3600.0, "sum")


def test_names_for_people_are_read():
    plant = plant_from(read('derived = "wells/one"'), PATH).plant
    assert plant.nodes["wells"].label == "Wells in the forest"
    assert plant.sensor("wells/one").label == "Well 1"
    assert plant.sensor("site/net").label is None
    assert title(plant.sensor("wells/one")) == 'wells/one "Well 1"'
    assert title(plant.sensor("site/net")) == "site/net"


@pytest.mark.parametrize(
    ("more", "key", "wrong"),
    [
        ('derived = "wells/one + "', "derived", '"wells/one + ": it ends too early at column 13'),
        ('derived = "wells/one - wells/too"', "derived", '"wells/too" at column 13 is no sensor of this plant'),
        ('derived = "wells/one + wells/litres"', "derived", "wells/one in m3/h and wells/litres in L/s at column 13"),
        ('derived = "wells/one * wells/two"', "derived", 'comes to no "m3/h" at column 1'),
        ('derived = "wells/one < 3"', "derived", '"<" is not understood at column 11'),
        ('derived = "site/net + wells/one"', "derived", "it is made of itself: site/net, site/net"),
        ('derived = "wells/one"\nof = "mean"', "window_seconds", "is missing"),
        ('derived = "wells/one"\nwindow_seconds = 60', "of", "is missing"),
        ('derived = "wells/one"\nwindow_seconds = 60\nof = "sum"', "derived", "added up over time, comes to no"),
        ('derived = "wells/one"\nwindow_seconds = 60\nof = "middle"', "of", '"middle" is not allowed'),
        ('window_seconds = 60', "window_seconds", "means nothing to a sensor that is heard itself"),
        ('derived = "wells/one"\nscale = 2.0', "scale", "is given with derived"),
        ('derived = "wells/one"\nsource = "a/b"', "source", "is given with derived"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(problems_of, more, key, wrong):
    problems = problems_of(plant_from, read(more), PATH)
    assert wrong in problems[f"nodes.site.sensors.net.{key}"].wrong
    assert problems[f"nodes.site.sensors.net.{key}"].expected


def test_a_misspelt_sensor_is_guessed(problems_of):
    problems = problems_of(plant_from, read('derived = "wells/onne"'), PATH)
    assert "did you mean wells/one?" in problems["nodes.site.sensors.net.derived"].expected


def test_a_circle_names_all_that_are_in_it(problems_of):
    more = 'derived = "site/b + wells/one"\n[nodes.site.sensors.b]\nquantity = "flow"\nunit = "m3/h"\n'
    problems = problems_of(plant_from, read(more + 'derived = "site/net"'), PATH)
    assert problems["nodes.site.sensors.b.derived"].wrong == "it is made of itself: site/b, site/net, site/b"


def test_a_derived_sensor_may_stand_on_a_node_with_a_language_of_its_own():
    more = """derived = "wells/one"
[nodes.site.sensors.raw]
quantity = "flow"
unit = "m3/h"
source = "tele/x/SENSOR#/flow"
"""
    assert net(more).derived is not None


PUMP = '[nodes.station.actuators.pump1]\nkind = "pump"\nfail_safe = "stop"\n'


def pump(more):
    return plant_from(read('derived = "wells/one"\n' + PUMP + more), PATH).plant.actuator("station/pump1")


@pytest.mark.parametrize(
    ("horsepower", "starts", "rest"),
    [(5, 16, 42), (20, 9, 55), (50, 6, 72), (100, 5, 110), (250, 3, 500), (1, 16, 42), (1000, 3, 500)],
)
def test_a_motor_rests_and_starts_as_its_size_bears(horsepower, starts, rest):
    found = protection("pump", horsepower * 0.7457)
    assert (found.starts_per_hour, found.least_off_seconds) == (starts, rest)


def test_between_two_sizes_nothing_jumps_and_a_larger_motor_never_bears_more():
    sizes = [protection("pump", kw / 10) for kw in range(1, round(LARGEST_KW * 10) + 50)]
    for smaller, larger in pairwise(sizes):
        assert smaller.starts_per_hour >= larger.starts_per_hour
        assert 0 <= larger.least_off_seconds - smaller.least_off_seconds <= 2


def test_what_is_written_wins_over_the_size():
    found = pump("rated_kw = 15.0")
    assert (found.min_off_seconds, found.max_starts_per_hour, found.min_on_seconds) == (56.0, 9, 10.0)
    found = pump("rated_kw = 15.0\nmin_off_seconds = 5\nmax_starts_per_hour = 30")
    assert (found.min_off_seconds, found.max_starts_per_hour) == (5.0, 30)
    assert pump("").max_starts_per_hour == 12


def test_a_valve_has_no_motor_that_is_started(problems_of):
    more = PUMP.replace("pump1", "valve").replace('"pump"', '"valve"').replace('"stop"', '"close"') + "rated_kw = 1.0"
    problems = problems_of(plant_from, read('derived = "wells/one"\n' + more), PATH)
    assert problems["nodes.station.actuators.valve.rated_kw"].wrong == "is given for a valve"


@pytest.mark.parametrize(
    ("more", "key", "said"),
    [
        ("ramp_seconds = 500", "ramp_seconds", "500 is more than half of lease_seconds 900"),
        ("lease_seconds = 60\nramp_seconds = 40", "ramp_seconds", "40 is more than half of lease_seconds 60"),
        ("power_return_seconds = [60, 10]", "power_return_seconds", "60 to 10 is no time to wait"),
        ("power_return_seconds = [-1, 10]", "power_return_seconds", "-1 to 10 is no time to wait"),
        ("rated_kw = 0.0", "rated_kw", "0.0 is out of range"),
    ],
)
def test_times_of_equipment_that_cannot_be_are_told(problems_of, more, key, said):
    problems = problems_of(plant_from, read('derived = "wells/one"\n' + PUMP + more), PATH)
    assert said in problems[f"nodes.station.actuators.pump1.{key}"].wrong


def test_a_ramp_and_a_time_after_the_return_of_power_are_read():
    found = pump("ramp_seconds = 120\npower_return_seconds = [10, 60]")
    assert (found.ramp_seconds, found.power_return_seconds) == (120.0, (10.0, 60.0))
