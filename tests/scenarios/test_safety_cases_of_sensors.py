"""What fails at a level sensor while the tank fills: for twelve hours not a drop over the brim, and an alarm."""

from __future__ import annotations

import pytest
from support.plants import plan, status
from support.waterworks import (
    FILL,
    HOUR,
    STOP,
    World,
    broken_wire,
    drifting_down,
    frozen_at,
    level,
    limits,
    readme,
    silent,
)

from edge_agent.model.plant import EVIDENCE_SECONDS, Fallback
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.plan.effect import EFFECT_SECONDS
from edge_agent.plan.risks import risks

NO_EVIDENCE, NO_EFFECT = "station/pump1:no_evidence", "station/pump1:no_effect"
#: A look at the evidence every second, and ten seconds between two readings.
SLACK = 12


def stopped_within(world, seconds):
    """Let the world go on and say whether the pump has stopped by then."""
    world.run(seconds, until=lambda: not world.runs)
    return not world.runs


@pytest.mark.parametrize("shows", [silent, broken_wire])
def test_a_level_that_fails_while_filling_ends_the_request_with_an_alarm(shows):
    world = World().filling()
    world.fault(shows)
    assert stopped_within(world, EVIDENCE_SECONDS + SLACK)
    world.run(2)
    assert NO_EVIDENCE in world.alarms
    world.run(12 * HOUR)
    assert world.spilled == 0.0
    assert world.since(world.at - 12 * HOUR).count("start") == 0


def test_evidence_is_needed_for_three_intervals_at_least():
    plans = [
        plan(each.id, each.when, (each.do[0].actuator, each.do[0].action), evidence_seconds=1.0)
        for each in (FILL, STOP)
    ]
    world = World(readme(plans)).filling()
    world.fault(silent)
    world.run(25)
    assert world.runs
    assert stopped_within(world, 10)


def test_a_level_node_that_goes_offline_is_as_a_silent_one():
    world = World().filling()
    world.fault(silent)
    world.tell(status(False, "tank1"))
    assert stopped_within(world, EVIDENCE_SECONDS + SLACK)
    world.run(12 * HOUR)
    assert world.spilled == 0.0
    assert {NO_EVIDENCE, "tank1:offline"} <= world.alarms


def test_a_flat_line_stops_the_pump_when_the_flag_comes():
    site = readme(sensors=[level(flat_line=FlatLine(0.001, 1800, 3600))])
    world = World(site).filling()
    world.fault(frozen_at(world.level))
    assert not stopped_within(world, 1700)
    assert stopped_within(world, 100 + EVIDENCE_SECONDS + SLACK)
    world.run(12 * HOUR)
    assert world.spilled == 0.0
    assert NO_EVIDENCE in world.alarms


def test_a_plant_whose_frozen_sensor_nobody_would_notice_is_told_so():
    told = [str(risk) for risk in risks(readme())]
    assert any("flat_line" in risk and "frozen" in risk for risk in told)
    site = readme(sensors=[level(flat_line=FlatLine(0.001, 1800, 3600))])
    assert not any("flat_line" in str(risk) for risk in risks(site))


def test_a_frozen_sensor_without_a_flat_line_test_is_an_alarm_that_names_the_test():
    world = World().filling()
    world.fault(frozen_at(world.level))
    world.run(EFFECT_SECONDS + SLACK)
    assert NO_EFFECT in world.alarms
    assert "flat_line" in world.bench.knowledge.analyzer.register.active[NO_EFFECT].reason
    world.mend()
    world.run(SLACK + 10)
    assert NO_EFFECT not in world.alarms


def test_a_sensor_that_drifts_down_as_the_tank_fills_is_an_alarm():
    world = World().filling()
    world.fault(drifting_down)  # as fast as the tank fills
    world.run(EFFECT_SECONDS + SLACK)
    assert NO_EFFECT in world.alarms
    assert "drift" in world.bench.knowledge.analyzer.register.active[NO_EFFECT].reason


def test_a_tank_that_fills_slowly_raises_no_alarm():
    world = World(rise=0.1 / 3600).filling(2.0)  # 10 cm an hour
    world.run(12 * HOUR)
    assert f"{NO_EFFECT} raised" not in world.bench.raised()


def test_a_pump_that_rests_has_no_effect_to_show():
    world = World(at_level=3.0)
    world.fault(frozen_at(3.0))
    world.run(12 * HOUR)
    assert f"{NO_EFFECT} raised" not in world.bench.raised()


