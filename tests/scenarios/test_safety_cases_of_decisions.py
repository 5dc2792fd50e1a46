"""A decision ends with its run, its plan and its evidence; protections and cooldown do what they are for."""

from __future__ import annotations

import pytest
from support.plants import plan
from support.waterworks import FILL, HOUR, STOP, World, level, limits, protected, readme, silent

from edge_agent.model.plant import EVIDENCE_SECONDS

NO_EVIDENCE = "station/pump1:no_evidence"
FILL_BY_2 = plan("fill_tank1", "tank1/level:low", ("station/pump2", "start"))


def two_pumps(*plans):
    return readme(plans or (FILL, STOP), actuators=[protected(), protected("station/pump2")])


def killed_while_low(shows=None):
    """A world whose agent died just after it had asked for filling, and is back three hours later."""
    world = World().filling(1.5)
    assert "tank1/level:low" in world.alarms
    world.restart(down_seconds=0)
    if shows is not None:
        world.fault(shows)
    world.station.by_hand(world.at, on=False)  # its lease has run out meanwhile
    return world


def test_nothing_starts_on_a_decision_of_before_the_restart():
    world = killed_while_low()
    world.level = 5.0  # filled by others
    world.restart(down_seconds=3 * HOUR)
    back = world.at
    world.run(4 * HOUR)  # not long enough to be low again
    assert "start" not in world.since(back)
    assert 1.7 < world.level < 2.5


def test_nothing_starts_after_a_restart_without_one_reading():
    world = killed_while_low(silent)
    world.restart(down_seconds=3 * HOUR)
    back = world.at
    world.run(12 * HOUR)
    assert "start" not in world.since(back)
    assert NO_EVIDENCE in world.alarms


def test_a_tank_that_is_low_after_the_restart_is_filled_on_fresh_readings():
    world = killed_while_low()
    world.level = 1.0
    world.restart(down_seconds=60)
    back = world.at
    world.run(9)
    assert "start" not in world.since(back)
    world.run(120)
    assert world.runs


@pytest.mark.parametrize("down_seconds", [5, 400])
def test_a_pump_that_runs_over_a_restart_goes_on_once_there_is_evidence(down_seconds):
    world = World().filling()
    world.restart(down_seconds=down_seconds)
    assert world.runs
    assert world.since(world.at) == []
    world.run(4 * HOUR, until=lambda: not world.runs)
    assert world.level > 5.2
    assert [on for _, _, on in world.station.switches] == [True, False]


def test_a_pump_that_runs_over_a_restart_is_stopped_where_no_reading_comes():
    world = World().filling()
    world.fault(silent)
    world.restart(down_seconds=5)
    back = world.at
    world.run(EVIDENCE_SECONDS + 12)
    assert not world.runs
    assert set(world.since(back)) == {"stop"}
    world.run(12 * HOUR)
    assert world.spilled == 0.0


def test_a_plan_that_comes_to_use_another_pump_ends_the_request_for_the_first():
    world = World(two_pumps()).filling()
    world.edit(FILL_BY_2, STOP)
    world.run(300)
    assert not world.station.running["station/pump1"]
    world.run(12 * HOUR)
    assert world.spilled == 0.0


def test_an_edited_plan_that_asks_for_the_same_keeps_it_running():
    world = World().filling()
    world.edit(plan("fill_tank1", FILL.when, ("station/pump1", "start"), cooldown_seconds=60.0), STOP)
    world.run(3000)
    assert [on for _, _, on in world.station.switches] == [True]


@pytest.mark.parametrize("plans", [(), (FILL,), (STOP,)], ids=["none", "no stop plan", "no fill plan"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_request_ends_with_the_plans_that_carried_it(plans, restarted):
    world = World().filling()
    world.edit(*plans)
    if restarted:
        world.restart()
    world.run(12 * HOUR)
    assert not world.runs
    assert world.spilled == 0.0
    assert world.highest < 5.3


def test_a_plant_in_which_nothing_stops_a_pump_does_not_run_over():
    world = World(readme([FILL]))
    world.run(12 * HOUR)
    assert world.starts()
    assert world.spilled == 0.0


def test_two_plans_that_fight_over_a_pump_start_it_no_oftener_than_its_motor_bears():
    near = limits(low=3.0, high=3.001)
    site = readme(
        actuators=[protected(min_on_seconds=10.0, max_starts_per_hour=12)],
        thresholds=[each.__class__(each.node, each.sensor, each.name, each.limit) for each in near],
    )
    world = World(site, at_level=3.0, fall=1 / 2000)
    world.run(3 * HOUR, until=lambda: False)
    starts = world.starts()
    assert 12 < len(starts) <= 36
    assert all(sum(at <= other < at + HOUR for other in starts) <= 12 for at in starts)
    assert world.spilled == 0.0


def test_cooldown_never_delays_a_stop():
    stop = plan("stop_at_high", STOP.when, ("station/pump1", "stop"), cooldown_seconds=3600.0)
    world = World(readme([FILL, stop], actuators=[protected(min_on_seconds=10.0)]))
    for _ in range(3):
        world.level = 1.4
        world.run(60)
        assert world.runs
        world.level = 5.5
        world.run(40)
        assert not world.runs


def test_cooldown_delays_a_start():
    fill = plan("fill_tank1", FILL.when, ("station/pump1", "start"), cooldown_seconds=1800.0)
    world = World(readme([fill, STOP], actuators=[protected(min_on_seconds=10.0)]))
    for level_ in (1.4, 5.5, 1.4):
        world.level = level_
        world.run(60)
    assert not world.runs
    world.run(1800)
    assert world.runs


def shipped():
    """Two pumps that start together where the suction lets them."""
    fill = plan(
        "fill_tank1",
        "tank1/level:low",
        ("station/pump1", "start"),
        ("station/pump2", "start"),
        unless=("station/suction:low",),
    )
    suction = level("station/suction", gross_range=None)
    return readme(
        [fill, plan("stop_at_high", STOP.when, ("station/pump1", "stop"), ("station/pump2", "stop"))],
        actuators=[protected(), protected("station/pump2")],
        sensors=[level(), suction],
        thresholds=[*limits(), limits("station/suction", low=0.3)[0]],
    )


def test_a_suction_that_was_never_heard_keeps_both_pumps_from_starting():
    world = World(shipped(), at_level=1.0)
    world.fault(silent, of="station/suction")
    world.run(4 * HOUR)
    assert world.given == []


def test_two_pumps_of_one_plan_start_one_after_the_other():
    world = World(shipped(), at_level=1.0)
    world.truths["station/suction"] = lambda: 1.0
    world.run(120)
    assert len(world.starts()) == 2
    assert world.closest_starts() >= 5


def test_a_suction_that_falls_silent_ends_what_it_permitted():
    world = World(shipped(), at_level=1.0)
    world.truths["station/suction"] = lambda: 1.0
    world.filling(1.3)
    world.fault(silent, of="station/suction")
    world.run(EVIDENCE_SECONDS + 12)
    assert not world.runs
    assert {NO_EVIDENCE, "station/pump2:no_evidence"} <= world.alarms
