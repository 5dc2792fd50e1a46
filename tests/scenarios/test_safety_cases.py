"""What an engineer demands of a level that cannot be seen: no water over the brim, whatever fails."""

from __future__ import annotations

import pytest
from support.plants import HIGH, LOW, later, plan, plant, pump, reading, state, status, threshold
from support.tankworld import FILL, HOURS, STOP, TankWorld, filling, level

from edge_agent.model.plant import Fallback, FlatLine, Policy

NO_EVIDENCE = "station/pump1:no_evidence"


def silent(_true):
    return None


@pytest.mark.parametrize("shown", [silent, lambda _: -1.0], ids=["silent", "wire break"])
def test_a_level_sensor_that_fails_while_filling_ends_the_request(shown):
    world = filling(TankWorld())
    world.shows = shown
    world.run(330)
    assert not world.running
    assert NO_EVIDENCE in world.alarms()
    world.run(12 * HOURS)
    assert world.spilled == 0


def test_a_frozen_sensor_stops_the_pump_when_the_flat_line_is_flagged():
    site = plant([level(flat_line=FlatLine(0.001, 1800, 3600))], [pump()], [LOW, HIGH], [FILL, STOP])
    world = filling(TankWorld(site))
    frozen = world.level
    world.shows = lambda _: frozen
    world.run(12 * HOURS)
    assert world.spilled == 0
    assert not world.running


def test_a_level_node_that_goes_offline_is_as_one_that_is_silent():
    world = filling(TankWorld())
    world.shows = silent
    world.bench.turn(status(False, "tank1"))
    world.run(12 * HOURS)
    assert world.spilled == 0
    assert {NO_EVIDENCE, "tank1:offline"} <= world.alarms()


def test_timed_filling_keeps_the_tank_between_empty_and_full():
    timed = (Fallback(run_seconds=1200, every_seconds=6000, at_most_seconds=86_400), Fallback(do="fail_safe"))
    fill = plan("fill", "tank1/level:low", ("station/pump1", "start"), without_evidence=timed)
    world = filling(TankWorld(plant([level()], [pump()], [LOW, HIGH], [fill, STOP])))
    world.shows = silent
    world.run(23 * HOURS)
    assert world.spilled == 0
    assert world.lowest > 0.5
    assert NO_EVIDENCE not in world.alarms()
    world.run(3 * HOURS)  # a day is over
    assert not world.running
    assert NO_EVIDENCE in world.alarms()


def test_a_second_sensor_takes_the_place_of_the_first():
    limits = [
        LOW,
        HIGH,
        threshold("low", 1.5, of="tank1/backup", deadband=0.2),
        threshold("high", 5.2, of="tank1/backup"),
    ]
    use = (Fallback(use="tank1/backup"),)
    plans = [
        plan("fill", "tank1/level:low", ("station/pump1", "start"), without_evidence=use),
        plan("full", "tank1/level:high", ("station/pump1", "stop"), without_evidence=use),
    ]
    world = TankWorld(plant([level(), level("tank1/backup")], [pump()], limits, plans))
    world.also = lambda true: [reading(round(true, 3), later(5, world.bench.now), of="tank1/backup")]
    filling(world)
    world.shows = silent
    world.run(24 * HOURS)
    assert world.spilled == 0
    assert world.lowest > 1.3
    assert world.switches >= 4  # it went on filling and stopping


def test_a_sensor_that_comes_back_full_and_doubtful_stops_the_pump():
    world = filling(TankWorld(), until=5.0)
    world.shows = silent
    world.run(150)
    world.shows = lambda _: 5.9  # beyond what is usual: suspect
    world.run(60)
    assert not world.running
    assert world.commands[-1].reason.startswith("doubtful readings")


def test_nothing_starts_on_a_decision_of_before_the_restart():
    world = TankWorld()
    world.obeys = "deaf"
    world.run(60)
    assert world.actions == ["start"] * len(world.actions)
    given = len(world.commands)
    world.level = 5.9  # others have filled it meanwhile
    world.bench.restart(after=3 * HOURS)
    world.obeys = "done"
    world.bench.turn(status(True), state("stopped"))
    world.run(12 * HOURS, until=lambda w: w.level < 3)
    assert "start" not in [command.action for command in world.commands[given:]]


def test_the_same_with_a_dead_sensor_commands_nothing_but_the_stop():
    world = filling(TankWorld())
    given = len(world.commands)
    world.shows = silent
    world.bench.restart(after=60)
    world.bench.turn(status(True), state("running"))
    world.run(12 * HOURS)
    assert {command.action for command in world.commands[given:]} == {"stop"}
    assert world.spilled == 0
    assert NO_EVIDENCE in world.alarms()


def test_a_restart_keeps_what_it_finds_running_once_there_is_evidence():
    world = filling(TankWorld())
    world.bench.restart(after=20)
    world.bench.turn(status(True), state("running"))
    world.run(12 * HOURS)
    assert world.spilled == 0
    assert world.level > 1.2
    assert world.switches >= 2


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(
    "left",
    [
        [plan("fill", "tank1/level:low", ("station/pump2", "start")), STOP],
        [],
        [FILL],
    ],
    ids=["the other pump", "no plan", "no stop plan"],
)
def test_a_request_ends_with_its_plan(left, restarted):
    site = plant([level()], [pump(), pump("station/pump2")], [LOW, HIGH], [FILL, STOP])
    world = filling(TankWorld(site))
    world.bench.turn(policy=Policy(site.policy.thresholds, tuple(left)))
    if restarted:
        world.bench.site = plant([level()], [pump(), pump("station/pump2")], [LOW, HIGH], left)
        world.bench.restart(after=10)
        world.bench.turn(status(True), state("running"))
    world.run(12 * HOURS)
    assert world.spilled == 0


def test_two_plans_that_fight_switch_no_pump_more_often_than_its_protection_allows():
    fight = plan("fight", "tank1/level:low", ("station/pump1", "stop"), unless=["station/pump1:failed"], priority=60)
    site = plant([level()], [pump(min_on_seconds=10, min_off_seconds=10, max_starts_per_hour=12)], [LOW, HIGH],
                 [FILL, STOP, fight])  # fmt: skip
    world = TankWorld(site)
    world.run(3 * HOURS)
    assert world.actions.count("start") <= 36


def test_a_level_that_jumps_across_both_limits_switches_a_pump_at_most_six_times_a_minute():
    world = TankWorld(min_on_seconds=10, min_off_seconds=10, max_starts_per_hour=12)
    for number in range(6000):
        world.bench.level(1.0 if number % 2 else 5.5, after=0.01)
        world._obey()
    assert world.switches <= 6
    assert len(world.commands) <= 8


def test_the_pump_is_not_switched_more_often_than_water_asks_for():
    world = TankWorld()
    world.run(24 * HOURS)
    assert world.spilled == 0
    assert world.lowest > 1.3
    assert world.switches <= 6
