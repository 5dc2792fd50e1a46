from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest
from support.noderig import library

from edge_agent.errors import SimulationError
from edge_agent.simulate.hydraulics import Hydraulics, native

if TYPE_CHECKING:
    from pathlib import Path

LOW_FEET, HIGH_FEET = 110.0, 140.0


def test_native_net1_switches_its_pump_where_epanet_does(net1: Path) -> None:
    day = native(net1, 24)
    assert [(switch.seconds, switch.running) for switch in day.switches] == [(45417, False), (82019, True)]
    assert day.starts == {"9": 1}
    assert sum(day.energy_kwh.values()) == pytest.approx(1332.19, abs=0.05)
    assert day.lowest["2"] == pytest.approx(LOW_FEET, abs=0.01)
    assert day.highest["2"] == pytest.approx(HIGH_FEET, abs=0.01)


def test_an_on_off_rule_in_lock_step_equals_the_native_controls(net1: Path) -> None:
    reference = native(net1, 24, step_seconds=10)
    with Hydraulics(net1) as water:
        for seconds in range(0, 24 * 3600 + 1, 10):
            water.advance(seconds)
            level = water.level("2")
            if level >= HIGH_FEET:
                water.set_pump("9", running=False)
            elif level <= LOW_FEET:
                water.set_pump("9", running=True)
        day = water.day()
    assert [switch.running for switch in day.switches] == [False, True]
    # The rule is asked every ten seconds; the water that came in meanwhile takes three times as long to go again.
    late = [ours.seconds - theirs.seconds for ours, theirs in zip(day.switches, reference.switches, strict=True)]
    assert 0 <= late[0] <= 10
    assert 0 <= late[1] <= 40
    assert sum(day.energy_kwh.values()) == pytest.approx(sum(reference.energy_kwh.values()), rel=0.001)


def test_without_its_controls_the_pump_goes_on_past_the_end_of_the_file(net1: Path) -> None:
    with Hydraulics(net1) as water:
        water.advance(48 * 3600)
        assert water.seconds == 48 * 3600
        assert water.running("9")
        assert not water.day().switches


PATTERNED = """
[JUNCTIONS]
 A 0 0
[RESERVOIRS]
 R 10
[TANKS]
 T 20 2 0 4 50 0
[PIPES]
 M A T 10 200 100 0 Open
[PUMPS]
 P R A POWER 5 PATTERN NIGHT
[PATTERNS]
 NIGHT 1 0
[RULES]
RULE 1
IF SYSTEM TIME >= 0:30
THEN PUMP P STATUS = CLOSED
[OPTIONS]
 Units LPS
 Headloss H-W
[TIMES]
 Pattern Timestep 1:00
[END]
"""


def test_rules_and_speed_patterns_are_removed(tmp_path: Path) -> None:
    file = tmp_path / "patterned.inp"
    only_rule = PATTERNED.replace("PATTERN NIGHT", "")
    only_pattern = PATTERNED.replace("TIME >= 0:30", "TIME >= 99:00")
    for text, off in ((only_rule, 1800), (only_pattern, 3600)):
        file.write_text(text)
        assert native(file, 2).switches[0] == (pytest.approx(off, abs=360), "P", False)
        with Hydraulics(file) as water:
            water.advance(2 * 3600)
            assert not water.day().switches


def test_the_controls_of_a_file_are_removed() -> None:
    with Hydraulics(library("Net3")) as water:  # its pump 10 is switched by the clock, 335 by a level
        water.advance(24 * 3600)
        assert not water.day().switches
    with Hydraulics(library("Net3"), remove_controls=False) as water:
        water.advance(24 * 3600)
        assert {switch.pump for switch in water.day().switches} == {"10", "335"}


def test_the_clock_stands_at_the_second_that_was_asked_for(net1: Path) -> None:
    with Hydraulics(net1) as water:
        water.advance(61.9)
        assert water.seconds == 61
        water.advance(30)
        assert water.seconds == 61


def test_levels_move_with_time_and_flows_with_switching(net1: Path) -> None:
    with Hydraulics(net1) as water:
        assert water.level("2") == pytest.approx(120.0)
        assert water.flow("pump", "9") == pytest.approx(1866, abs=1)
        assert water.power_kw("9") == pytest.approx(95.8, abs=0.1)
        water.set_pump("9", running=False)
        assert water.flow("pump", "9") == 0
        assert water.power_kw("9") == 0
        water.advance(3600)
        assert water.level("2") < 120.0
        assert water.energy_kwh("9") == 0


def test_a_slower_pump_lifts_less(net1: Path) -> None:
    with Hydraulics(net1) as water:
        full = water.flow("pump", "9")
        water.set_pump("9", running=True, speed=0.95)
        assert 0 < water.flow("pump", "9") < full
        assert water.speed("9") == pytest.approx(0.95)


