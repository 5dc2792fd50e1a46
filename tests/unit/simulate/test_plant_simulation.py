from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.lockstep import START, LockStep
from support.noderig import at, contents, make_rig, statuses

from edge_agent.errors import ConfigurationError, UsageError
from edge_agent.known import Knowledge
from edge_agent.model.inbox import Kind
from edge_agent.model.remembered import Remembered
from edge_agent.model.sources import WordSource
from edge_agent.model.time import Moment
from edge_agent.monitor.tests.registry import TESTS
from edge_agent.simulate.faults import Faults
from edge_agent.simulate.hydraulics import Hydraulics, native
from edge_agent.simulate.mapping import parse_mapping
from edge_agent.simulate.plant import PlantSimulation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.settings.plantfile import PlantFile
    from edge_agent.simulate.nodewire import Outgoing

RIVERSIDE = Path(__file__).parents[3] / "config" / "riverside.inp"
LOW_LOW, HIGH_HIGH = 1.8, 4.4  # of tank1/level, in m


def simulation_of(water: Hydraulics, file: PlantFile, *faults: str) -> PlantSimulation:
    return PlantSimulation(water, parse_mapping(file.simulation, "plant.toml"), file.plant, Faults.parse(faults))


@pytest.fixture
def simulation(riverside: PlantFile) -> Iterator[PlantSimulation]:
    with Hydraulics(RIVERSIDE) as water:
        yield simulation_of(water, riverside)


def start_pump1(**changed: object) -> bytes:
    return make_rig().command(site="riverside", **changed)


def values(messages: list[Outgoing], sensor: str) -> list[float]:
    return [reading["value"] for reading in contents([m for m in messages if m.route.name == sensor], Kind.TELEMETRY)]


def test_the_first_step_brings_every_node_up_and_every_sensor_once(simulation: PlantSimulation) -> None:
    messages = simulation.step(at(0))
    assert [m.route.node for m in messages if m.route.kind is Kind.STATUS] == ["tank1", "station", "district"]
    assert sorted(m.route.name for m in messages if m.route.kind is Kind.STATE) == ["pump1", "pump2"]
    told = [f"{m.route.node}/{m.route.name}" for m in messages if m.route.kind is Kind.TELEMETRY]
    assert sorted(told) == sorted(each.name for each in simulation.plant.sensors if not each.derived)


def test_a_device_that_speaks_its_own_language_is_not_spoken_for(riverside: PlantFile) -> None:
    status = (WordSource("tele/d/LWT", codec="text", means=(("online", ("Online",)),)),)
    nodes = {**riverside.plant.nodes, "tank1": dataclasses.replace(riverside.plant.nodes["tank1"], status=status)}
    file = dataclasses.replace(riverside, plant=dataclasses.replace(riverside.plant, nodes=nodes))
    with Hydraulics(RIVERSIDE) as water:
        messages = simulation_of(water, file).step(at(0))
    assert {message.route.node for message in messages} == {"station", "district"}


def test_readings_come_in_the_unit_of_the_plant_file(simulation: PlantSimulation) -> None:
    messages = simulation.step(at(0))
    assert values(messages, "level") == [pytest.approx(2.54)]
    suction_m = simulation.hydraulics.pressure("junction", "SUCTION")
    assert values(messages, "suction") == [pytest.approx(suction_m * 0.0980665)]


def test_sensors_are_told_at_their_own_interval(simulation: PlantSimulation) -> None:
    messages = [message for second in range(60) for message in simulation.step(at(second))]
    assert len(values(messages, "level")) == 6
    assert len(values(messages, "power1")) == 2


def test_a_started_pump_moves_water_and_a_lost_lease_stops_it(simulation: PlantSimulation) -> None:
    simulation.step(at(0))
    answers = simulation.deliver("station", "pump1", start_pump1(lease_seconds=100), at(60))
    assert statuses(answers) == ["accepted", "done"]
    assert simulation.value("station/flow") == pytest.approx(51.9, abs=0.5)
    before = simulation.value("tank1/level")
    simulation.step(at(159))
    assert simulation.value("tank1/level") > before
    messages = simulation.step(at(160))
    assert [state["state"] for state in contents(messages, Kind.STATE)] == ["stopped"]
    assert simulation.value("station/flow") == pytest.approx(0.0, abs=0.01)
    assert [(switch.seconds, switch.running) for switch in simulation.day().switches] == [(60, True), (160, False)]


def test_a_command_takes_effect_at_its_own_time_and_not_at_the_next_step(simulation: PlantSimulation) -> None:
    simulation.step(at(0))
    simulation.deliver("station", "pump1", start_pump1(), at(30))
    simulation.step(at(60))
    assert [switch.seconds for switch in simulation.day().switches] == [30]


def test_faults_bend_what_is_shown_and_not_the_water(riverside: PlantFile) -> None:
    with Hydraulics(RIVERSIDE) as water:
        simulation = simulation_of(water, riverside, "tank1/level:drift=0.01@0-1000")
        simulation.step(at(0))
        messages = simulation.step(at(100))
        assert values(messages, "level") == [pytest.approx(simulation.value("tank1/level") + 1.0)]


