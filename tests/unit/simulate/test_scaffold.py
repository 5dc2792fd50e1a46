from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.noderig import library

from edge_agent.errors import SimulationError, UsageError
from edge_agent.model.plant import Step
from edge_agent.plan.risks import endless, risks
from edge_agent.settings.plantfile import plant_from
from edge_agent.simulate.draft import Ids
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.levelswitch import distinct, switch_of
from edge_agent.simulate.mapping import check_mapping, parse_mapping
from edge_agent.simulate.network import LevelControl, TankLimits
from edge_agent.simulate.scaffold import scaffold, scaffolded

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


def test_levels_become_switch_points_and_the_clock_a_timetable() -> None:
    found = scaffolded(library("Net3"), "here")
    plant = tomllib.loads(found.text)
    steps = {name: plan["do"][0]["actuator"] for name, plan in plant["plans"].items()}
    assert steps == {
        "start_pump335": "pump335/pump",
        "stop_pump335": "pump335/pump",
        "close_pipe330": "pipe330/valve",  # its bypass
        "open_pipe330": "pipe330/valve",
        "clock_pump10": "pump10/pump",
    }
    assert plant["plans"]["clock_pump10"]["between"] == ["01:00-15:00"]  # in the file once for each day of a week
    assert found.unsaid == ()


def test_a_pump_that_nothing_in_the_file_switches_gets_a_pair_of_set_points_and_that_is_told(tmp_path: Path) -> None:
    network = tmp_path / "bare.inp"
    network.write_text(re.sub(r"(?s)\[CONTROLS\].*?(?=\[)", "[CONTROLS]\n\n", library("Net1").read_text()))
    found = scaffolded(network, "here")
    assert set(tomllib.loads(found.text)["plans"]) == {"fill_tank2", "stop_tank2"}
    (told,) = found.unsaid
    assert told.startswith("nothing in the file switches pump 9")
    assert f"# Not said here: {told}." in found.text


def test_tanks_have_their_surface_and_brim() -> None:
    plant = tomllib.loads(scaffold(library("Net1"), "here"))
    assert plant["tanks"] == {"tank2": {"level": "tank2/level", "area_m2": 186.1, "brim": 150.0}}


def test_what_is_started_by_a_level_falls_back_on_timed_running() -> None:
    plant = tomllib.loads(scaffold(CTOWN, "here"))["plans"]
    timed, safe = plant["start_pump-pu2"]["without_evidence"]
    assert (timed["every_seconds"], safe) == (3600, {"do": "fail_safe"})
    assert 0.6 < timed["run_seconds"] / 3600 < 0.8
    assert plant["start_pump-pu11"]["without_evidence"] == [{"do": "fail_safe"}]  # never used in a week
    assert "without_evidence" not in plant["stop_pump-pu2"]


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


# Rules --------------------------------------------------------------------------------------------------------------

RULES = Path(__file__).parents[2] / "data" / "rules.inp"


def test_rules_become_plans_in_the_same_words() -> None:
    plans = tomllib.loads(scaffold(RULES, "here"))["plans"]
    assert plans["rule1"] == {
        "when": ["tank-t1/level < 2.5"],
        "do": [{"actuator": "pump-p1/pump", "action": "start"}],
        "priority": 52,
    }
    assert plans["rule2"]["priority"] > plans["rule1"]["priority"] > plans["rule3"]["priority"]
    help_ = "(tank-t1/level < 3.0 or junction-j2/pressure < 25.0) and time is 06:00-24:00 and pump-p1/pump is running"
    assert plans["rule3"]["when"] == [help_]
    assert plans["rule3"]["do"] == [{"actuator": "pump-p2/pump", "action": "set", "value": 0.9}]
    assert plans["rule3-else"]["when"] == [f"not ({help_})"]
    assert plans["rule3-else"]["do"] == [{"actuator": "pump-p2/pump", "action": "stop"}]


def test_a_pipe_that_the_clock_closes_gets_the_hours_in_which_it_does() -> None:
    plan = tomllib.loads(scaffold(RULES, "here"))["plans"]["clock_pipe-by"]
    assert (plan["between"], plan["do"]) == (["02:00-04:00"], [{"actuator": "pipe-by/valve", "action": "close"}])


def test_what_no_plan_can_say_is_told_in_a_sentence() -> None:
    assert scaffolded(RULES, "here").unsaid == (
        "rule rationing is left out: no condition knows the demand of all junctions",
    )


