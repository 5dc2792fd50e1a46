"""A person at the panel of a pump: the hand wins, the agent says so, and takes it back only when it is given back."""

from __future__ import annotations

import pytest
from support.plants import plan
from support.waterworks import HOUR, STOP, World, protected, readme, silent

from edge_agent.model.inbox import Operation

CONTRADICTS, NOT_IN_AUTO = "station/pump1:contradicts", "station/pump1:not_in_auto"
STOP_NOT_CONFIRMED = "station/pump1:stop_not_confirmed"


def release(world, operation="release"):
    world.tell(operations=[Operation(operation, "station/pump1", "ada", "work is done")])


def test_a_pump_stopped_at_the_panel_four_times_is_never_started_against_the_hand():
    world = World(at_level=1.4, fall=0.0).filling(2.0)
    for _ in range(4):
        world.by_hand(on=False)
        stopped = world.at
        world.run(1800)
        assert world.since(stopped) == []
        assert NOT_IN_AUTO in world.alarms
        world.by_hand(on=True)  # and put back by the hand that stopped it
        world.run(600)
        assert NOT_IN_AUTO not in world.alarms
        assert "stop" not in world.since(stopped)
        assert world.runs


def test_a_pump_stopped_at_the_panel_is_started_again_when_a_person_releases_it():
    world = World().filling()
    world.by_hand(on=False)
    world.run(HOUR)
    assert not world.runs
    release(world)
    world.run(60)
    assert world.runs
    assert NOT_IN_AUTO not in world.alarms


def test_a_pump_stopped_at_the_panel_is_tried_once_more_where_the_file_says_so():
    world = World(readme(actuators=[protected(unexpected_retries=1, min_off_seconds=120.0)])).filling()
    world.by_hand(on=False)
    stopped = world.at
    world.run(110)
    assert world.since(stopped) == []
    world.run(60)
    assert world.runs
    world.run(600)
    world.by_hand(on=False)
    stopped = world.at
    world.run(HOUR)
    assert world.since(stopped) == []
    assert NOT_IN_AUTO in world.alarms


def test_a_hand_that_stopped_it_does_not_keep_the_stop_away():
    world = World().filling(5.0)
    world.by_hand(on=False)
    world.level = 5.5
    world.run(600)
    world.by_hand(on=True)
    world.run(600)
    assert "stop" in world.since(0)


def test_a_pump_run_by_hand_while_it_is_to_rest_is_told_once_and_then_it_is_an_alarm():
    world = World(readme(actuators=[protected(min_on_seconds=0.0)])).filling(5.2)
    world.run(600, until=lambda: not world.runs)
    world.run(600)
    world.station.way = "pretends"  # the hand is stronger
    world.by_hand(on=True)
    taken = world.at
    world.run(800)
    assert world.since(taken) == ["stop"]
    assert CONTRADICTS in world.alarms


def test_a_pump_run_by_hand_that_obeys_the_stop_is_no_alarm_for_long():
    world = World(readme(actuators=[protected(min_on_seconds=0.0)])).filling(5.2)
    world.run(600, until=lambda: not world.runs)
    world.run(600)
    world.by_hand(on=True)
    taken = world.at
    world.run(60)
    assert world.since(taken) == ["stop"]
    assert not world.runs
    assert not {CONTRADICTS, STOP_NOT_CONFIRMED} & world.alarms


@pytest.mark.parametrize("on", [True, False])
def test_what_is_in_local_is_commanded_nothing_whatever_is_requested(on):
    world = World().filling(4.0)
    world.control(local=True)
    world.by_hand(on=on)
    taken = world.at
    world.run(2 * HOUR)
    world.level = 1.0
    world.run(HOUR)
    world.fault(silent)
    world.run(HOUR)
    assert world.since(taken) == []
    assert NOT_IN_AUTO in world.alarms


def test_what_is_in_local_after_a_restart_is_commanded_nothing():
    world = World().filling()
    world.control(local=True)
    world.by_hand(on=False)
    world.restart()
    back = world.at
    world.run(3 * HOUR)
    assert world.since(back) == []
    assert NOT_IN_AUTO in world.alarms


def test_what_is_given_back_from_local_goes_on_as_requested():
    world = World().filling()
    world.control(local=True)
    world.by_hand(on=False)
    world.run(HOUR)
    world.control(local=False)
    given_back = world.at
    world.run(60)
    assert world.since(given_back) == ["start"]
    assert NOT_IN_AUTO not in world.alarms


def test_a_stop_that_came_due_in_local_is_done_when_it_is_given_back():
    world = World().filling(5.1)
    world.control(local=True)
    world.station.by_hand(world.at, on=True)
    world.run(1000)
    assert world.level > 5.4
    assert world.runs
    world.control(local=False)
    world.run(30)
    assert not world.runs
    assert world.spilled == 0.0


def test_a_run_of_the_lease_is_no_hand():
    world = World(readme(actuators=[protected(lease_seconds=60.0)])).filling()
    world.station.way = "deaf"
    world.run(120, until=lambda: not world.runs)
    assert not world.runs
    world.run(30)
    assert NOT_IN_AUTO not in world.alarms
    world.station.way = "obeys"
    world.run(120)
    assert world.runs


def test_a_node_that_comes_back_with_its_pump_at_rest_is_no_hand():
    world = World().filling()
    world.station.power_cut(world.at)
    world.tell(*world.station.announce()[:1])
    world.run(120)
    world.station.online = True
    world.tell(*world.station.announce())
    world.run(60)
    assert NOT_IN_AUTO not in world.alarms
    assert world.runs


def test_an_insisting_pump_is_started_again():
    world = World(readme([*readme().policy.plans], actuators=[protected(hand="insist")])).filling()
    world.by_hand(on=False)
    world.run(120)
    assert world.runs
    assert NOT_IN_AUTO not in world.alarms


def test_a_suspended_request_ends_like_any_other():
    world = World().filling()
    world.by_hand(on=False)
    world.edit(plan("fill_other", "tank1/level:low", ("station/pump1", "start")), STOP)
    world.run(60)
    release(world)
    released = world.at
    world.run(HOUR)
    assert "start" not in world.since(released)
