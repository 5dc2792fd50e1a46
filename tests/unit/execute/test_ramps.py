"""Valves and speeds that take their time: what is on its way is no contradiction, and is set no faster than that."""

from __future__ import annotations

import pytest
from support.plants import pump

from edge_agent.execute.travel import Travel
from edge_agent.model.commands import Reported, Request
from edge_agent.model.desired import Desired

VALVE = {"kind": "valve", "fail_safe": "close", "min_on_seconds": 0.0, "min_off_seconds": 0.0, "ramp_seconds": 100.0}


@pytest.fixture
def valve(make_desk):
    """A valve of 100 s from end to end that has been heard, closed, and rests."""
    desk = make_desk(pump(**VALVE))
    desk.state("closed", 0.0)
    return desk.at(200)


def sent(desk, value):
    """Set it, and let its node say at once that this is done."""
    [command] = desk.request("set", value)
    desk.publish(command)
    desk.ack(command, "done")
    return command


def test_what_is_on_its_way_is_no_contradiction(valve):
    sent(valve, 0.6)
    for seconds, value in ((10, 0.1), (30, 0.3), (55, 0.55)):
        valve.at(200 + seconds).state("open", value)
        assert valve.tick() == []
        assert valve.control.state is Desired.FULFILLED
    valve.at(260).state("open", 0.6)
    assert valve.wait(320) == []
    assert valve.troubles == {}


def test_what_has_not_arrived_when_the_ramp_is_over_is_set_again(valve):
    sent(valve, 0.6)
    valve.at(230).state("open", 0.3)  # and there it stays
    assert valve.wait(260 + 9) == []
    [again] = valve.wait(260 + 11)
    assert (again.action, again.value) == ("set", 0.6)


def test_another_value_waits_for_the_way_to_the_first(valve):
    sent(valve, 0.6)  # 60 s
    assert valve.at(210).request("set", 0.2) == []
    assert "ramp" in valve.control.held_back.by
    assert valve.wait(259) == []
    assert [command.value for command in valve.wait(261)] == [0.2]


def test_the_way_is_as_long_as_it_is_by_what_is_reported(valve):
    sent(valve, 0.6)
    valve.at(260).state("open", 0.6)
    sent(valve.at(280), 0.7)  # a tenth: 10 s
    valve.at(285).request("set", 0.2)
    assert [command.value for command in valve.wait(291)] == [0.2]


def test_nothing_delays_the_fail_safe_action(valve):
    sent(valve, 0.6)
    assert [command.action for command in valve.at(210).request("close")] == ["close"]


def test_a_trip_sets_at_once(valve):
    sent(valve, 0.6)
    assert [command.value for command in valve.at(210).request("set", 0.2, trip=True)] == [0.2]


def test_a_closing_valve_has_the_time_of_its_ramp_to_confirm_it(valve):
    sent(valve, 1.0)
    valve.at(310).state("open", 1.0)
    [command] = valve.at(320).request("close")
    valve.publish(command)
    valve.ack(command, "accepted")
    for seconds in range(330, 420, 10):
        valve.at(seconds).state("open", (420 - seconds) / 100)
        assert valve.tick() == []
        assert valve.troubles == {}
    valve.at(420).state("closed", 0.0)
    assert valve.troubles == {}


def test_one_that_never_closes_is_told_when_the_ramp_is_over(valve):
    sent(valve, 1.0)
    valve.at(310).state("open", 1.0)
    [command] = valve.at(320).request("close")
    valve.publish(command)
    valve.ack(command, "accepted")
    valve.wait(429)
    assert "stop_not_confirmed" not in valve.troubles
    valve.wait(432)
    assert valve.troubles["stop_not_confirmed"] == "critical"


def test_a_renewal_is_no_new_way(make_desk):
    desk = make_desk(pump(**VALVE, lease_seconds=240.0))
    desk.state("closed", 0.0)
    sent(desk.at(200), 1.0)
    desk.at(300).state("open", 1.0)
    [renewed] = desk.wait(325)
    assert renewed.value == 1.0
    desk.publish(renewed)
    desk.ack(renewed, "done")
    assert [command.value for command in desk.at(326).request("set", 0.5)] == [0.5]


def test_after_a_start_of_the_agent_it_may_still_be_on_its_way(make_desk):
    desk = make_desk(pump(**VALVE))
    desk.state("open", 0.4)
    assert desk.at(20).request("set", 0.9) == []
    assert [command.value for command in desk.wait(101)] == [0.9]


def test_without_a_ramp_nothing_waits(make_desk):
    desk = make_desk(pump(**VALVE | {"ramp_seconds": 0.0}))
    desk.state("closed", 0.0)
    sent(desk, 0.6)
    assert [command.value for command in desk.at(1).request("set", 0.2)] == [0.2]


def test_where_nobody_knows_where_it_stands_it_goes_all_the_way():
    travel = Travel(100.0, 0.0)
    travel.give("set", 0.5, None, 200.0)
    assert travel.until_seconds == 300.0
    travel.give("set", 0.6, Reported("open", 0.5, 0), 250.0)  # still under way
    assert travel.until_seconds == 350.0
    assert travel.check(Request("a/b", "set", 0.6, "p", 50, ""), 300.0).passed
    assert not travel.check(Request("a/b", "set", 0.7, "p", 50, ""), 300.0).passed
    assert not travel.check(Request("a/b", "set", 0.7, "p", 50, ""), 349.5).passed
    assert travel.check(Request("a/b", "set", 0.7, "p", 50, ""), 350.0).passed
    assert (travel.under_way(349.9), travel.under_way(350.0)) == (True, False)
    travel.give("close", None, Reported("open", 0.3, 0), 400.0)
    assert travel.until_seconds == 430.0
    travel.give("open", None, Reported("closed", None, 0), 500.0)
    assert travel.until_seconds == 600.0
    assert travel.check(Request("a/b", "close", None, "p", 50, ""), 300.0) is None
