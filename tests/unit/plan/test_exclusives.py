"""What excludes each other: no command makes a second one true, whatever is under way, and two that are true close."""

from __future__ import annotations

import pytest
from support.interlockworks import VALVE_A, VALVE_B, Station, interlock, starts
from support.plants import ack, failed, published, state, status

from edge_agent.plan.risks import risks

ONE = interlock("valves", exclusive=[f"{VALVE_A} is open", f"{VALVE_B} is open"])


@pytest.fixture
def zone():
    found = Station([ONE], [starts(VALVE_A, "open"), starts(VALVE_B, "open")])
    found.come(state("closed", of=VALVE_A), state("closed", of=VALVE_B))
    return found


def test_of_two_requests_in_one_turn_one_is_carried_out(zone):
    assert zone.hears(level=1.0) == [f"{VALVE_A} open"]
    assert zone.runs == {VALVE_A}
    assert zone.passes(100) == []
    assert f"valves: {VALVE_A} is open may be so, and excludes that {VALVE_B} is open" in zone.said("held")


def test_the_other_follows_when_the_first_has_closed(zone):
    zone.hears(level=1.0)
    zone.edit(ONE, plans=[starts(VALVE_B, "open")])
    zone.hears(level=1.0)
    assert zone.runs == {VALVE_B}
    assert zone.given == [f"{VALVE_A} open", f"{VALVE_A} close", f"{VALVE_B} open"]


def test_an_open_command_counts_as_what_it_will_bring_about(zone):
    zone.deaf = True
    assert zone.hears(level=1.0) == [f"{VALVE_A} open"]
    assert zone.passes(3) == []


def test_a_command_that_was_rejected_counts_no_more():
    zone = Station([ONE], [starts(VALVE_A, "open", priority=60), starts(VALVE_B, "open")])
    zone.come(state("closed", of=VALVE_A), state("closed", of=VALVE_B))
    zone.deaf = True
    zone.hears(level=1.0)
    [command] = [each for turn in zone.turns for each in turn.commands]
    zone.deaf = False
    assert zone.come(ack(command, "rejected", "jammed")) == [f"{VALVE_B} open"]
    assert zone.runs == {VALVE_B}


def test_a_command_that_nobody_answered_may_have_been_carried_out(zone):
    zone.deaf = True
    zone.hears(level=1.0)
    [command] = [each for turn in zone.turns for each in turn.commands]
    zone.come(dispatches=[published(command)])
    zone.edit(ONE, plans=[starts(VALVE_B, "open")])
    zone.come(dispatches=[failed(command)])
    assert f"{VALVE_B} open" not in zone.passes(120)
    zone.deaf = False
    zone.hears(level=1.0)
    assert f"{VALVE_B} open" not in zone.given
    assert zone.reports(VALVE_A, "closed") + zone.passes(70) == [f"{VALVE_B} open"]


@pytest.mark.parametrize("unknown", ["never heard", "offline", "a word of its own"])
def test_what_is_unknown_may_be_so(unknown):
    zone = Station([ONE], [starts(VALVE_B, "open")])
    zone.come(state("closed", of=VALVE_B))
    if unknown == "a word of its own":
        zone.reports(VALVE_A, "moving")
    elif unknown == "offline":
        zone.come(state("closed", of=VALVE_A))
        zone.come(status(False, "zone"))
        zone.come(status(True, "zone"))
        zone.come(state("closed", of=VALVE_B))
    for _ in range(10):
        assert zone.hears(level=1.0, after=10) == []
    assert f"{VALVE_A} is open may be so" in zone.said("held")[0]
    zone.reports(VALVE_A, "closed")
    assert zone.runs | set(zone.passes(2)) >= {VALVE_B}


def test_closing_is_never_refused(zone):
    zone.hears(level=1.0)
    zone.come(status(False, "zone"), status(True, "zone"))
    zone.edit(ONE, plans=[])
    assert zone.runs == set()


def test_what_is_open_goes_on_though_nobody_knows_of_the_other():
    zone = Station([ONE], [starts(VALVE_A, "open")])
    zone.come(state("closed", of=VALVE_A), state("closed", of=VALVE_B))
    zone.hears(level=1.0)
    zone.reports(VALVE_B, "moving")
    given = []
    for _ in range(100):
        given += zone.hears(level=1.0, after=10)
    assert given == [f"{VALVE_A} open"] * 2
    assert zone.runs == {VALVE_A}


def test_where_a_hand_opens_the_other_both_close_before_one_opens_again(zone):
    zone.hears(level=1.0)
    said = zone.reports(VALVE_B, "open") + zone.passes(2)
    assert said == [f"{VALVE_A} close", f"{VALVE_B} close", f"{VALVE_A} open"]
    assert zone.runs == {VALVE_A}
    raised = [event for event in zone.raised() if "tripped" in event]
    assert raised[:2] == [f"{VALVE_A}:tripped raised", f"{VALVE_B}:tripped raised"]


def test_a_valve_in_local_is_left_to_its_hand_and_the_other_closes(zone):
    zone.hears(level=1.0)
    zone.reports(VALVE_B, "open", control="local")
    zone.passes(30)
    assert f"{VALVE_B} close" not in zone.given
    assert zone.given[-1] == f"{VALVE_A} close"
    assert zone.runs == set()


def test_a_sensor_may_exclude_a_valve():
    zone = Station(
        [interlock("flows", exclusive=["station/flow > 5", f"{VALVE_B} is open"])], [starts(VALVE_B, "open")]
    )
    zone.come(state("closed", of=VALVE_B))
    assert zone.hears(level=1.0) == []
    assert zone.hears(level=1.0, flow=9.0) == []
    assert zone.hears(level=1.0, flow=1.0) == [f"{VALVE_B} open"]


def test_three_are_held_against_each_other():
    third = "station/pump1"
    zone = Station(
        [interlock("all", exclusive=[f"{VALVE_A} is open", f"{VALVE_B} is open", f"{third} is running"])],
        [starts(VALVE_A, "open"), starts(VALVE_B, "open"), starts(third)],
    )
    zone.come(state("closed", of=VALVE_A), state("closed", of=VALVE_B), state("stopped", of=third))
    for _ in range(5):
        zone.hears(level=1.0)
    assert len(zone.runs) == 1


def test_fail_safe_actions_that_break_it_are_told_beforehand():
    site = Station([interlock("valves", exclusive=[f"{VALVE_A} is closed", f"{VALVE_B} is closed"])]).site
    [risk] = [each for each in risks(site) if each.name == "excluded_at_rest"]
    assert risk.path == ("interlocks", "valves", "exclusive")
    assert [each for each in risks(Station([ONE]).site) if each.name == "excluded_at_rest"] == []


def test_after_a_restart_nothing_opens_before_all_have_reported(zone):
    zone.hears(level=1.0)
    zone.restarts()
    for _ in range(5):
        assert zone.hears(level=1.0, after=10) == []
    zone.come(state("closed", of=VALVE_B))
    zone.reports(VALVE_A, "open")
    zone.hears(level=1.0, after=10)
    assert zone.given[1:] == [f"{VALVE_A} open"]
