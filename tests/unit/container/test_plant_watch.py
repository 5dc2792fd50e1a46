from __future__ import annotations

import pytest
from support.plants import Bench, ack, plant, sensor, state, status, threshold

from edge_agent.container.plantwatch import PlantWatch
from edge_agent.model.inbox import BreakerReport
from edge_agent.model.plant import Policy
from edge_agent.observe.exposition import PlantExposition


class BenchClock:
    """The manual clock of a bench."""

    def __init__(self, bench):
        self._bench = bench

    def now(self):
        return self._bench.now


@pytest.fixture
def bench():
    made = Bench()
    made.turn(status(online=True), status(online=True, node="tank1"), state("stopped"))
    return made


def look(bench):
    return PlantWatch(bench.knowledge, BenchClock(bench))


def scraped(bench):
    """Every sample of a scrape, as text without its values' prefix."""
    lines = "".join(PlantExposition().pieces(look(bench))).splitlines()
    return dict(line.removeprefix("edge_agent_").rsplit(" ", 1) for line in lines if line[0] != "#")


PUMP = '{node="station",actuator="pump1"}'


def filling(bench):
    """Let the plan start the pump, and the pump run."""
    bench.level(1.2, after=1)
    command = bench.commands[-1]
    bench.turn(ack(command, "done"), state("running"), after=1)


def test_a_plan_that_applies_and_what_it_requests_are_shown(bench):
    before = scraped(bench)
    assert before['plan_applies{plan="fill_tank1"}'] == "0"
    assert f"actuator_desired{PUMP}" not in before
    filling(bench)
    after = scraped(bench)
    assert after['plan_applies{plan="fill_tank1"}'] == "1"
    assert after[f"actuator_desired{PUMP}"] == "1"
    assert after['alarm_active{node="tank1",sensor="level",threshold="low",priority="medium"}'] == "1"
    assert after['alarm_active{node="tank1",sensor="level",threshold="high",priority="medium"}'] == "0"


def test_starts_and_running_time_are_those_that_the_equipment_reports(bench):
    filling(bench)
    bench.wait(60)
    found = scraped(bench)
    assert found[f"actuator_starts_total{PUMP}"] == "1"
    assert float(found[f"actuator_run_seconds_total{PUMP}"]) == 60
    bench.turn(state("stopped"), after=10)
    bench.wait(60)
    assert float(scraped(bench)[f"actuator_run_seconds_total{PUMP}"]) == 70


def test_equipment_in_hand_or_out_of_reach_cannot_be_had(bench):
    def available():
        return scraped(bench)[f"actuator_available{PUMP}"]

    assert available() == "1"
    bench.turn(state("stopped", control="local"), after=1)
    assert available() == "0"
    bench.turn(state("stopped", control="remote"), after=1)
    assert available() == "1"
    bench.turn(breakers=[BreakerReport("station", "open")])
    assert available() == "0"
    bench.turn(breakers=[BreakerReport("station", "closed")])
    bench.turn(status(online=False), after=1)
    assert available() == "0"


def test_a_changed_limit_is_shown_as_it_is_in_force(bench):
    place = '{node="tank1",sensor="level",threshold="low"}'
    assert scraped(bench)[f"threshold_limit{place}"] == "1.5"
    bench.turn(policy=Policy((threshold("low", 1.25),), bench.site.policy.plans))
    found = scraped(bench)
    assert found[f"threshold_limit{place}"] == "1.25"
    assert not [name for name in found if 'threshold="high"' in name]


def test_a_large_plant_is_looked_at_in_parts_that_are_all_of_it():
    names = [f"n{number // 100}/s{number % 100}" for number in range(1_234)]
    site = plant([sensor(name) for name in names], thresholds=[threshold("low", 1.0, name) for name in names], plans=())
    watch = look(Bench(site))
    parts = list(watch.sensors())
    assert [f"{view.node}/{view.sensor}" for part in parts for view in part] == names
    assert max(map(len, parts)) <= 500
    limits = list(watch.thresholds())
    assert [f"{limit.node}/{limit.sensor}" for part in limits for limit in part] == names
    assert max(map(len, limits)) <= 500
    assert max(piece.count("\n") for piece in PlantExposition().pieces(watch)) <= 500


def test_sensors_are_looked_at_when_their_turn_comes(bench):
    looks = look(bench).sensors()
    bench.level(3.0, after=1)
    (view,) = next(iter(looks))
    assert view.value == 3.0
