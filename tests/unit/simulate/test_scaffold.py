from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.noderig import library

from edge_agent.errors import SimulationError, UsageError
from edge_agent.settings.plantfile import plant_from
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.mapping import check_mapping, parse_mapping
from edge_agent.simulate.scaffold import Ids, scaffold


@pytest.mark.parametrize("network", ["Net1", "Net2", "Net3"])
def test_the_scaffold_loads_and_fits_its_network(network: str) -> None:
    text = scaffold(library(network), "here")
    file = plant_from(tomllib.loads(text), Path("plant.toml"))
    mapping = parse_mapping(file.simulation, "plant.toml")
    with Hydraulics(library(network)) as water:
        check_mapping(mapping, file.plant, water.network, "plant.toml")
    assert mapping.network == f"{network}.inp"
    assert {sensor.name for sensor in file.plant.sensors} == set(mapping.sensors)
    assert {actuator.name for actuator in file.plant.actuators} == set(mapping.actuators)


def test_net1_gets_its_limits_from_the_tank_and_two_plans(net1: Path) -> None:
    plant = plant_from(tomllib.loads(scaffold(net1, "here")), Path("plant.toml")).plant
    limits = {threshold.name: threshold.limit for threshold in plant.policy.thresholds}
    assert limits == {"high_high": 147.5, "high": 140.0, "low": 110.0, "low_low": 102.5}
    fill, stop = plant.policy.plans
    assert (fill.when, fill.do[0].actuator, fill.do[0].action) == (("tank2/level:low",), "pump9/pump", "start")
    assert (stop.when, stop.do[0].actuator, stop.do[0].action) == (("tank2/level:high",), "pump9/pump", "stop")


def test_a_pump_fills_the_tank_that_controls_it_else_the_nearest() -> None:
    plans = tomllib.loads(scaffold(library("Net3"), "here"))["plans"]
    assert [step["actuator"] for step in plans["fill_tank1"]["do"]] == ["pump335/pump"]  # by the file's controls
    assert [step["actuator"] for step in plans["fill_tank3"]["do"]] == ["pump10/pump"]  # switched by the clock there


ODD = """
[JUNCTIONS]
 Pump#Out 0 1
 pump_out 0 1
 pump-out 0 1
[RESERVOIRS]
 R 10
[TANKS]
 Höhe/1 30 1 0 3 10 0
 höhe-1 30 1 0 3 10 0
 {long}1 30 1 0 3 10 0
 {long}2 30 1 1 1 10 0
[PIPES]
 a Pump#Out Höhe/1 10 100 100 0 Open
 b Pump#Out höhe-1 10 100 100 0 Open
 c Pump#Out {long}1 10 100 100 0 Open
 d Pump#Out {long}2 10 100 100 0 Open
 e Pump#Out pump_out 10 100 100 0 Open
 f pump_out pump-out 10 100 100 0 Open
[PUMPS]
 P-1 R Pump#Out POWER 1
 p_1 R Pump#Out POWER 1
[OPTIONS]
 Units LPS
 Headloss H-W
[END]
"""


def test_odd_names_become_ids_without_collisions(tmp_path: Path) -> None:
    network = tmp_path / "odd.inp"
    network.write_text(ODD.format(long="a" * 30), "utf-8")
    file = plant_from(tomllib.loads(scaffold(network, "here")), Path("plant.toml"))
    with Hydraulics(network) as water:
        check_mapping(parse_mapping(file.simulation, "plant.toml"), file.plant, water.network, "plant.toml")
        assert len(file.plant.nodes) == len(water.network.elements) - 6 - 1  # all but the pipes and the reservoir


@given(st.lists(st.text(max_size=31)))
def test_ids_are_sound_and_never_twice(names: list[str]) -> None:
    ids = Ids(20)
    made = [ids.make("tank", name) for name in names]
    assert len(set(made)) == len(made)
    for identity in made:
        assert len(identity) <= 20
        assert identity[0].isascii()
        assert identity[0].isalnum()
        assert all(letter in "abcdefghijklmnopqrstuvwxyz0123456789_-" for letter in identity)


def test_a_site_that_is_no_id_is_refused(net1: Path) -> None:
    with pytest.raises(UsageError, match="River Side"):
        scaffold(net1, "River Side")


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulationError):
        scaffold(tmp_path / "none.inp", "here")
