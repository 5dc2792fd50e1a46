"""Trips of interlocks: they stop at once and above all, latch, outlive restarts and edits, and end by a person."""

from __future__ import annotations

import json

import pytest
from support.interlockworks import PUMP1, PUMP2, SUCTION, VALVE_A, Station, dry, equipment, interlock, starts
from support.plants import plan, state, status, threshold

from edge_agent.model.inbox import BreakerReport
from edge_agent.model.plant import Policy, Provision
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.plan.fitness import misfits
from edge_agent.plan.provisions.registry import canonical


@pytest.fixture
def station():
    found = Station([dry()])
    found.running()
    return found


# What it stops ----------------------------------------------------------------------------------------------------


def test_it_stops_what_runs_in_the_turn_of_the_reading(station):
    assert station.hears(suction=0.2) == [f"{PUMP1} stop"]
    assert station.dry.state == "tripped"
    [alarm] = station.alarms.items()
    assert alarm[0] == f"{PUMP1}:tripped"
    assert "interlock dry: station/suction < 0.3 (station/suction is 0.20 bar), since 2026-11-22T" in alarm[1]
    assert "a person must reset it" in alarm[1]


def test_what_it_does_not_name_runs_on():
    station = Station([dry()], [starts(), starts(PUMP2)])
    station.running()
    station.hears(after=30, level=1.0, suction=1.0)
    assert station.runs == {PUMP1, PUMP2}
    assert station.hears(suction=0.2) == [f"{PUMP1} stop"]


def test_nothing_delays_it():
    slow = equipment(min_on_seconds=3600.0, min_off_seconds=3600.0, max_starts_per_hour=1)
    station = Station([dry()], [starts(cooldown_seconds=3600)], slow)
    station.running()
    station.come(breakers=[BreakerReport("station", "open")])
    assert station.hears(suction=0.2) == [f"{PUMP1} stop"]


def test_it_stands_above_the_highest_plan_and_a_trip_of_another(station):
    other = plan("other", "station/suction < 0.3", (PUMP1, "start"), priority=100)
    station.edit(dry(), plans=[other])
    assert station.hears(suction=0.2, level=1.0, after=30) == []
    assert station.reports(word="running", control="local") == []
    assert station.reports(word="running", control="remote") == [f"{PUMP1} stop"]


def test_what_was_started_at_the_panel_is_stopped_too():
    station = Station([dry()], [])
    station.hears(suction=1.0)
    station.reports(word="running")
    assert station.hears(suction=0.2) == [f"{PUMP1} stop"]


def test_nothing_is_commanded_to_a_pump_in_local(station):
    station.reports(word="running", control="local")
    assert station.hears(suction=0.2) == []
    assert f"{PUMP1}:tripped" in station.alarms
    assert station.reports(word="running", control="remote") == [f"{PUMP1} stop"]


def test_a_stop_that_is_not_carried_out_is_asked_for_again(station):
    station.deaf = True
    assert station.hears(suction=0.2) == [f"{PUMP1} stop"]
    assert f"{PUMP1} stop" in station.passes(60)


def test_it_waits_for_what_has_to_last_and_lets_nothing_begin_meanwhile():
    station = Station([dry("station/suction < 0.3 for 5 s")])
    station.reports()
    assert station.hears(suction=0.2, level=3.0) == []
    assert station.hears(suction=0.2, level=1.0) == []
    assert station.dry.state == "blocks"
    assert "dry: station/suction < 0.3 for 5 s is about to be so" in station.said("held")[-1]
    assert station.hears(suction=1.0, level=1.0) == [f"{PUMP1} start"]
    for _ in range(5):
        assert station.hears(suction=0.2) == []
    assert station.hears(suction=0.2) == [f"{PUMP1} stop"]


def test_a_pump_that_runs_bears_a_dip_that_does_not_last():
    station = Station([dry("station/suction < 0.3 for 5 s")])
    station.running()
    for value in (0.2, 0.2, 1.0, 0.2, 0.2, 1.0):
        assert station.hears(after=2, suction=value) == []
    assert station.dry.state == "quiet"


# Latched ----------------------------------------------------------------------------------------------------


