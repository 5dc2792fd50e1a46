"""The hand at the panel wins: it suspends a request until it is given back, and is never fought over."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import pytest
from support.plants import pump

from edge_agent.execute.panel import Hand
from edge_agent.execute.troubles import troubles
from edge_agent.model.desired import Desired


class Ack(NamedTuple):
    command_id: str
    status: str
    detail: str
    actuator: str


def running(make_desk, **more):
    """A pump that was started and obeyed, 60 s ago."""
    desk = make_desk(pump(**more))
    desk.done("start")
    return desk.at(60)


# Local ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["running", "stopped", "fault"])
@pytest.mark.parametrize("action", ["start", "stop"])
def test_nothing_is_commanded_in_local(make_desk, word, action):
    desk = running(make_desk)
    desk.state(word, local=True)
    assert desk.control.state is Desired.SUSPENDED
    assert desk.request(action) == desk.wait(2000, step=10) == []
    assert desk.troubles == {"not_in_auto": "medium"}


def test_not_even_a_trip_is_commanded_in_local(make_desk):
    desk = running(make_desk)
    desk.state("running", local=True)
    assert desk.request("stop", trip=True) == desk.wait(2000, step=10) == []


def test_what_is_in_remote_again_is_commanded_at_once(make_desk):
    desk = running(make_desk)
    desk.state("running", local=True)
    desk.request("stop")
    desk.at(100).state("running")
    assert [c.action for c in desk.tick()] == ["stop"]
    assert desk.troubles == {}


def test_local_from_the_first_report_on(desk):
    desk.state("stopped", local=True)
    assert desk.request("start") == desk.wait(100) == []
    desk.at(101).state("stopped")
    assert len(desk.tick()) == 1


def test_the_end_of_local_ends_a_lock_out(make_desk):
    desk = running(make_desk)
    desk.control.lock_out.failures = 3
    desk.state("running", local=True)
    assert "locked_out" in desk.troubles
    desk.state("running")
    assert desk.troubles == {}


def test_a_person_may_not_release_what_the_panel_holds(make_desk):
    desk = running(make_desk)
    desk.state("running", local=True)
    assert not desk.operate("release")
    assert desk.wait(100) == []


@pytest.mark.parametrize(("action", "given"), [("start", []), ("stop", ["stop"])])
def test_local_is_remembered_but_holds_no_stop_before_it_is_heard_again(make_desk, action, given):
    desk = running(make_desk)
    desk.state("running", local=True)
    after = make_desk(remembered=desk.memory())
    assert [c.action for c in after.request(action)][:1] == given


def test_a_remembered_local_that_is_heard_again_holds_a_stop_too(make_desk):
    desk = running(make_desk)
    desk.state("running", local=True)
    after = make_desk(remembered=desk.memory())
    [stop] = after.request("stop")
    after.publish(stop)
    after.at(1).state("running", local=True)
    after.ack(stop, "rejected", "local")
    assert after.wait(1000, step=10) == []
    assert after.control.state is Desired.SUSPENDED


# Unexpected, towards the fail-safe ------------------------------------------------------------------------------


def test_a_pump_stopped_at_the_panel_is_left_alone(make_desk):
    desk = running(make_desk)
    desk.state("stopped")
    assert desk.wait(5000, step=10) == []
    assert desk.control.state is Desired.SUSPENDED
    assert desk.troubles == {"not_in_auto": "medium"}


def test_until_it_is_released(make_desk):
    desk = running(make_desk, min_off_seconds=120)
    desk.state("stopped")
    desk.wait(100)
    assert desk.operate("release")
    assert not desk.operate("release")
    assert desk.wait(179) == []  # its rest
    assert [c.action for c in desk.wait(181)] == ["start"]
    assert desk.troubles == {}


def test_or_put_back_at_the_panel(make_desk):
    desk = running(make_desk)
    desk.state("stopped")
    desk.at(100).state("running")
    assert desk.troubles == {}
    assert [c.action for c in desk.wait(101)] == ["start"]  # to have its lease again


def test_another_start_is_suspended_and_a_stop_is_not(make_desk):
    desk = running(make_desk)
    desk.state("stopped")
    assert desk.request("set", 0.8) == []
    assert [c.action for c in desk.request("stop")] == ["stop"]
    assert desk.request("start") == []
    assert desk.control.state is Desired.SUSPENDED


def test_a_suspension_survives_a_restart(make_desk):
    desk = running(make_desk)
    desk.state("stopped")
    after = make_desk(remembered=desk.memory())
    after.state("stopped")
    assert after.wait(1000, step=10) == []
    assert after.operate("release")
    assert len(after.tick()) == 1


def test_one_further_try_after_the_rest_where_the_plant_file_says_so(make_desk):
    desk = running(make_desk, unexpected_retries=1, min_off_seconds=120)
    desk.state("stopped")
    assert desk.wait(179) == []
    [again] = desk.wait(181)
    desk.publish(again)
    desk.state("running")
    desk.ack(again, "done")
    desk.at(300).state("stopped")
    assert desk.wait(2000, step=10) == []
    assert "not_in_auto" in desk.troubles


@pytest.mark.parametrize("word", ["rejected", "failed", "done", "accepted"])
def test_a_renewal_that_was_under_way_when_the_hand_came_does_no_harm(make_desk, word):
    desk = running(make_desk, unexpected_retries=1, min_off_seconds=120)
    [renewal] = desk.wait(450)
    desk.publish(renewal)
    desk.state("stopped")
    assert desk.control.state is Desired.CONTRADICTED
    desk.ack(renewal, word)
    assert desk.wait(569) == []
    assert [c.action for c in desk.wait(580)] == ["start"]


# Insisting ------------------------------------------------------------------------------------------------------


def test_where_the_plant_file_insists_it_is_brought_back(make_desk):
    desk = running(make_desk, hand="insist")
    desk.state("stopped")
    [restore] = desk.tick()
    assert (restore.action, restore.reason) == ("start", "the equipment does otherwise: because")


def test_it_insists_ever_less_often(make_desk):
    desk = make_desk(pump(hand="insist", lock_out_after=99))
    desk.done("start")
    times = []
    for second in range(10, 400):
        desk.at(second).state("stopped")
        for command in desk.tick():
            times.append(second)
            desk.publish(command)
            desk.ack(command, "done")
    assert [after - before for before, after in pairwise(times)] == [10, 20, 40, 80, 160]


def test_minimum_off_time_holds_for_bringing_back_too(make_desk):
    desk = running(make_desk, hand="insist", min_off_seconds=120)
    desk.state("stopped")
    assert desk.wait(179) == []
    assert desk.verdicts[-1] == ("start", "held")
    assert len(desk.wait(181)) == 1


def test_once_it_obeys_the_pauses_are_short_again(make_desk):
    desk = make_desk(pump(hand="insist"))
    desk.done("start")
    for second in (10, 100):
        desk.at(second).state("stopped")
        [command] = desk.tick()
        desk.publish(command)
        desk.ack(command, "done")
        desk.at(second + 2).state("running")
    assert desk.control.pace.pause_seconds == 5


# Unexpected, away from the fail-safe ----------------------------------------------------------------------------


def run_by_hand(make_desk):
    desk = make_desk()
    desk.done("stop")
    desk.at(60).state("running")
    [once] = desk.tick()
    assert (once.action, once.reason) == ("stop", "the equipment does otherwise: because")
    desk.publish(once)
    desk.ack(once, "done")
    return desk


def test_a_pump_run_by_hand_is_stopped_once_then_alarmed(make_desk):
    desk = run_by_hand(make_desk)
    assert desk.wait(3000, step=10) == []
    assert desk.troubles["contradicts"] == "high"
    assert desk.troubles["stop_not_confirmed"] == "critical"
    [reason] = [each for name, _, each in troubles(desk.control, desk.now.seconds) if name == "contradicts"]
    assert reason == "station/pump1: stop is requested, it reports running"


def test_a_trip_asks_for_it_again(make_desk):
    desk = run_by_hand(make_desk)
    desk.wait(100)
    assert [c.action for c in desk.request("stop", trip=True)] == ["stop"]


def test_a_hand_that_ran_it_and_let_it_be_may_be_told_again(make_desk):
    desk = run_by_hand(make_desk)
    desk.at(70).state("stopped")
    desk.at(200).state("running")
    assert [c.action for c in desk.tick()] == ["stop"]


# No hand --------------------------------------------------------------------------------------------------------


def test_a_change_that_comes_with_the_nodes_return_is_no_hand(make_desk):
    desk = make_desk()
    desk.online()
    desk.done("start")
    desk.at(60).online(False)
    desk.at(90).online(True)
    desk.state("stopped")
    assert [c.action for c in desk.tick()] == ["start"]
    assert desk.control.panel.hand is Hand.AUTO


def test_a_lease_that_ran_out_is_no_hand(make_desk):
    desk = running(make_desk, lease_seconds=100)
    desk.link(False)
    desk.wait(150)
    desk.link(True)
    desk.state("stopped")
    assert desk.control.panel.hand is Hand.AUTO
    assert [c.action for c in desk.tick()] == ["start"]


def test_what_was_commanded_is_no_hand(make_desk):
    desk = running(make_desk)
    [stop] = desk.request("stop")
    desk.publish(stop)
    desk.state("stopped")
    assert desk.control.panel.hand is Hand.AUTO


def test_a_word_of_the_nodes_own_is_no_hand(make_desk):
    desk = running(make_desk)
    desk.state("fault")
    assert desk.control.panel.hand is Hand.AUTO


def test_what_a_command_does_that_was_overtaken_on_its_way_is_no_hand(make_desk):
    """The request changes back while a stop is on its way: that the pump stops is the agent's own doing."""
    desk = running(make_desk, min_on_seconds=0, min_off_seconds=0)
    [stop] = desk.request("stop")
    desk.publish(stop)
    [start] = desk.at(60.01).request("start")
    desk.at(60.02).state("stopped")
    assert (desk.control.panel.hand, "not_in_auto" in desk.troubles) == (Hand.AUTO, False)
    desk.ack(start, "done")
    desk.state("running")
    assert desk.control.state is Desired.FULFILLED
    desk.at(200).state("stopped")
    assert desk.control.panel.hand is Hand.UNEXPECTED