def test_a_level_that_comes_back_doubtful_and_too_high_stops_the_pump():
    patient = plan("fill_tank1", FILL.when, ("station/pump1", "start"), evidence_seconds=3600.0)
    world = World(readme([patient, STOP])).filling(5.1)
    world.fault(silent)
    world.run(1600)  # 5.90 m
    assert world.runs
    world.mend()
    assert stopped_within(world, 10 + 10 + SLACK)
    assert world.level < 5.95
    world.run(12 * HOUR)
    assert world.spilled == 0.0


def test_a_level_that_comes_back_when_its_request_has_ended_starts_nothing():
    world = World().filling(5.0)
    world.fault(silent)
    world.run(1800)
    world.fault(lambda true, _: max(5.9, true))
    world.run(12 * HOUR)
    assert world.spilled == 0.0
    assert world.starts() == world.starts()[:1]


def test_doubt_starts_nothing():
    world = World(at_level=0.15)  # below what is usual: suspect
    world.run(2 * HOUR, until=lambda: world.level == 0.0)
    assert world.given == []


def test_doubt_keeps_nothing_running():
    world = World().filling()
    world.fault(lambda _true, _seconds: 0.1)
    assert stopped_within(world, EVIDENCE_SECONDS + SLACK)
    world.run(12 * HOUR)
    assert world.spilled == 0.0


def test_timed_filling_keeps_a_blind_tank_between_empty_and_full():
    # 600 s of 3,000 s: as much water as the tank loses meanwhile.
    timed = (Fallback(run_seconds=600, every_seconds=3000, at_most_seconds=86_400), Fallback(do="fail_safe"))
    fill = plan("fill_tank1", FILL.when, ("station/pump1", "start"), without_evidence=timed)
    world = World(readme([fill, STOP])).filling()
    world.fault(silent)
    assert stopped_within(world, EVIDENCE_SECONDS + SLACK)
    world.run(23 * HOUR)
    assert world.spilled == 0.0
    assert 2.0 < world.lowest < world.highest < 4.0
    assert NO_EVIDENCE not in world.alarms
    world.run(3 * HOUR)  # more than a day
    assert not world.runs
    assert NO_EVIDENCE in world.alarms


def test_timed_filling_begins_with_a_rest_and_runs_at_the_end_of_each_cycle():
    timed = (Fallback(run_seconds=600, every_seconds=3000, at_most_seconds=86_400),)
    fill = plan("fill_tank1", FILL.when, ("station/pump1", "start"), without_evidence=timed)
    world = World(readme([fill, STOP])).filling()
    world.fault(silent)
    lost = world.at + EVIDENCE_SECONDS
    world.run(2 * HOUR)
    turned = [(round(at - lost, -2), on) for at, _, on in world.station.switches if at > lost - SLACK]
    assert turned == [(0, False), (2400, True), (3000, False), (5400, True), (6000, False)]


def test_timed_filling_that_is_over_while_the_pump_rests_is_an_alarm():
    timed = (Fallback(run_seconds=600, every_seconds=3000, at_most_seconds=7000), Fallback(do="fail_safe"))
    fill = plan("fill_tank1", FILL.when, ("station/pump1", "start"), without_evidence=timed)
    world = World(readme([fill, STOP])).filling()
    world.fault(silent)
    world.run(3 * HOUR)
    assert NO_EVIDENCE in world.alarms


def test_a_second_sensor_takes_the_place_of_the_first():
    use = (Fallback(use="tank1/backup"),)
    fill = plan("fill_tank1", FILL.when, ("station/pump1", "start"), without_evidence=use)
    stop = plan("stop_at_high", STOP.when, ("station/pump1", "stop"), without_evidence=use)
    both = [level(), level("tank1/backup")]
    site = readme([fill, stop], sensors=both, thresholds=[*limits(), *limits("tank1/backup")])
    world = World(site).filling()
    world.fault(silent)
    world.run(24 * HOUR)
    assert world.spilled == 0.0
    assert world.lowest > 1.4
    assert len(world.starts()) >= 3
    assert NO_EVIDENCE not in world.alarms
    world.fault(silent, of="tank1/backup")
    world.run(12 * HOUR)
    assert world.spilled == 0.0
    assert not world.runs


def test_a_level_that_is_good_again_is_filled_by_again():
    world = World().filling()
    world.fault(silent)
    world.run(3 * HOUR)
    assert NO_EVIDENCE in world.alarms
    world.mend()
    world.run(60)
    assert NO_EVIDENCE not in world.alarms
    world.run(24 * HOUR)
    assert world.spilled == 0.0
    assert world.lowest > 1.4
