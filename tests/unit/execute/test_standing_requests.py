"""A request stands: leases are renewed, equipment that does otherwise is brought back, a restart forgets nothing."""

from __future__ import annotations

import pytest
from support.plants import START, failed, pump

from edge_agent.model.commands import ActuatorMemory, CommandRecord, CommandState, Request
from edge_agent.model.remembered import Remembered

PUMP = "station/pump1"


def test_the_lease_is_renewed_at_half_its_time(desk):
    desk.done("start")
    assert desk.wait(449) == []
    [renewal] = desk.wait(450)
    assert (renewal.action, renewal.counter, renewal.reason) == ("start", 2, "lease renewed: because")
    desk.publish(renewal)
    desk.ack(renewal, "done")
    assert desk.wait(899) == []
    assert len(desk.wait(900)) == 1


def test_what_the_node_falls_back_to_anyway_needs_no_lease(desk):
    desk.done("stop")
    assert desk.wait(3600, step=10) == []


def test_a_command_that_was_accepted_and_never_done_does_not_cost_the_lease(desk):
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "accepted")
    assert desk.wait(449) == []
    [renewal] = desk.wait(450)
    assert renewal.reason == "lease renewed: because"
    assert desk.states == ["published", "accepted", "superseded"]
    assert desk.all.events[-1].detail == "its lease is renewed by another"
    assert desk.wait(480) == []


def test_an_accepted_stop_that_is_never_done_is_soon_asked_again(desk):
    [command] = desk.request("stop")
    desk.publish(command)
    desk.ack(command, "accepted")
    assert desk.wait(10) == []
    desk.at(10.5).tick()
    assert desk.all.events[-1].detail == "accepted, but never done"
    assert [c.reason for c in desk.wait(16)] == ["once more: because"]


def test_a_renewal_that_fails_is_repeated(desk):
    desk.done("start")
    [renewal] = desk.wait(450)
    desk.publish(renewal)
    desk.at(470).fail(renewal)
    assert len(desk.wait(476)) == 1


@pytest.mark.parametrize("word", ["fault", "local"])
def test_a_word_of_the_nodes_own_contradicts_nothing(desk, word):
    desk.done("start")
    desk.at(60).state(word)
    assert desk.wait(440) == []


def test_a_state_from_before_the_command_contradicts_nothing_while_it_is_under_way(desk):
    desk.state("stopped")
    [command] = desk.at(1).request("start")
    desk.publish(command)
    desk.ack(command, "accepted")
    assert desk.wait(60) == []
    desk.ack(command, "done")
    assert desk.wait(69) == []
    desk.state("running")
    assert desk.wait(440) == []


def test_a_node_that_reports_nothing_is_believed(desk):
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "done")
    assert desk.wait(449) == []


def test_a_moment_for_the_new_state_to_arrive(desk):
    [command] = desk.request("start")
    desk.publish(command)
    desk.state("stopped")
    desk.at(1).ack(command, "done")
    assert desk.wait(5) == []
    desk.state("running")
    assert desk.wait(440) == []


def test_a_speed_that_is_not_kept_is_set_again(desk):
    [command] = desk.request("set", 0.8)
    desk.publish(command)
    desk.ack(command, "done")
    desk.state("running", 0.8)
    desk.at(20).state("running", 0.4)
    assert [(c.action, c.value) for c in desk.tick()] == [("set", 0.8)]


def test_a_node_that_went_away_is_asked_at_once_when_it_is_back(desk):
    desk.online()
    desk.done("start")
    desk.at(60).online(False)
    desk.state("stopped")
    assert desk.wait(100) == []
    desk.online(True)
    assert len(desk.tick()) == 1


def test_a_node_that_is_back_is_not_made_to_wait_for_a_long_pause(desk):
    desk.online()
    [command] = desk.request("start")
    desk.publish(command)
    desk.at(2).ack(command, "rejected")
    desk.at(10).online(False)
    desk.at(20).online(True)
    assert [c.reason for c in desk.tick()] == ["once more: because"]


def test_a_restart_neither_repeats_an_open_command_nor_forgets_it(make_desk, desk):
    [command] = desk.request("start")
    desk.publish(command)
    after = make_desk(remembered=desk.memory())
    assert after.wait(34) == []
    assert after.ack(command, "done") == ["done"]
    assert after.all.events[-1].attempts == 1