def test_what_it_does_after_the_next_one_was_done_is_put_right(make_desk):
    desk = running(make_desk, min_on_seconds=0, min_off_seconds=0)
    [stop] = desk.request("stop")
    desk.publish(stop)
    [start] = desk.at(60.01).request("start")
    desk.ack(start, "done")
    desk.at(60.03).state("stopped")
    assert desk.control.panel.hand is Hand.AUTO
    assert [c.action for c in desk.wait(100)][:1] == ["start"]


def test_what_the_command_of_another_agent_does_is_no_hand(make_desk):
    """Two agents take turns: this one has control again, and does not take the other's stop for a person's."""
    desk = running(make_desk, min_on_seconds=0, min_off_seconds=0)
    desk.overhear("another agent's")
    desk.state("stopped")
    assert desk.control.panel.hand is Hand.AUTO
    assert [c.action for c in desk.wait(100)][:1] == ["start"]


@pytest.mark.parametrize("word", ["rejected", "failed"])
def test_a_command_of_another_agent_that_was_not_carried_out_explains_nothing(make_desk, word):
    desk = running(make_desk)
    desk.act(acknowledgements=[Ack("another agent's", word, "", "station/pump1")])
    desk.state("stopped")
    assert desk.control.panel.hand is Hand.UNEXPECTED