def test_energy_is_power_times_time(net1: Path) -> None:
    with Hydraulics(net1) as water:
        power = water.power_kw("9")
        water.advance(60)
        assert water.energy_kwh("9") == pytest.approx(power / 60)


def test_a_closed_pipe_carries_nothing_and_cannot_be_half_open(net1: Path) -> None:
    with Hydraulics(net1) as water:
        assert water.flow("pipe", "110") != 0
        water.set_valve("pipe", "110", 0.0)
        assert water.flow("pipe", "110") == pytest.approx(0.0, abs=1e-3)
        assert water.position("pipe", "110") == 0
        with pytest.raises(SimulationError, match="is open or closed"):
            water.set_valve("pipe", "110", 0.5)


VALVE = """
[JUNCTIONS]
 A 0 0
 B 0 10
[RESERVOIRS]
 R 50
[PIPES]
 P R A 10 200 100 0 Open
[VALVES]
 V A B 150 {kind} {setting} 0
[OPTIONS]
 Units LPS
 Headloss H-W
[END]
"""


def test_a_half_open_throttle_valve_costs_pressure(tmp_path: Path) -> None:
    file = tmp_path / "valve.inp"
    file.write_text(VALVE.format(kind="TCV", setting=2))
    with Hydraulics(file) as water:
        open_pressure = water.pressure("junction", "B")
        water.set_valve("valve", "V", 0.2)
        half = water.pressure("junction", "B")
        water.set_valve("valve", "V", 1.0)
        assert half < open_pressure
        assert water.pressure("junction", "B") == pytest.approx(open_pressure)


def test_a_reopened_pressure_reducing_valve_regulates_again(tmp_path: Path) -> None:
    file = tmp_path / "valve.inp"
    file.write_text(VALVE.format(kind="PRV", setting=30))
    with Hydraulics(file) as water:
        assert water.pressure("junction", "B") == pytest.approx(30, abs=0.01)
        water.set_valve("valve", "V", 0.0)
        assert water.flow("valve", "V") == pytest.approx(0, abs=1e-6)
        assert water.position("valve", "V") == 0
        water.set_valve("valve", "V", 1.0)
        assert water.pressure("junction", "B") == pytest.approx(30, abs=0.01)


@pytest.mark.parametrize(("network", "units"), [("Net1", ("ft", "psi", "gpm")), ("Net3", ("ft", "psi", "gpm"))])
def test_the_units_of_us_networks(network: str, units: tuple[str, str, str]) -> None:
    with Hydraulics(library(network)) as water:
        assert tuple(water.network.units) == units


@pytest.mark.parametrize(
    ("theirs", "ours", "factor"),
    [("LPS", "L/s", 1.0), ("CMH", "m3/h", 1.0), ("MLD", "ML/d", 1.0), ("IMGD", "mgd", 1.2009), ("CFS", "cfs", 1.0)],
)
def test_flows_come_in_a_unit_we_know(tmp_path: Path, theirs: str, ours: str, factor: float) -> None:
    file = tmp_path / "units.inp"
    file.write_text(VALVE.format(kind="TCV", setting=0).replace("LPS", theirs))
    with Hydraulics(file) as water:
        assert water.network.units.flow == ours
        assert water.demand("B") == pytest.approx(10 * factor, rel=1e-3)


def test_epanet_leaves_no_files_behind(net1: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(temporary))
    with Hydraulics(net1) as water:
        water.advance(3600)
    assert not list(work.iterdir())
    assert not list(temporary.iterdir())


def test_a_missing_or_broken_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="cannot open input file"), Hydraulics(tmp_path / "none.inp"):
        pass
    broken = tmp_path / "broken.inp"
    broken.write_text("[JUNCTIONS]\nA one\n[END]\n")
    with pytest.raises(SimulationError, match="illegal numeric value one"), Hydraulics(broken):
        pass


def test_a_dry_system_is_calculated_and_is_no_error(net1: Path) -> None:
    with Hydraulics(net1) as water:
        water.set_pump("9", running=False)
        water.advance(12 * 3600)  # the tank runs empty; EPANET warns of unconnected nodes
        assert water.level("2") == pytest.approx(100.0, abs=0.01)


def test_a_zone_without_water_shows_a_vacuum_and_no_more(net1: Path) -> None:
    with Hydraulics(net1) as water:
        water.set_pump("9", running=False)
        water.advance(12 * 3600)
        shown = [water.pressure("junction", junction) for junction in water.network.of_kind("junction")]
        assert min(shown) == pytest.approx(-14.223, abs=0.001)  # psi of 10 m
        assert max(shown) < 150


def test_after_closing_nothing_can_be_read(net1: Path) -> None:
    with Hydraulics(net1) as water:
        pass
    with pytest.raises(SimulationError, match="not open"):
        water.level("2")