def test_it_holds_when_its_condition_is_over_until_a_person_resets_it(station):
    station.hears(suction=0.2)
    station.hears(suction=1.0, level=1.0)
    station.passes(200, step=10)
    assert station.runs == set()
    assert station.dry.state == "tripped"
    station.hears(suction=1.0, level=1.0)
    assert station.reset() == [f"{PUMP1} start"]
    assert station.dry.state == "quiet"
    assert station.alarms == {}
    assert station.said("reset") == ["ada has reset interlock dry"]


def test_a_reset_while_the_condition_holds_is_refused_with_the_reason(station):
    station.hears(suction=0.2)
    assert station.reset() == []
    assert station.said("refused") == [
        "ada cannot reset interlock dry: station/suction < 0.3 (station/suction is 0.20 bar)"
    ]
    assert station.dry.state == "tripped"
    assert station.dry.refused == "station/suction < 0.3 (station/suction is 0.20 bar)"
    station.hears(suction=1.0)
    assert station.dry.state == "tripped"


def test_a_reset_without_evidence_is_refused(station):
    station.hears(suction=0.2)
    station.restarts()
    assert station.reset() == []
    assert "nothing good has been heard of station/suction yet" in station.said("refused")[0]


def test_resetting_the_pump_ends_no_interlock(station):
    station.hears(suction=0.2)
    station.hears(suction=1.0)
    station.reset(PUMP1)
    assert station.dry.state == "tripped"


def test_a_reset_of_what_has_not_tripped_is_refused(station):
    station.reset()
    assert station.said("refused") == ["ada cannot reset interlock dry: it has not tripped"]


def test_it_is_remembered_over_a_restart_and_told_at_the_start(station):
    station.hears(suction=0.2)
    since = station.dry.since
    station.restarts()
    station.come()
    assert station.dry.state == "tripped"
    assert station.dry.since == since
    assert station.said("held")[-1].startswith("interlock dry had tripped before the start: station/suction < 0.3")
    assert station.reports(word="running") == [f"{PUMP1} stop"]
    assert "interlock dry" in station.alarms[f"{PUMP1}:tripped"]
    assert station.hears(suction=1.0, level=1.0) == []
    assert station.reset() == [f"{PUMP1} start"]
    station.restarts()
    assert station.dry.state == "blocks"
    station.hears(suction=1.0)
    assert station.dry.state == "quiet"


def test_it_ends_with_its_declaration_and_says_so(station):
    station.hears(suction=0.2)
    station.hears(suction=1.0, level=1.0)
    assert station.edit() == [f"{PUMP1} start"]
    assert station.said("reset") == ["trip dry ends: the interlock is not declared any more"]
    station.edit(dry())
    assert station.dry.state != "tripped"
    station.restarts()
    assert station.dry.state != "tripped"


def test_it_ends_where_it_was_deleted_while_the_agent_was_away(station):
    station.hears(suction=0.2)
    station.site = Station([]).site
    station.restarts()
    station.come()
    assert station.alarms == {}
    station.site = Station([dry()]).site
    station.restarts()
    assert station.dry.state != "tripped"


@pytest.mark.parametrize("edited", [dry("station/suction < 0.25"), dry(stop=[PUMP1, PUMP2])])
def test_it_stays_latched_when_it_is_edited(station, edited):
    station.hears(suction=0.2)
    station.hears(suction=1.0, level=1.0)
    station.edit(edited)
    assert station.runs == set()
    assert station.dry.state == "tripped"
    station.restarts()
    assert station.dry.state == "tripped"


def test_what_an_edit_adds_is_stopped_and_what_it_takes_away_goes_on():
    station = Station([dry(stop=[PUMP1])], [starts(), starts(PUMP2)])
    station.running()
    station.hears(after=30, level=1.0, suction=1.0)
    station.hears(suction=0.2)
    assert station.edit(dry(stop=[PUMP2])) == [f"{PUMP2} stop"]
    assert station.hears(level=1.0, suction=0.2, after=30) == [f"{PUMP1} start"]


# By itself ----------------------------------------------------------------------------------------------------


@pytest.fixture
def well():
    found = Station([dry(reset={"after_seconds": 100, "at_most": 2})])
    found.running()
    return found


def trip(station):
    """Let it trip, and its condition be over; return after how many seconds it has reset itself, None where never."""
    station.hears(suction=0.2)
    station.hears(suction=1.0, level=1.0)
    for second in range(0, 300, 10):
        if station.hears(suction=1.0, level=1.0, after=10):
            return second + 10
    return None


