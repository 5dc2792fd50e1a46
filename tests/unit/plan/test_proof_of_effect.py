"""Proof of effect: a pump that runs and brings nothing about is stopped, counted as failed, and locked out at last."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.interlockworks import FLOW, PUMP1, PUMP2, Station, dry, equipment, starts
from support.plants import ack, state, status

from edge_agent.model.desired import Expectation
from edge_agent.model.plant import Plan, Provision, Step
from edge_agent.plan.fitness import misfits
from edge_agent.plan.provisions.registry import canonical

FLOWS = Expectation(f"{FLOW} > 5", 60.0)


def expecting(*actuators, condition=FLOWS, **more):
    return [replace(each, expect=condition, **more) if each.name == PUMP1 else each for each in equipment()]


@pytest.fixture
def make_station():
    def make(provisions=(), **more):
        found = Station(provisions, actuators=expecting(**more))
        found.running()
        found.come(after=0.0)  # the turn that is due after a report
        return found

    return make


def run(station, seconds, **values):
    """Let readings come every ten seconds; return when which command was given."""
    found = []
    for second in range(10, seconds + 1, 10):
        found += [(second, word) for word in station.hears(after=10, level=1.0, suction=1.0, **values)]
    return found


def test_a_pump_that_shows_its_effect_runs_on(make_station):
    station = make_station()
    assert run(station, 600, flow=9.0) == [(450, f"{PUMP1} start")]
    assert station.alarms == {}


def test_one_without_is_stopped_in_time_with_an_alarm(make_station):
    station = make_station()
    found = run(station, 100, flow=0.0)
    assert found[0] == (60, f"{PUMP1} stop")
    assert station.alarms[f"{PUMP1}:no_effect"] == (
        "station/pump1 has run for 60 s and it is not so that station/flow > 5 (station/flow is 0.00 m3/h)"
    )


def test_it_is_stopped_though_its_least_time_is_not_over(make_station):
    station = make_station(min_on_seconds=3600.0)
    assert run(station, 100, flow=0.0)[0] == (60, f"{PUMP1} stop")


def test_flow_that_ends_later_is_found_as_well(make_station):
    station = make_station()
    run(station, 300, flow=9.0)
    assert run(station, 100, flow=0.0)[0] == (60, f"{PUMP1} stop")


def test_it_is_tried_again_after_its_rest_and_locked_out_after_three_failures(make_station):
    station = make_station()
    run(station, 2000, flow=0.0)
    assert station.given == [f"{PUMP1} start", f"{PUMP1} stop"] * 3
    assert f"{PUMP1}:locked_out" in station.alarms
    assert "has failed 3 times: station/pump1 has run for 60 s" in station.alarms[f"{PUMP1}:locked_out"]
    assert station.runs == set()


def test_that_it_reports_running_does_not_end_the_count_but_its_effect_does(make_station):
    station = make_station()
    run(station, 250, flow=0.0)
    assert station.knowledge.executor.roster.plant[PUMP1].lock_out.failures == 2
    run(station, 100, flow=9.0)
    assert station.runs == {PUMP1}
    assert station.knowledge.executor.roster.plant[PUMP1].lock_out.failures == 0
    assert station.alarms == {}


def test_a_person_who_resets_it_gives_it_all_its_tries_again(make_station):
    station = make_station()
    run(station, 2000, flow=0.0)
    station.given.clear()
    station.reset(PUMP1)
    assert station.alarms == {}
    run(station, 2000, flow=0.0)
    assert station.given == [f"{PUMP1} start", f"{PUMP1} stop"] * 3


def test_how_often_it_failed_and_why_is_remembered_over_a_restart(make_station):
    station = make_station()
    run(station, 250, flow=0.0)
    station.restarts()
    station.reports()
    assert f"{PUMP1}:no_effect" in station.alarms
    run(station, 400, flow=0.0)
    assert station.given.count(f"{PUMP1} stop") == 3
    assert f"{PUMP1}:locked_out" in station.alarms


def test_unknown_is_no_failure(make_station):
    station = make_station()
    assert run(station, 290) == []
    assert station.alarms == {}
    assert station.knowledge.executor.roster.plant[PUMP1].lock_out.failures == 0


def test_unknown_for_longer_than_evidence_counts_ends_it_without_a_failure(make_station):
    station = make_station()
    found = run(station, 2000)
    assert [word for _, word in found] == [f"{PUMP1} stop"]
    assert 300 <= found[0][0] <= 360
    assert f"{PUMP1}:no_evidence" in station.alarms
    assert station.knowledge.executor.roster.plant[PUMP1].lock_out.failures == 0
    assert station.hears(level=1.0, suction=1.0, flow=0.0) == [f"{PUMP1} start"]
    assert station.alarms == {}


def test_a_pump_at_its_panel_is_told_of_and_not_counted(make_station):
    station = make_station()
    station.reports(word="running", control="local")
    assert run(station, 100, flow=0.0) == []
    assert f"{PUMP1}:no_effect" in station.alarms
    assert station.knowledge.executor.roster.plant[PUMP1].lock_out.failures == 0


def test_while_its_node_is_away_the_time_does_not_run(make_station):
    station = make_station()
    run(station, 50, flow=0.0)
    station.come(status(False))
    for _ in range(10):
        station.hears(after=10, level=1.0)
    assert f"{PUMP1}:no_effect" not in station.alarms
    station.come(status(True), state("running"), *station.readings(level=1.0))
    station.come(after=0.0)
    assert (60, f"{PUMP1} stop") in run(station, 100, flow=0.0)


def test_a_trip_outranks_it(make_station):
    station = make_station([dry()])
    run(station, 60, flow=0.0)
    station.hears(suction=0.1, flow=0.0)
    assert set(station.alarms) == {f"{PUMP1}:no_effect", f"{PUMP1}:tripped"}


def test_another_pump_is_not_concerned():
    station = Station([], [starts(), starts(PUMP2)], actuators=expecting())
    station.running()
    run(station, 100, flow=0.0)
    assert station.runs == {PUMP2}


def test_what_is_expected_in_vain_is_named():
    site = Station([], actuators=expecting(condition=Expectation("station/flaw > 5", 60.0))).site
    [wrong] = misfits(site, site.policy)
    assert ".".join(map(str, wrong.path)) == "nodes.station.actuators.pump1.expect.condition"
    assert "station/flaw" in wrong.wrong


def test_a_group_goes_on_with_the_next():
    group = Provision("group", "both", canonical("group", json.dumps({"members": [PUMP1, PUMP2]})))
    one = Plan("fill", ("tank1/level < 2",), (Step("group both", "run", 1.0),))
    station = Station([group], [one], actuators=expecting())
    station.come(state("stopped", of=PUMP1), state("stopped", of=PUMP2))
    run(station, 100, flow=0.0)
    run(station, 300, flow=9.0)
    assert station.given[1:] == [f"{PUMP1} start", f"{PUMP1} stop", f"{PUMP2} start"]
    assert station.runs == {PUMP2}


def test_it_is_stopped_when_the_time_is_up_and_not_with_the_next_reading():
    station = Station([], actuators=expecting(condition=Expectation("station/flow > 5", 25.0)))
    station.running()
    station.come(after=0.0)
    station.hears(after=10, level=1.0, flow=0.0)
    assert station.passes(14) == []
    assert station.passes(2) == [f"{PUMP1} stop"]


def test_failures_that_its_node_tells_end_with_its_effect_too():
    station = Station([], actuators=expecting())
    station.come(state("stopped"))
    station.deaf = True
    assert station.hears(level=1.0, flow=0.0) == [f"{PUMP1} start"]
    [command] = [each for turn in station.turns for each in turn.commands]
    station.deaf = False
    assert f"{PUMP1} start" in station.come(ack(command, "failed", "overload")) + station.passes(20)
    assert station.knowledge.executor.roster.plant[PUMP1].lock_out.failures == 1
    station.hears(level=1.0, flow=9.0)
    assert station.knowledge.executor.roster.plant[PUMP1].lock_out.failures == 0


def test_it_rests_as_long_as_it_was_given_before_it_is_tried_again(make_station):
    station = make_station()
    run(station, 60, flow=0.0)
    assert station.given[-1] == f"{PUMP1} stop"
    assert [second for second, word in run(station, 100, flow=0.0) if word == f"{PUMP1} start"] == [60]
