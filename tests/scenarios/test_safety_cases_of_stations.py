"""Stations that are deaf, gone, unwilling or broken, a dry well, and power that comes back everywhere at once."""

from __future__ import annotations

import pytest
from support.plants import plan, state
from support.waterworks import FILL, HOUR, STOP, Station, World, level, limits, protected, readme

from edge_agent.model.inbox import Operation

FAILED, LOCKED_OUT = "station/pump1:failed", "station/pump1:locked_out"
STOP_NOT_CONFIRMED, TRIPPED = "station/pump1:stop_not_confirmed", "station/pump1:tripped"


def reset(world, target="station/pump1"):
    world.tell(operations=[Operation("reset", target, "ada", "fuse replaced")])


# The stop does not arrive --------------------------------------------------------------------------------------------


def test_a_deaf_station_is_stopped_by_its_lease_and_the_stop_is_a_critical_alarm():
    world = World().filling(5.1)
    world.station.way = "deaf"
    world.run(600, until=lambda: "stop" in world.since(0))
    due = world.at
    world.run(60)
    assert STOP_NOT_CONFIRMED in world.alarms
    alarms = world.bench.knowledge.analyzer.register.alarms
    assert [str(a.priority) for a in alarms if str(a.key) == STOP_NOT_CONFIRMED] == ["critical"]
    world.run(900, until=lambda: not world.runs)
    assert world.at - due <= 900
    world.run(5)
    assert STOP_NOT_CONFIRMED not in world.alarms
    world.run(12 * HOUR)
    assert world.spilled == 0.0


def test_an_offline_station_is_sent_the_stop_and_nothing_else():
    world = World().filling(5.1)
    world.station.online = False
    world.tell(*world.station.announce()[:1])
    gone = world.at
    world.run(1200, until=lambda: not world.runs)
    assert not world.runs
    assert set(world.since(gone)) == {"stop"}
    assert world.spilled == 0.0


def test_a_station_that_hears_again_is_stopped_at_once():
    world = World(readme(actuators=[protected(lease_seconds=3600.0)])).filling(5.1)
    world.station.way = "deaf"
    world.run(900)
    assert world.runs
    world.station.way = "obeys"
    world.run(61 + 15, until=lambda: not world.runs)
    assert not world.runs
    world.run(5)
    assert STOP_NOT_CONFIRMED not in world.alarms


# The node will not, or cannot ----------------------------------------------------------------------------------------


def test_a_node_that_rejects_everything_is_an_alarm_and_is_asked_again_when_it_reports():
    world = World(at_level=1.4, fall=0.0)
    world.station.way = "rejects"
    world.run(12 * HOUR)
    assert FAILED in world.alarms
    assert LOCKED_OUT not in world.alarms
    assert len(world.given) <= 12 * HOUR / 450 + 10
    world.station.way = "obeys"
    asked = world.at
    world.tell(state("stopped", 0.0))
    world.run(2)
    assert world.since(asked) == ["start"]
    world.run(10)
    assert FAILED not in world.alarms


def test_a_pump_that_fails_three_times_is_locked_out_and_the_next_one_is_used():
    second = plan(
        "fill_with_pump2", ("tank1/level:low", "station/pump1:locked_out"), ("station/pump2", "start"), priority=40
    )
    stop = plan("stop_at_high", STOP.when, ("station/pump1", "stop"), ("station/pump2", "stop"))
    world = World(
        readme([FILL, second, stop], actuators=[protected(), protected("station/pump2")]), at_level=1.4, fall=1e-6
    )
    whole = Station.take

    def take(command, at):
        world.station.way = "fails" if command.target == "station/pump1" else "obeys"
        return whole(world.station, command, at)

    world.station.take = take
    world.run(24 * HOUR)
    assert world.since(0, "station/pump1").count("start") == 3
    assert f"{FAILED} raised" in world.bench.raised()
    assert LOCKED_OUT in world.alarms
    assert world.since(0, "station/pump2").count("start") >= 1
    assert world.highest > 5.2
    assert world.spilled == 0.0


def test_a_lock_out_ends_with_a_reset_and_outlives_a_restart():
    world = World(at_level=1.4, fall=0.0)
    world.station.way = "fails"
    world.run(2 * HOUR)
    world.station.way = "obeys"
    world.restart()
    world.run(2 * HOUR)
    assert world.since(0).count("start") == 3
    assert LOCKED_OUT in world.alarms
    reset(world)
    world.run(60)
    assert LOCKED_OUT not in world.alarms
    assert world.runs  # the tank is low, and that is fresh


def test_a_pump_that_stands_still_though_its_node_says_done_is_found_out():
    world = World(at_level=1.4, fall=0.0)
    world.station.way = "pretends"
    world.run(12 * HOUR)
    assert len(world.given) <= 6
    assert LOCKED_OUT in world.alarms


def test_a_stop_is_tried_again_and_again_whatever_failed_before():
    world = World(readme(actuators=[protected(lease_seconds=36_000.0)])).filling(5.1)
    world.station.way = "fails"
    world.run(1800)
    tried = world.since(0).count("stop")
    assert tried >= 15
    assert {FAILED, STOP_NOT_CONFIRMED} <= world.alarms
    world.station.way = "obeys"
    world.run(61)
    assert not world.runs


# The dry well --------------------------------------------------------------------------------------------------------