def test_it_resets_itself_when_its_condition_has_been_over_for_the_time(well):
    assert trip(well) == 100
    assert well.said("reset") == ["interlock dry has reset itself"]


def test_while_its_condition_holds_the_time_does_not_run(well):
    well.hears(suction=0.2)
    for _ in range(30):
        assert well.hears(suction=0.2, level=1.0, after=10) == []
    well.hears(suction=1.0, level=1.0)
    assert well.hears(suction=1.0, level=1.0, after=95) == []
    assert well.hears(suction=0.2, level=1.0) == []
    assert well.hears(suction=1.0, level=1.0) == []
    assert well.hears(suction=1.0, level=1.0, after=95) == []
    assert well.hears(suction=1.0, level=1.0, after=6) == [f"{PUMP1} start"]


def test_after_so_often_within_a_day_it_waits_for_a_person(well):
    assert [trip(well), trip(well), trip(well)] == [100, 100, None]
    assert "a person must reset it" in well.dry.reason
    well.passes(90_000, step=1000)
    assert well.dry.state == "tripped"
    well.hears(suction=1.0, level=1.0)
    assert well.reset() == [f"{PUMP1} start"]
    assert trip(well) == 100


def test_the_count_is_remembered_over_restarts(well):
    assert [trip(well), trip(well)] == [100, 100]
    well.restarts()
    well.reports(word="running")
    assert trip(well) is None


def test_the_next_day_it_may_reset_itself_again(well):
    assert [trip(well), trip(well)] == [100, 100]
    for _ in range(900):
        well.hears(suction=1.0, level=1.0, after=100)
    assert trip(well) == 100


# Without evidence ----------------------------------------------------------------------------------------------------


def test_nothing_begins_before_its_sensor_was_heard():
    station = Station([dry()])
    station.reports()
    assert station.hears(level=1.0) == []
    assert (
        "dry: nobody knows whether station/suction < 0.3: nothing good has been heard of station/suction yet"
        in (station.said("held")[-1])
    )
    assert station.hears(level=1.0, suction=1.0) == [f"{PUMP1} start"]


def silence(station, seconds):
    """Let the suction pressure be silent while the level goes on; return when which command was given."""
    found = []
    for second in range(10, seconds + 1, 10):
        found += [(second, word) for word in station.hears(after=10, level=1.0)]
    return found


def test_what_runs_is_stopped_when_its_evidence_is_too_old_and_not_latched(station):
    assert silence(station, 400) == [(300, f"{PUMP1} stop")]
    assert station.dry.state == "stops"
    told = station.alarms[f"{PUMP1}:no_evidence"]
    assert "nobody knows whether station/suction < 0.3: station/suction has not been good for 300 s" in told
    assert station.hears(level=1.0, suction=1.0) == [f"{PUMP1} start"]
    assert station.alarms == {}


def test_how_long_evidence_counts_can_be_said():
    station = Station([dry(evidence_seconds=60)])
    station.running()
    assert silence(station, 200)[0] == (60, f"{PUMP1} stop")


def test_what_the_agent_finds_running_has_as_long_after_a_start():
    station = Station([dry()])
    station.running()
    station.restarts()
    station.reports(word="running")
    assert silence(station, 400) == [(300, f"{PUMP1} stop")]


def test_after_a_start_not_even_a_lease_is_renewed_before_its_sensor_was_heard():
    station = Station([dry()])
    station.running()
    station.restarts()
    station.reports(word="running")
    assert silence(station, 100) == []
    assert station.hears(level=1.0, suction=1.0) == [f"{PUMP1} start"]


def test_doubtful_readings_stop_it_and_do_not_latch():
    station = Station([dry()], sensors={SUCTION: {"gross_range": GrossRange((0.0, 10.0), (0.25, 9.0))}})
    station.running()
    assert station.hears(suction=0.2) == [f"{PUMP1} stop"]
    assert station.dry.state == "stops"
    assert "doubtful readings say station/suction < 0.3" in station.alarms[f"{PUMP1}:tripped"]
    assert station.hears(suction=1.0, level=1.0) == [f"{PUMP1} start"]
    assert station.alarms == {}