def test_a_second_word_on_the_newest_command_explains_nothing(make_desk):
    desk = running(make_desk)
    desk.overhear(desk.all.commands[-1].id)
    desk.state("stopped")
    assert desk.control.panel.hand is Hand.UNEXPECTED


def test_what_was_missed_before_is_commanded_at_once_when_it_is_in_remote_again(make_desk):
    desk = make_desk(pump())
    [command] = desk.request("start")
    desk.fail(command)
    desk.state("stopped", local=True)
    desk.at(1).state("stopped")
    assert [c.action for c in desk.tick()] == ["start"]


def test_a_further_try_waits_as_long_as_an_answer_may_take_where_no_rest_is_needed(make_desk):
    desk = running(make_desk, unexpected_retries=1, min_off_seconds=0, ack_timeout_seconds=30)
    desk.state("stopped")
    assert desk.wait(89) == []
    assert [command.action for command in desk.wait(91)] == ["start"]


def test_a_stop_that_becomes_a_trip_is_not_commanded_in_local_either(make_desk):
    desk = running(make_desk)
    desk.state("running", local=True)
    assert desk.request("stop") == []
    assert desk.request("stop", plan="dry", trip=True) == desk.wait(2000, step=10) == []
    assert desk.control.state is Desired.SUSPENDED


def test_a_stop_that_becomes_a_trip_is_not_commanded_again_where_the_equipment_has_stopped(make_desk):
    desk = make_desk(pump())
    desk.done("stop")
    assert desk.at(5).request("stop", plan="dry", trip=True) == desk.wait(60) == []
