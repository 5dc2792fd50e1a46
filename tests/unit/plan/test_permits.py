"""Permits of interlocks: nothing begins without, and what runs goes on."""

from __future__ import annotations

import pytest
from support.interlockworks import PUMP1, PUMP2, VALVE_A, Station, interlock, starts
from support.plants import state, status

from edge_agent.model.inbox import BreakerReport

READY = f"station/suction > 0.5 and {VALVE_A} is open"


def permit(when=READY, **more):
    return interlock("ready", permit=[PUMP1], when=when, **more)


@pytest.fixture
def station():
    found = Station([permit()])
    found.come(state("stopped", of=PUMP1), state("closed", of=VALVE_A))
    return found


def test_nothing_begins_unless_its_condition_is_true(station):
    assert station.hears(level=1.0, suction=1.0) == []
    assert station.said("held") == ["ready: it is not so that " + READY + " (station/suction is 1.00 bar)"]
    assert station.view("ready").state == "blocks"


def test_it_begins_as_soon_as_the_condition_is_true(station):
    station.hears(level=1.0, suction=1.0)
    station.reports(VALVE_A, "open")
    assert station.passes(2) == [f"{PUMP1} start"]
    assert station.view("ready").state == "quiet"


def test_it_begins_as_soon_as_a_reading_permits_it(station):
    station.reports(VALVE_A, "open")
    assert station.hears(level=1.0, suction=0.4) == []
    assert station.hears(suction=0.6) == [f"{PUMP1} start"]


def test_unknown_permits_nothing():
    station = Station([permit()])
    station.come(state("stopped", of=PUMP1), state("open", of=VALVE_A))
    assert station.hears(level=1.0) == []
    assert "nobody knows whether" in station.said("held")[0]
    assert station.hears(level=1.0, suction=1.0) == [f"{PUMP1} start"]


def test_a_permit_that_is_too_old_permits_nothing(station):
    station.reports(VALVE_A, "open")
    station.hears(suction=1.0, level=3.0)
    station.passes(40)
    assert station.hears(level=1.0) == []


def test_a_state_that_comes_with_the_reading_counts_already(station):
    station.reports(VALVE_A, "open")
    station.hears(suction=1.0, level=3.0)
    assert station.come(state("closed", of=VALVE_A), *station.readings(level=1.0)) == []


def test_a_valve_that_is_being_closed_permits_nothing():
    station = Station([permit()], [starts(), starts(VALVE_A, "close", priority=60)])
    station.come(state("stopped", of=PUMP1), state("open", of=VALVE_A))
    station.hears(suction=1.0, level=3.0)
    station.deaf = True
    assert station.hears(suction=1.0, level=1.0, after=30) == [f"{VALVE_A} close"]
    assert station.passes(3) == []


def test_what_runs_goes_on_without_and_its_lease_is_renewed(station):
    station.reports(VALVE_A, "open")
    assert station.hears(level=1.0, suction=1.0) == [f"{PUMP1} start"]
    given = []
    for _ in range(60):
        given += station.hears(level=1.0, suction=0.4, after=10)
    assert given == [f"{PUMP1} start"]
    assert station.runs == {PUMP1}


def test_what_has_stopped_does_not_begin_again_without(station):
    station.reports(VALVE_A, "open")
    assert station.hears(level=1.0, suction=1.0) == [f"{PUMP1} start"]
    station.hears(level=1.0, suction=0.4)
    station.come(status(False))
    station.come(status(True), state("stopped", of=PUMP1))
    for _ in range(20):
        assert station.hears(level=1.0, suction=0.4, after=10) == []


def test_what_a_node_reported_before_it_went_counts_for_nothing_when_it_is_back(station):
    station.reports(VALVE_A, "open")
    assert station.hears(level=1.0, suction=1.0) == [f"{PUMP1} start"]
    station.come(status(False))
    station.come(status(True))
    for _ in range(60):
        assert station.hears(level=1.0, suction=0.4, after=10) == []
    assert station.reports(word="running") == [f"{PUMP1} start"]


def test_the_fail_safe_action_needs_none(station):
    station.reports(word="running")
    station.edit(permit(), plans=[starts(PUMP1, "stop")])
    assert station.hears(level=1.0) == [f"{PUMP1} stop"]


def test_one_that_waits_for_its_permit_costs_nothing_until_something_has_changed(station):
    station.hears(level=1.0, suction=0.4)
    control = station.knowledge.executor.roster.plant[PUMP1]
    assert control.due_seconds == float("inf")


def test_another_pump_needs_none():
    station = Station([permit()], [starts(PUMP2)])
    station.reports(PUMP2)
    assert station.hears(level=1.0) == [f"{PUMP2} start"]


def test_an_open_breaker_and_a_permit_are_both_told(station):
    station.come(breakers=[BreakerReport("station", "open")])
    station.hears(level=1.0, suction=0.4)
    assert "ready:" in station.said("held")[0]
    assert "open" in station.said("held")[0]