def test_a_restarted_station_stops_its_pumps(simulation: PlantSimulation) -> None:
    simulation.step(at(0))
    simulation.deliver("station", "pump1", start_pump1(), at(10))
    messages = simulation.restart("station", at(20))
    assert [m.payload for m in messages if m.route.kind is Kind.STATUS] == [b"offline", b"online"]
    assert simulation.value("station/flow") == pytest.approx(0.0, abs=0.01)


def test_an_announcement_repeats_status_and_states(simulation: PlantSimulation) -> None:
    simulation.step(at(0))
    messages = simulation.announce("station", at(5))
    assert [m.route.kind for m in messages] == [Kind.STATUS, Kind.STATE, Kind.STATE]
    assert all(m.retain for m in messages)


def test_what_is_not_mapped_is_silent_and_fails(riverside: PlantFile) -> None:
    section = {"sensors": {"tank1/level": {"element": "tank:T1", "property": "level"}}}
    with Hydraulics(RIVERSIDE) as water:
        simulation = PlantSimulation(water, parse_mapping(section, "plant.toml"), riverside.plant)
        messages = simulation.step(at(0))
        assert [m.route.name for m in messages if m.route.kind is Kind.TELEMETRY] == ["level"]
        assert not contents(messages, Kind.STATE)
        assert statuses(simulation.deliver("station", "pump1", start_pump1(), at(1))) == ["accepted", "failed"]


def test_mapping_and_faults_are_checked_at_the_start(riverside: PlantFile) -> None:
    with Hydraulics(RIVERSIDE) as water:
        wrong = {"sensors": {"tank1/level": {"element": "tank:T2", "property": "level"}}}
        with pytest.raises(ConfigurationError, match="no tank T2"):
            PlantSimulation(water, parse_mapping(wrong, "plant.toml"), riverside.plant)
        with pytest.raises(UsageError, match="no tower"):
            simulation_of(water, riverside, "tower:offline")


def test_the_sample_names_its_network_and_uses_every_kind_of_test(riverside: PlantFile) -> None:
    assert parse_mapping(riverside.simulation, "plant.toml").network == RIVERSIDE.name
    level = riverside.plant.nodes["tank1"].sensors["level"]
    assert list(level.quality) == [test.name for test in TESTS]


@pytest.fixture(scope="module")
def agents_day() -> Iterator[tuple[PlantSimulation, LockStep]]:
    """A day of the sample plant under the sample plans, in lock-step."""
    from edge_agent.settings.plantfile import load_plant_file  # noqa: PLC0415 - the fixture of that name is per test

    file = load_plant_file(RIVERSIDE.with_name("plant.toml"))
    knowledge = Knowledge(file.plant, file.plant.policy, Remembered(), Moment(START, 0.0), agent="a", mode="auto")
    with Hydraulics(RIVERSIDE) as water:
        lockstep = LockStep(simulation_of(water, file), knowledge)
        for _ in lockstep.run(24 * 3600, 10):
            pass
        yield lockstep.simulation, lockstep


def test_a_first_fill_and_stop_fits_into_a_short_demo(agents_day: tuple[PlantSimulation, LockStep]) -> None:
    first, second = agents_day[0].day().switches[:2]
    assert (first.pump, first.running) == ("P1", True)
    assert first.seconds < 6 * 60
    assert (second.pump, second.running) == ("P1", False)
    assert second.seconds < 40 * 60


def test_the_tower_stays_between_its_limits_and_the_peak_needs_both_pumps(
    agents_day: tuple[PlantSimulation, LockStep],
) -> None:
    day = agents_day[0].day()
    assert day.lowest["T1"] > LOW_LOW
    assert day.highest["T1"] < HIGH_HIGH
    assert day.starts["P2"] >= 1
    morning = [switch.seconds / 3600 for switch in day.switches if switch.pump == "P2" and switch.running]
    assert all(7 <= hour <= 10 for hour in morning)


def test_the_agent_costs_about_what_the_native_controls_do(agents_day: tuple[PlantSimulation, LockStep]) -> None:
    ours, theirs = agents_day[0].day(), native(RIVERSIDE, 24)
    assert sum(ours.energy_kwh.values()) == pytest.approx(sum(theirs.energy_kwh.values()), rel=0.05)
    assert theirs.starts["P2"] >= 1


def test_a_sound_day_has_no_doubtful_reading_and_no_command_that_missed(
    agents_day: tuple[PlantSimulation, LockStep],
) -> None:
    turns = agents_day[1].turns
    settled = {reading.flag for turn in turns for reading in [*turn.readings, *turn.settled] if reading.settled}
    assert settled == {1}
    assert not [letter for turn in turns for letter in turn.dead_letters]
    outcomes = {event.state.value for turn in turns for event in turn.command_events}
    assert outcomes == {"published", "accepted", "done"}