@pytest.mark.parametrize(
    ("premise", "told"),
    [
        ("IF SYSTEM TIME > 3", "no condition knows the time since the start"),
        ("IF TANK T1 FILLTIME < 2", "no condition knows the filltime of tank T1"),
        ("IF TANK T1 LEVEL = 2", "no condition asks whether a level is = a number"),
        ("IF SYSTEM CLOCKTIME = 6 AM", "no condition asks whether the time is = an instant"),
    ],
)
def test_a_rule_that_cannot_be_said_is_left_out_whole(tmp_path: Path, premise: str, told: str) -> None:
    network = tmp_path / "rules.inp"
    network.write_text(RULES.read_text().replace("IF TANK T1 LEVEL BELOW 2.5", premise))
    found = scaffolded(network, "here")
    assert f"rule fill is left out: {told}" in found.unsaid
    assert "rule1" not in tomllib.loads(found.text)["plans"]


@pytest.mark.parametrize(
    ("premise", "said"),
    [
        ("IF TANK T1 HEAD BELOW 42", "tank-t1/level < 2.0"),
        ("IF JUNCTION J2 HEAD ABOVE 50", "junction-j2/head > 50.0"),
        ("IF PIPE main FLOW < 5", "pipe-main/flow < 5.0"),
        ("IF PUMP P2 STATUS IS OPEN", "pump-p2/pump is running"),
        ("IF PIPE by STATUS IS CLOSED", "pipe-by/valve is closed"),
        ("IF SYSTEM CLOCKTIME < 6:30 AM", "time is 00:00-06:30"),
    ],
)
def test_what_rules_ask_of_elements_becomes_sensors_and_equipment(tmp_path: Path, premise: str, said: str) -> None:
    network = tmp_path / "rules.inp"
    network.write_text(RULES.read_text().replace("IF TANK T1 LEVEL BELOW 2.5", premise))
    text = scaffold(network, "here")
    assert tomllib.loads(text)["plans"]["rule1"]["when"] == [said]
    plant_from(tomllib.loads(text), Path("plant.toml"))


@pytest.mark.parametrize(
    ("controls", "plans", "told"),
    [
        ("LINK P1 OPEN AT CLOCKTIME 6 AM", {"clock_pump-p1-0600": ["time is 06:00-06:01"]}, ""),
        ("LINK P1 OPEN IF NODE J2 BELOW 20", {"start_pump-p1": ["junction-j2/pressure:pump-p1_on"]}, ""),
        ("LINK P1 1.5 AT CLOCKTIME 6 AM", {}, "pump P1 is set to 1.5 by the clock"),
        ("LINK P1 OPEN AT TIME 30", {}, "of pump P1 it is switched at 30 h after the start, once"),
    ],
)
def test_controls_by_clock_and_pressure(tmp_path: Path, controls: str, plans: dict[str, list[str]], told: str) -> None:
    network = tmp_path / "rules.inp"
    text = re.sub(r"(?s)\[RULES\].*?(?=\[CONTROLS\])", "", RULES.read_text())
    network.write_text(re.sub(r"LINK by .*\n", "", text).replace("[CONTROLS]\n", f"[CONTROLS]\n{controls}\n"))
    found = scaffolded(network, "here")
    written = tomllib.loads(found.text).get("plans", {})
    assert {name: plan["when"] for name, plan in written.items() if "p1" in name} == plans
    assert not told or any(one.startswith(told) for one in found.unsaid)


def test_a_speed_by_the_clock_is_a_timetable_of_its_own(tmp_path: Path) -> None:
    network = tmp_path / "rules.inp"
    clock = "LINK P1 0.8 AT CLOCKTIME 6 AM\nLINK P1 CLOSED AT CLOCKTIME 10 PM\n"
    network.write_text(RULES.read_text().replace("[CONTROLS]\n", f"[CONTROLS]\n{clock}"))
    plan = tomllib.loads(scaffold(network, "here"))["plans"]["clock_pump-p1-at-80"]
    assert plan["between"] == ["06:00-22:00"]
    assert plan["do"] == [{"actuator": "pump-p1/pump", "action": "set", "value": 0.8}]


@pytest.mark.parametrize("network", [CTOWN, library("Net1"), library("Net3")], ids=["C-Town", "Net1", "Net3"])
def test_a_colleague_has_nothing_to_say_of_it(network: Path) -> None:
    file = plant_from(tomllib.loads(scaffold(network, "here")), Path("plant.toml"))
    assert [*endless(file.plant), *risks(file.plant)] == []