def test_a_restart_does_not_take_an_open_command_for_carried_out(make_desk):
    spec = {"min_on_seconds": 300}
    desk = make_desk(pump(**spec))
    [command] = desk.request("start")
    desk.publish(command)
    after = make_desk(pump(**spec), remembered=desk.memory())
    after.at(20).state("running")  # only now
    after.ack(command, "done")
    after.request("stop")
    assert after.wait(319) == []
    assert [c.action for c in after.wait(321)] == ["stop"]


def test_a_restart_renews_the_lease_of_an_accepted_command_in_time(make_desk, desk):
    [command] = desk.request("start")
    desk.publish(command)
    desk.at(3).ack(command, "accepted")
    after = make_desk(remembered=desk.memory())
    assert after.wait(4) == []  # nobody knows how much of it is left
    assert [c.reason for c in after.wait(6)] == ["lease renewed: because"]


def test_a_restart_expires_what_the_former_run_left_open(make_desk, desk):
    desk.request("start")
    after = make_desk(remembered=desk.memory())
    assert after.wait(36) == []
    assert after.states == ["expired"]
    assert [(c.epoch, c.counter, c.action) for c in after.wait(60)] == [(8, 1, "start")]


def test_a_restart_remembers_the_standing_request_and_renews_its_lease_soon(make_desk, desk):
    desk.done("start")
    after = make_desk(remembered=desk.memory())
    after.state("running")
    assert after.wait(4) == []
    assert [(c.action, c.plan, c.reason) for c in after.wait(6)] == [("start", "fill", "lease renewed: because")]


def test_a_restart_after_a_stop_that_was_done_needs_no_command(make_desk, desk):
    desk.done("stop")
    after = make_desk(remembered=desk.memory())
    after.state("stopped")
    assert after.wait(60) == []


def test_a_restart_does_not_forget_a_request_that_was_held(make_desk):
    desk = make_desk(pump(min_on_seconds=300))
    desk.done("start")
    assert desk.at(10).request("stop") == []
    memory = desk.memory()
    after = make_desk(pump(min_on_seconds=300), remembered=memory)
    assert after.wait(289) == []  # no state is reported: only the memory knows
    assert [c.action for c in after.wait(301)] == ["stop"]


def test_what_to_remember_is_told_when_it_changes(desk):
    assert desk.act().memories == []
    [memory] = desk.act(requests=[Request(PUMP, "start", None, "fill", 50, "because")]).memories
    assert memory.desired == ["start", None, "fill", 50, "because"]
    assert (memory.running, memory.started_at, memory.starts) == (True, START.at, [START.at])


def test_what_an_older_agent_remembers_of_equipment_that_is_gone_is_closed_and_told(make_desk, desk):
    [command] = desk.request("start")
    record = CommandRecord(command, CommandState.PUBLISHED)
    gone = Remembered(8, [record], actuators=[ActuatorMemory("station/pump1", ["start", None, "fill", 50, ""])])
    after = make_desk(pump("station/pump2"), remembered=gone)
    assert after.wait(60) == []
    assert after.states == ["expired"]
    assert [decision.reason for decision in after.all.decisions] == [
        "station/pump1 is no longer in the plant, and its fail-safe action is not known: its lease ends it"
    ]


@pytest.mark.parametrize("word", ["done", "rejected", "failed"])
def test_what_became_of_an_earlier_command_does_not_hold_a_new_request_up(desk, word):
    # Both in one turn: the node's word on the start lay unread while the level rose.
    [start] = desk.request("start")
    desk.publish(start)
    desk.at(1)
    said = {"dispatches": [failed(start)]} if word == "failed" else {"acknowledgements": [desk.word(start, word)]}
    desk.act(requests=[Request(PUMP, "stop", None, "full", 50, "too high")], **said)
    [stop] = desk.tick()
    assert (stop.action, stop.reason) == ("stop", "too high")
    desk.publish(stop)
    desk.ack(stop, "done")
    desk.state("stopped")
    assert desk.wait(60) == []


def test_what_is_requested_again_after_something_that_was_never_commanded_is_done_already(make_desk):
    desk = make_desk(pump(min_on_seconds=600))
    desk.done("start")
    assert desk.at(10).request("stop") == []
    assert desk.at(20).request("start", plan="other") == []
    assert desk.wait(60) == []