def well(**more):
    """A plant whose pump must not run dry; the suction falls while it runs where `holds` says so."""
    protect = plan(
        "protect_pump1", "station/suction:low_low", ("station/pump1", "stop"), priority=90, trip=True, **more
    )
    fill = plan("fill_tank1", FILL.when, ("station/pump1", "start"), unless=("station/suction:low_low",))
    dry = limits("station/suction", low=0.3)[0]
    dry = dry.__class__(dry.node, dry.sensor, "low_low", 0.15, 0.1, 0.0, 60.0, "critical")
    site = readme(
        [fill, STOP, protect],
        sensors=[level(), level("station/suction", gross_range=None)],
        thresholds=[*limits(), dry],
    )
    world = World(site, at_level=1.4)
    world.pressure = 1.0
    world.truths["station/suction"] = lambda: world.pressure
    return world


def test_a_dry_well_stops_the_pump_though_it_has_not_run_its_minimum():
    world = well()
    world.run(60, until=lambda: world.runs)
    world.run(20)
    world.pressure = 0.0
    world.run(11)
    assert not world.runs
    assert TRIPPED in world.alarms


def tries_of_the_trip(world, seconds=150):
    """Let the well run dry; return after how many seconds the trip's stop was commanded, each time."""
    world.pressure = 0.0
    world.run(30, until=lambda: "station/suction:low_low" in world.alarms)
    tripped = world.at
    world.run(seconds)
    return [at - tripped for at, command in world.given if at >= tripped and command.action == "stop"]


def before_the_trip(fails, seconds):
    """Return a world whose pump runs, and whose station has not obeyed an ordinary stop for so long."""
    world = well()
    world.run(400)
    assert world.runs
    world.station.way = fails
    if seconds:
        world.level = 5.5
        world.run(60, until=lambda: "stop" in world.since(400))
        world.run(seconds)
    return world


@pytest.mark.parametrize("fails", ["deaf", "rejects", "fails", "pretends"])
@pytest.mark.parametrize("seconds", [3, 20, 45, 100, 170, 240])
def test_a_trip_is_tried_as_soon_and_as_often_as_if_no_stop_had_failed_before(fails, seconds):
    fresh = tries_of_the_trip(before_the_trip(fails, 0))
    tried = tries_of_the_trip(before_the_trip(fails, seconds))
    assert fresh[0] == 0
    assert len(tried) >= len(fresh)
    assert all(ours <= theirs for ours, theirs in zip(tried, fresh, strict=False)), (tried, fresh)


def test_a_dry_well_that_fills_again_lets_the_pump_start_after_its_rest():
    world = well()
    world.run(600)
    world.pressure = 0.0
    world.run(60)
    assert not world.runs
    world.pressure = 1.0
    world.run(200)
    assert TRIPPED not in world.alarms
    assert world.runs


def test_a_well_that_runs_dry_whenever_it_is_pumped_latches_after_the_first_time():
    world = well(latch=True)
    dry_seconds = 0
    for _ in range(6 * HOUR // 10):
        world.pressure = 0.0 if world.runs else 1.0
        world.run(10)
        dry_seconds += 10 * world.runs
    assert dry_seconds <= 30
    assert len(world.starts()) == 1
    assert TRIPPED in world.alarms
    world.restart()
    world.run(HOUR)
    assert len(world.starts()) == 1
    reset(world)
    world.pressure = 1.0
    world.level = 1.4
    world.run(300)
    assert TRIPPED not in world.alarms
    assert world.runs


# Power comes back ----------------------------------------------------------------------------------------------------


def ten_stations(**protections):
    names = [f"s{number}" for number in range(10)]
    return readme(
        [plan(f"fill_{name}", f"{name}/level:low", (f"{name}/pump", "start")) for name in names],
        actuators=[protected(f"{name}/pump", **protections) for name in names],
        sensors=[level(f"{name}/level") for name in names],
        thresholds=[limits(f"{name}/level")[0] for name in names],
    )


@pytest.mark.parametrize("window", [(0.0, 0.0), (10.0, 60.0)])
def test_ten_pumps_of_ten_low_tanks_start_one_after_the_other(window):
    world = World(ten_stations(power_return_seconds=window), at_level=1.0, rise=0.0, fall=0.0)
    world.run(300)
    assert len(world.starts()) == 10
    assert world.closest_starts() >= 5
    assert world.starts()[0] >= window[0]
    assert world.starts()[-1] <= 130


def test_ten_pumps_start_one_after_the_other_when_power_comes_back():
    world = World(ten_stations(power_return_seconds=(10.0, 60.0)), at_level=1.0, rise=0.0, fall=0.0)
    world.run(300)
    before = len(world.starts())
    world.station.power_cut(world.at)
    world.tell(*[m for m in world.station.announce() if m.route.kind == "status"])
    world.run(600)
    assert len(world.starts()) == before
    world.station.online = True
    world.tell(*world.station.announce())
    back = world.at
    world.run(300)
    starts = [at - back for at in world.starts()[before:]]
    assert len(starts) == 10
    assert world.closest_starts() >= 5
    assert starts[0] >= 10
    assert starts[-1] <= 130


def test_the_same_power_return_gives_the_same_starts():
    runs = [World(ten_stations(power_return_seconds=(10.0, 60.0)), at_level=1.0).run(300) for _ in range(2)]
    assert runs[0].station.switches == runs[1].station.switches
