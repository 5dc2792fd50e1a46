from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.noderig import library

from edge_agent.errors import SimulationError, UsageError
from edge_agent.model.plant import Step
from edge_agent.settings.plantfile import plant_from
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.levelswitch import distinct, switch_of
from edge_agent.simulate.mapping import check_mapping, parse_mapping
from edge_agent.simulate.network import LevelControl, TankLimits
from edge_agent.simulate.draft import Ids
from edge_agent.simulate.scaffold import scaffold

CTOWN = Path(__file__).parents[2] / "data" / "C-Town.inp"


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


def test_net1_gets_the_set_points_of_its_controls_and_alarms_beyond_them(net1: Path) -> None:
    plant = plant_from(tomllib.loads(scaffold(net1, "here")), Path("plant.toml")).plant
    limits = {(one.name, one.side, one.annunciated): one.limit for one in plant.policy.thresholds}
    assert limits == {
        ("high_high", "above", True): 147.5,
        ("pump9_off", "above", False): 140.0,
        ("pump9_on", "below", False): 110.0,
        ("low_low", "below", True): 102.5,
    }
    start, stop = plant.policy.plans
    assert (start.id, start.when, start.do) == (
        "start_pump9",
        ("tank2/level:pump9_on",),
        (Step("pump9/pump", "start"),),
    )
    assert (stop.id, stop.when, stop.do) == ("stop_pump9", ("tank2/level:pump9_off",), (Step("pump9/pump", "stop"),))


def test_a_pump_is_switched_by_the_controls_of_the_file_else_by_the_nearest_tank() -> None:
    plant = tomllib.loads(scaffold(library("Net3"), "here"))
    steps = {name: plan["do"][0]["actuator"] for name, plan in plant["plans"].items()}
    assert steps == {
        "start_pump335": "pump335/pump",
        "stop_pump335": "pump335/pump",
        "fill_tank3": "pump10/pump",  # switched by the clock there
        "stop_tank3": "pump10/pump",
    }
    thresholds = plant["nodes"]["tank3"]["sensors"]["level"]["thresholds"]
    assert (thresholds["fill_on"]["below"], thresholds["fill_off"]["above"]) == (10.3, 29.2)


def test_a_tank_that_nothing_fills_here_has_no_alarm_at_its_brim_and_a_spare_pump_no_plan() -> None:
    plant = tomllib.loads(scaffold(CTOWN, "here"))
    levels = {node: table["sensors"]["level"] for node, table in plant["nodes"].items() if "level" in table["sensors"]}
    assert set(levels["tank-t6"]["thresholds"]) == {"low_low"}
    assert "high_high" not in levels["tank-t5"]["thresholds"]  # it is filled to the brim
    moved = {step["actuator"] for plan in plant["plans"].values() for step in plan["do"]}
    assert moved.isdisjoint({"pump-pu3/pump", "pump-pu9/pump"})
    assert len(plant["plans"]) == 20


def test_a_valve_that_fills_a_tank_closes_when_nobody_commands_it() -> None:
    plant = tomllib.loads(scaffold(CTOWN, "here"))
    assert plant["nodes"]["valve-v2"]["actuators"]["valve"]["fail_safe"] == "close"
    assert plant["plans"]["open_valve-v2"]["when"] == ["tank-t2/level:valve-v2_on"]


def test_two_controls_of_one_pump_get_names_of_their_own() -> None:
    limits = TankLimits(0.0, 5.0, 1.0)
    controls = [LevelControl("P", "T", level, above=False, opens=True) for level in (1.0, 2.0, 3.0)]
    found = distinct(switch_of(control, limits, "pump1", "pump") for control in controls)
    assert [(one.name, one.plan, one.level) for one in found] == [
        ("pump1_on", "start_pump1", 1.0),
        ("pump1_on-2", "start_pump1-2", 2.0),
        ("pump1_on-3", "start_pump1-3", 3.0),
    ]


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
