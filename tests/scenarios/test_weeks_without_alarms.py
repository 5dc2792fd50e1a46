"""Weeks in which nothing is wrong: pumps are switched by set points all the time, and no operator is told of it."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support.lockstep import START, LockStep
from support.noderig import library

from edge_agent.known import Knowledge
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import Moment
from edge_agent.settings.plantfile import load_plant_file, plant_from
from edge_agent.simulate.hydraulics import Hydraulics, native
from edge_agent.simulate.mapping import parse_mapping
from edge_agent.simulate.plant import PlantSimulation
from edge_agent.simulate.scaffold import scaffold

if TYPE_CHECKING:
    from edge_agent.settings.plantfile import PlantFile
    from edge_agent.simulate.network import DayRecord

CTOWN = Path(__file__).parents[1] / "data" / "C-Town.inp"
CONFIG = Path(__file__).parents[2] / "config"
DAYS = 7
STEP_SECONDS = 60
NETWORKS = {"C-Town": CTOWN, "Net1": library("Net1"), "Net3": library("Net3")}


class Week(NamedTuple):
    """What a week came to, by the agent with a plant file that nobody edited."""

    record: DayRecord
    events: Counter[str]
    annunciated: int
    told: int
    own: DayRecord


def run(file: PlantFile, path: Path | str, seconds: int, step_seconds: int) -> Week:
    """Let the agent run a network in lock-step, and count what happened to alarms and switch points."""
    events: Counter[str] = Counter()
    annunciated = told = 0
    with Hydraulics(path, step_seconds=step_seconds) as hydraulics:
        simulation = PlantSimulation(hydraulics, parse_mapping(file.simulation, "plant.toml"), file.plant)
        start = Moment(START, 0.0)
        knowledge = Knowledge(file.plant, file.plant.policy, Remembered(), start, agent="lock-step", mode="auto")
        lockstep = LockStep(simulation, knowledge)
        for _ in lockstep.run(seconds, step_seconds):
            for turn in lockstep.turns:
                events.update(str(event.event) for event in turn.alarm_events)
                annunciated += sum(event.annunciated for event in turn.alarm_events)
                told += sum(alarm.annunciated for alarm in turn.alarms)
            lockstep.turns.clear()
        return Week(simulation.day(), events, annunciated, told, native(path, seconds // 3600))


@pytest.fixture(scope="module", params=NETWORKS)
def week(request: pytest.FixtureRequest) -> Week:
    path = NETWORKS[request.param]
    file = plant_from(tomllib.loads(scaffold(path, "week")), Path("plant.toml"))
    return run(file, path, DAYS * 86_400, STEP_SECONDS)


def test_no_alarm_is_raised_and_none_is_published(week: Week) -> None:
    assert (week.annunciated, week.told) == (0, 0)
    assert set(week.events) == {"on", "off"}


def test_every_switch_is_in_the_journal(week: Week) -> None:
    assert week.events["on"] >= len(week.record.switches)


def test_the_tanks_are_kept_as_the_controls_of_the_file_keep_them(week: Week) -> None:
    agent, own = sum(week.record.energy_kwh.values()), sum(week.own.energy_kwh.values())
    assert agent == pytest.approx(own, rel=0.002)
    assert sum(week.record.starts.values()) == pytest.approx(sum(week.own.starts.values()), abs=5)
    for tank in week.own.highest:
        assert week.record.highest[tank] == pytest.approx(week.own.highest[tank], abs=0.1)
        assert week.record.lowest[tank] == pytest.approx(week.own.lowest[tank], abs=0.1)


def test_a_day_by_rules_is_that_of_the_file() -> None:
    path = CTOWN.parent / "rules.inp"
    day = run(plant_from(tomllib.loads(scaffold(path, "day")), Path("plant.toml")), path, 86_400, STEP_SECONDS)
    assert sum(day.record.energy_kwh.values()) == pytest.approx(sum(day.own.energy_kwh.values()), rel=0.01)
    assert day.record.starts == day.own.starts
    assert day.own.starts["P2"] > 0
    assert day.record.highest["T1"] == pytest.approx(day.own.highest["T1"], abs=0.1)
    assert day.record.lowest["T1"] == pytest.approx(day.own.lowest["T1"], abs=0.1)
    assert (day.annunciated, day.told) == (0, 0)


def test_two_days_of_the_sample_plant_file_come_without_an_alarm() -> None:
    file = load_plant_file(CONFIG / "plant.toml")
    days = run(file, CONFIG / "riverside.inp", 2 * 86_400, 10)
    assert (days.annunciated, days.told, set(days.events)) == (0, 0, {"on", "off"})
    assert sum(days.record.energy_kwh.values()) > 0
