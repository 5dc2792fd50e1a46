"""Pumps that would start in one instant start one after the other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.plants import START, pump

from edge_agent.execute.control import Control
from edge_agent.execute.stagger import Stagger, return_wait_seconds
from edge_agent.model.commands import Request


def pumps(count, **more):
    return [pump(f"station/pump{n}", **more) for n in range(1, count + 1)]


def starts(desk, count, until=200):
    """When which of so many pumps was started, all requested in one instant."""
    requests = [Request(f"station/pump{n}", "start", None, "fill", 50, "because") for n in range(1, count + 1)]
    desk.act(requests=requests)
    found = [(desk.seconds, command.actuator) for command in desk.tick()]
    while desk.seconds < until:
        found += [(desk.seconds, command.actuator) for command in desk.at(desk.seconds + 0.5).tick()]
        for control in desk.executor.roster:
            if control.record is not None:
                desk.publish(control.record.command)
                desk.ack(control.record.command, "done")
    return found


@pytest.mark.parametrize(("count", "pitch"), [(1, None), (2, 10), (6, 10), (10, 6), (20, 3)])
def test_they_lie_ten_seconds_apart_and_share_a_minute_where_there_are_many(make_desk, count, pitch):
    found = starts(make_desk(*pumps(count)), count)
    assert [name for _, name in found] == [f"pump{n}" for n in range(1, count + 1)]
    assert found[0][0] == 0
    assert {after - before for (before, _), (after, _) in pairwise(found)} <= {pitch}
    assert found[-1][0] <= 60


def test_a_later_start_waits_for_the_one_before(make_desk):
    desk = make_desk(*pumps(2))
    desk.request("start")
    assert desk.at(4).request("start", of="station/pump2") == []
    assert desk.all.decisions[-1].checks[-1] == ("stagger", False, "start in 6 s")
    assert desk.wait(9) == []
    assert len(desk.wait(10)) == 1


def test_stops_and_valves_and_running_pumps_wait_for_nothing(make_desk):
    desk = make_desk(*pumps(3), pump("station/valve", kind="valve", fail_safe="close"))
    desk.state("running", of="station/pump3")
    assert len(desk.request("start")) == 1
    assert len(desk.request("stop", of="station/pump2")) == 1
    assert len(desk.request("start", of="station/pump3")) == 1
    assert len(desk.request("open", of="station/valve")) == 1


def test_a_stop_is_no_turn_in_the_row(make_desk):
    desk = make_desk(*pumps(2))
    desk.request("stop")
    assert len(desk.request("start", of="station/pump2")) == 1


def test_the_pitch_of_a_batch_is_chosen_when_it_begins():
    stagger = Stagger()
    stagger.turn(10)
    stagger.started("pump1", 0)
    assert stagger.wait_seconds("pump2", 0) == 6
    stagger.turn(9)
    stagger.started("pump1", 6)
    assert stagger.wait_seconds("pump2", 6) == 6
    stagger.turn(0)
    stagger.turn(1)
    stagger.started("pump1", 20)
    assert stagger.wait_seconds("pump2", 20) == 10
    assert stagger.wait_seconds("pump2", 40) == 0
    assert stagger.wait_seconds("pump1", 20) == 0  # its own start keeps it from nothing


def test_a_pump_that_waits_for_its_node_changes_no_pitch(make_desk):
    desk = make_desk(*pumps(10), pump("well/pump1"))
    desk.online(False, node="well")
    desk.request("start", of="well/pump1")
    found = starts(desk.at(1), 10)
    assert found[-1][0] - found[0][0] == 54


def test_after_a_start_and_a_return_each_has_its_own_place(make_desk):
    controls = [Control(actuator, 100.0) for actuator in pumps(20, power_return_seconds=(10.0, 60.0))]
    places = [return_wait_seconds(control, 100.0) for control in controls]
    assert all(10 <= place <= 60 for place in places)
    assert len(set(places)) == 20
    assert places == [return_wait_seconds(control, 100.0) for control in controls]  # the same in every run
    assert [return_wait_seconds(control, 161.0) for control in controls] == [0.0] * 20


def test_the_return_of_power_holds_starts_and_no_stops(make_desk):
    desk = make_desk(*pumps(2, power_return_seconds=(10.0, 60.0)))
    assert desk.request("start") == []
    [stop] = desk.request("stop", of="station/pump2")
    desk.publish(stop)
    desk.ack(stop, "done")
    assert desk.next(within=60).actuator == "pump1"
    assert START.seconds + 10 <= desk.now.seconds


def test_those_that_follow_later_are_another_batch_and_share_a_minute_of_their_own(make_desk):
    desk = make_desk(*pumps(11))
    assert len(desk.request("start", of="station/pump11")) == 1
    desk.at(30)
    found = starts(desk, 10)
    assert {after - before for (before, _), (after, _) in pairwise(found)} == {6}


def test_a_start_that_waits_for_nobody_says_so(make_desk):
    desk = make_desk(*pumps(2))
    desk.request("start")
    assert desk.all.decisions[-1].checks[-1] == ("stagger", True, "no other start")


def test_a_valve_opens_only_after_its_time_too_and_closes_at_once(make_desk):
    valve = pump(kind="valve", fail_safe="close", power_return_seconds=(30.0, 30.0), min_off_seconds=0.0)
    desk = make_desk(valve)
    desk.state("closed")
    assert desk.at(1).request("open") == []
    assert "power_return" in desk.control.held_back.by
    assert [command.action for command in desk.wait(31)] == ["open"]
    desk = make_desk(valve)
    assert [command.action for command in desk.at(1).request("close")] == ["close"]


def test_what_holds_a_valve_back_after_a_return_says_how_long(make_desk):
    valve = pump(kind="valve", fail_safe="close", power_return_seconds=(30.0, 30.0), min_off_seconds=0.0)
    desk = make_desk(valve)
    assert desk.at(10).request("open") == []
    assert desk.all.decisions[-1].checks[-1] == ("power_return", False, "open in 20 s")
    assert len(desk.wait(30)) == 1
    assert desk.all.decisions[-1].checks[-1] == ("power_return", True, "long enough after the return")