def test_an_alarm_is_unknown_while_its_sensor_is():
    station = Station([dry("station/suction:stale")])
    station.reports()
    assert station.hears(level=1.0) == []
    assert station.hears(suction=1.0, level=1.0) == [f"{PUMP1} start"]
    assert silence(station, 60) == [(40, f"{PUMP1} stop")]
    assert station.dry.state == "tripped"


def test_a_policy_that_stores_half_a_trip_is_refused():
    [wrong] = misfits(Station([]).site, Policy(provisions=(interlock("dry", trip="station/suction < 0.3"),)))
    assert wrong.path == ("interlocks", "dry", "stop")


def test_of_a_group_it_stops_every_member():
    group = Provision("group", "both", canonical("group", json.dumps({"members": [PUMP1, PUMP2]})))
    station = Station([group, dry(stop=["group both"])], [starts(), starts(PUMP2)])
    station.running()
    station.hears(after=30, level=1.0, suction=1.0)
    assert station.runs == {PUMP1, PUMP2}
    assert sorted(station.hears(suction=0.2)) == [f"{PUMP1} stop", f"{PUMP2} stop"]
    smaller = Provision("group", "both", canonical("group", json.dumps({"members": [PUMP1]})))
    station.edit(smaller, dry(stop=["group both"]))
    assert station.dry.actuators == (PUMP1,)


def test_a_limit_that_is_only_remembered_stops_and_does_not_latch():
    limit = threshold("low_low", 0.3, SUCTION)
    station = Station([dry("station/suction:low_low")], thresholds=[limit])
    station.reports()
    assert station.hears(level=1.0) == []
    assert station.dry.state == "blocks"
    assert station.hears(level=1.0, suction=1.0) == [f"{PUMP1} start"]
    assert station.hears(suction=0.2) == [f"{PUMP1} stop"]
    assert station.dry.state == "tripped"
    station.site = Station(
        [dry("station/suction:low_low"), interlock("twin", trip="station/suction:low_low", stop=[PUMP2])],
        thresholds=[limit],
    ).site
    station.restarts()
    station.come()
    assert "station/suction:low_low" in station.knowledge.analyzer.register.active
    assert station.view("twin").state == "stops"
    station.hears(suction=1.0)
    assert station.view("twin").state == "quiet"


def test_silence_as_its_condition_is_known_though_nothing_else_is():
    station = Station([dry("station/suction:stale", evidence_seconds=20)])
    station.running()
    assert silence(station, 30) == []
    assert station.dry.state == "quiet"
    assert silence(station, 20) == [(10, f"{PUMP1} stop")]
    assert station.dry.state == "tripped"


def test_what_equipment_does_not_say_is_unknown_for_as_long():
    station = Station([dry(f"{VALVE_A} is open", evidence_seconds=20)])
    station.running()
    station.come(status(False, "zone"))
    assert silence(station, 40) == [(20, f"{PUMP1} stop")]
    assert station.dry.state == "stops"
    station.come(status(True, "zone"), state("closed", of=VALVE_A))
    station.come()
    assert station.dry.state == "quiet"
    station.hears(level=1.0)
    station.come(status(False, "zone"))
    assert silence(station, 10) == []
    station.come(status(True, "zone"), state("closed", of=VALVE_A))
    station.come(status(False, "zone"))
    assert silence(station, 40) == [(20, f"{PUMP1} stop")]


def test_an_edit_neither_ends_a_wait_for_a_person_nor_the_looks_at_what_stays(well):
    well.hears(suction=0.2)
    well.edit(dry())  # by a person from now on
    assert "a person must reset it" in well.dry.reason
    well.edit(dry(reset={"after_seconds": 5, "at_most": 2}))
    assert "a person must reset it" in well.dry.reason
    for _ in range(3):
        assert well.hears(suction=1.0, level=1.0, after=10) == []
    well.reset()
    since = well.hears(suction=0.2) and well.dry.since
    well.edit(dry(reset={"after_seconds": 5, "at_most": 2}), plans=[starts(priority=40)])
    assert well.dry.since == since
    assert "it resets itself" in well.dry.reason


def test_that_a_reset_was_refused_is_told_until_it_is_done(well):
    well.hears(suction=0.2)
    well.reset()
    assert well.dry.refused
    for _ in range(13):
        well.hears(suction=1.0, level=1.0, after=10)
    assert well.dry.state == "quiet"
    assert well.dry.refused == ""
