"""What an engineer demands where the equipment, its node or a hand at its panel does otherwise than requested."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.plants import LOW, Bench, ack, later, plan, plant, published, pump, reading, state, status, threshold
from support.tankworld import HOURS, TankWorld, filling, level

from edge_agent.model.inbox import Operation


def test_a_station_that_is_deaf_when_the_stop_is_due_raises_the_gravest_alarm():
    world = filling(TankWorld(), until=5.1)
    world.obeys = "deaf"
    world.run(30 * 60, until=lambda w: "station/pump1:stop_not_confirmed" in w.alarms())
    alarm = next(a for a in world.bench.knowledge.analyzer.register.alarms if a.key.threshold == "stop_not_confirmed")
    assert alarm.priority == "critical"
    world.run(900, until=lambda w: not w.running)
    assert not world.running  # its own lease has stopped it
    assert world.spilled == 0


def test_an_offline_station_is_sent_the_stop_all_the_same():
    world = filling(TankWorld(), until=5.1)
    world.bench.turn(status(False))
    world.run(1800, until=lambda w: not w.running)
    assert world.actions[-1] == "stop"


def test_a_pump_stopped_at_the_panel_stays_so_until_it_is_released():
    world = filling(TankWorld())
    given = len(world.commands)
    world.switch(on=False)
    world.run(2 * HOURS)
    assert len(world.commands) == given
    assert "station/pump1:not_in_auto" in world.alarms()
    world.bench.turn(operations=[Operation("release", "station/pump1", "ada", "done")])
    world.run(60)
    assert world.running
    assert "station/pump1:not_in_auto" not in world.alarms()


def test_a_pump_run_by_hand_is_told_once_and_then_it_is_an_alarm():
    world = TankWorld(at=3.0)
    world.level = 5.5
    world.run(60)
    given = len(world.commands)
    world.obeys = "nothing"
    world.switch(on=True)
    world.run(1800)
    assert len(world.commands) - given == 1
    assert "station/pump1:contradicts" in world.alarms()


@pytest.mark.parametrize("panel", ["local", "off", ["?"]])
def test_what_is_in_local_is_commanded_nothing(panel):
    world = filling(TankWorld())
    given = len(world.commands)
    world.bench.turn(state("stopped", control=panel))
    world.running, world.lease = False, None
    world.run(2 * HOURS)
    assert len(world.commands) == given
    assert "station/pump1:not_in_auto" in world.alarms()
    world.bench.turn(state("stopped", control="remote"))
    world.run(600)
    assert len(world.commands) > given


def test_a_node_that_rejects_everything_is_an_alarm_and_asked_again_when_it_reports():
    world = TankWorld()
    world.obeys = "rejected"
    world.run(2 * HOURS)
    assert "station/pump1:failed" in world.alarms()
    given = len(world.commands)
    assert given < 120
    world.obeys = "done"
    world.bench.turn(state("stopped", 0.0))
    world.run(10)
    assert len(world.commands) == given + 1


def test_ten_stations_whose_power_is_back_start_one_after_the_other():
    names = [f"s{number}" for number in range(10)]
    limits = [threshold("low", 1.5, of=f"{name}/level") for name in names]
    limits += [threshold("high", 5.2, of=f"{name}/level") for name in names]
    plans = [plan(f"fill_{name}", f"{name}/level:low", (f"{name}/pump", "start")) for name in names]
    plans += [plan(f"stop_{name}", f"{name}/level:high", (f"{name}/pump", "stop")) for name in names]
    bench = Bench(
        plant([level(f"{name}/level") for name in names], [pump(f"{name}/pump") for name in names], limits, plans)
    )
    started = []
    for second in range(120):
        heard = names if second % 10 == 0 else []
        told = [reading(1.0, later(1, bench.now), of=f"{name}/level") for name in heard]
        for command in bench.turn(*told, after=1).commands:
            started.append(second)
            bench.turn(ack(command, "done"), state("running", of=command.target), deliveries=[published(command)])
    assert len(started) == 10
    assert min(b - a for a, b in pairwise(started)) >= 5
    assert started[-1] <= 70


def dry(**more):
    dry_limits = [LOW, threshold("low_low", 0.3, of="station/suction", deadband=0.1)]
    protect = plan("protect", "station/suction:low_low", ("station/pump1", "stop"), priority=90, trip=True, **more)
    fill = plan("fill", "tank1/level:low", ("station/pump1", "start"), unless=["station/suction:low_low"])
    site = plant(
        [level(), level("station/suction", gross_range=None)], [pump(min_on_seconds=300)], dry_limits, [fill, protect]
    )
    return TankWorld(site)


def wet(world, pressure):
    world.also = lambda _: [reading(pressure, later(5, world.bench.now), of="station/suction")]


@pytest.mark.parametrize("latch", [False, True])
def test_a_dry_well_trips_the_pump_whatever_it_has_run(latch):
    world = dry(latch=latch)
    wet(world, 1.0)
    filling(world, until=1.41)
    wet(world, 0.1)
    world.run(20)
    assert not world.running
    assert "station/pump1:tripped" in world.alarms()
    wet(world, 1.0)
    world.run(600)
    assert world.running is not latch
    world.bench.turn(operations=[Operation("reset", "station/pump1", "ada", "water is back")])
    world.run(600)
    assert "station/pump1:tripped" not in world.alarms()


def test_a_pump_whose_suction_was_never_heard_is_not_started():
    world = dry()
    world.run(HOURS)
    assert world.actions == []


def test_a_pump_that_fails_three_times_is_locked_out_until_a_person_resets_it():
    world = TankWorld()
    world.obeys = "failed"
    world.run(2 * HOURS)
    assert len(world.commands) == 3
    assert {"station/pump1:failed", "station/pump1:locked_out"} <= world.alarms()
    world.obeys = "done"
    world.bench.turn(operations=[Operation("reset", "station/pump1", "ada", "fuse replaced")])
    world.run(60)
    assert world.running
    assert "station/pump1:locked_out" not in world.alarms()


def test_a_node_that_says_done_while_the_pump_stands_still_is_found_out():
    world = TankWorld()
    world.obeys = "nothing"
    world.run(12 * HOURS)
    assert len(world.commands) <= 4
    assert {"station/pump1:locked_out"} <= world.alarms()


def test_cooldown_never_delays_a_stop():
    stop = plan("full", "tank1/level:high", ("station/pump1", "stop"), cooldown_seconds=3600)
    world = TankWorld(
        plant([level()], [pump()], plans=[plan("fill", "tank1/level:low", ("station/pump1", "start")), stop])
    )
    for _ in range(3):
        world.level = 1.4
        world.run(60)
        assert world.running
        world.level = 5.5
        world.run(60)
        assert not world.running
