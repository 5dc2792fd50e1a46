"""From the request to the outcome: acknowledgements, deliveries, expiry, and what follows from each."""

from __future__ import annotations

from uuid import UUID

import pytest
from support.plants import START, later, pump

from edge_agent.model.commands import CommandState, Decision
from edge_agent.model.desired import Desired
from edge_agent.model.inbox import DispatchReport


def test_a_request_becomes_one_command(desk):
    [command] = desk.request("start")
    assert (command.site, command.target, command.action, command.value) == (
        "riverside",
        "station/pump1",
        "start",
        None,
    )
    assert (command.epoch, command.counter, command.plan, command.reason) == (7, 1, "fill", "because")
    assert (command.issued_at, command.expires_at) == (START.at, later(30).at)
    assert UUID(command.id).version == 7
    assert desk.wait(29) == []


def test_the_decision_shows_every_check(desk):
    [command] = desk.request("start")
    [decision] = desk.all.decisions
    assert isinstance(decision, Decision)
    assert (decision.verdict, decision.command_id, decision.plan) == ("commanded", command.id, "fill")
    assert all(check.passed for check in decision.checks)
    assert [check.name for check in decision.checks] == ["mode", "broker", "node", "breaker", "stagger"]


def test_counter_and_identity_are_each_commands_own(make_desk):
    desk = make_desk(pump(), pump("station/pump2"))
    commands = desk.request("start") + desk.request("stop", of="station/pump2") + desk.at(1).request("stop")
    assert [command.counter for command in commands] == [1, 2, 3]
    assert len({command.id for command in commands}) == 3


def test_accepted_and_done(desk):
    [command] = desk.request("start")
    assert desk.publish(command) == [("published", 1)]
    assert desk.ack(command, "accepted") == ["accepted"]
    assert desk.at(3).ack(command, "done", "8 s") == ["done"]
    assert desk.all.events[-1].detail == "8 s"
    assert desk.wait(400) == []


def test_done_at_once(desk):
    [command] = desk.request("start")
    desk.publish(command)
    assert desk.ack(command, "done") == ["done"]


def test_after_the_outcome_nothing_changes_any_more(desk):
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "done")
    for word in ("accepted", "done", "rejected", "failed"):
        assert desk.ack(command, word) == []
    assert desk.fail(command) == []
    assert desk.publish(command) == []


def test_an_unknown_command_is_nobodys(desk):
    [command] = desk.request("start")
    desk.overhear("0199")
    assert desk.all.events == []
    assert desk.ack(command, "accepted") == ["accepted"]
    assert desk.ack(command, "accepted") == []


def test_further_attempts_are_counted(desk):
    [command] = desk.request("start")
    assert desk.publish(command) == [("published", 1)]
    assert desk.at(5).publish(command) == [("published", 2)]
    assert desk.control.record.attempts == 2
    assert desk.fail(command) == [("failed", 2)]


def test_a_node_faster_than_the_broker_was_reached_all_the_same(desk):
    [command] = desk.request("start")
    assert desk.ack(command, "accepted") == ["accepted"]
    assert desk.publish(command) == [("accepted", 1)]
    assert desk.ack(command, "done") == ["done"]


def test_who_acknowledges_was_reached_at_least_once(desk):
    [command] = desk.request("start")
    desk.ack(command, "done")
    assert desk.all.events[-1].attempts == 1


def test_an_accepted_command_is_not_failed_by_its_delivery(desk):
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "accepted")
    assert desk.fail(command) == []
    assert desk.deliver(DispatchReport(command.id, "expired", "")) == []
    assert desk.ack(command, "done") == ["done"]


def test_without_acknowledgement_it_fails_and_is_repeated_with_growing_pauses(desk):
    [command] = desk.request("start")
    given, pauses = [command], []
    for _ in range(6):
        desk.publish(given[-1])
        desk.fail(given[-1])
        missed = desk.seconds
        given.append(desk.next())
        pauses.append(desk.seconds - missed)
    assert pauses == [5, 10, 20, 40, 80, 160]
    assert len({command.id for command in given}) == 7
    assert given[1].reason == "once more: because"


def test_the_pause_never_exceeds_half_a_lease(make_desk):
    desk = make_desk(pump(lease_seconds=60, ack_timeout_seconds=5))
    [command] = desk.request("start")
    for _ in range(8):
        desk.publish(command)
        desk.fail(command)
        missed = desk.seconds
        command = desk.next()
    assert desk.seconds - missed == 30


def test_a_refused_command_is_asked_again_with_growing_pauses_up_to_half_a_lease(desk):
    desk.state("fault")
    [command] = desk.request("start")
    pauses = []
    for _ in range(9):
        desk.publish(command)
        assert desk.ack(command, "rejected", "local control") == ["rejected"]
        missed = desk.seconds
        command = desk.next()
        pauses.append(desk.seconds - missed)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 450, 450]
    assert desk.control.lock_out.why == "start was not carried out: local control"
    assert not desk.control.lock_out.locked


def test_a_refused_command_is_asked_again_at_once_when_the_node_reports(desk):
    desk.state("fault")
    [command] = desk.request("start")
    for _ in range(5):
        desk.publish(command)
        desk.ack(command, "rejected", "local control")
        command = desk.next()
    desk.publish(command)
    desk.ack(command, "rejected", "local control")
    assert desk.wait(desk.seconds + 20) == []
    desk.state("stopped")
    assert [c.reason for c in desk.tick()] == ["once more: because"]


def test_a_failed_command_is_asked_again(desk):
    [command] = desk.request("start")
    desk.publish(command)
    assert desk.ack(command, "failed", "overload") == ["failed"]
    assert len(desk.wait(6)) == 1


def test_a_command_nobody_heard_of_expires_with_its_acknowledgement_timeout(desk):
    [command] = desk.request("start")
    desk.publish(command)
    assert desk.wait(35) == []
    assert desk.states == ["published"]
    desk.at(35.5).tick()
    assert desk.states == ["published", "expired"]
    assert len(desk.wait(45)) == 1


@pytest.mark.parametrize("step", [-86_400, 86_400])
def test_a_wall_clock_that_jumps_neither_expires_nor_prolongs_a_command(desk, step):
    [command] = desk.request("start")
    desk.publish(command)
    desk.now = later(10)._replace(at=later(10 + step).at)
    desk.tick()
    assert desk.states == ["published"]
    desk.now = later(36)._replace(at=later(36 + step).at)
    desk.tick()
    assert desk.states == ["published", "expired"]


def test_a_command_that_never_went_out_has_started_nothing(make_desk):
    desk = make_desk(pump(max_starts_per_hour=1, min_on_seconds=300))
    desk.state("stopped")
    [command] = desk.request("start")
    desk.deliver(DispatchReport(command.id, "expired", "no broker"))
    assert (desk.control.equipment.running, list(desk.control.equipment.starts)) == (False, [])
    assert len(desk.wait(11)) == 1


def test_a_command_whose_node_was_blocked_has_started_nothing(make_desk):
    desk = make_desk(pump(max_starts_per_hour=1))
    desk.state("stopped")
    [command] = desk.request("start")
    desk.fail(command)  # the breaker was open: no attempt was made
    assert (desk.control.equipment.running, list(desk.control.equipment.starts)) == (False, [])


def test_a_refused_command_has_started_nothing(make_desk):
    desk = make_desk(pump(max_starts_per_hour=1, min_off_seconds=60))
    desk.state("stopped")
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "rejected")
    assert desk.control.equipment.running is False
    assert len(desk.wait(11)) == 1


def test_another_request_supersedes_the_open_command(desk):
    [start] = desk.request("start")
    desk.publish(start)
    [stop] = desk.at(2).request("stop")
    assert desk.states == ["published", "superseded"]
    assert desk.all.events[-1].detail == "now stop is requested"
    assert desk.ack(start, "done") == []
    desk.publish(stop)
    assert desk.ack(stop, "done") == ["done"]


def test_the_same_request_of_another_plan_changes_only_whose_it_is(desk):
    desk.done("start")
    assert desk.at(10).request("start", plan="flush", priority=90) == []
    assert desk.control.desired.plan == "flush"
    assert [command.plan for command in desk.wait(451)] == ["flush"]


def test_a_request_that_comes_back_while_its_command_is_open_is_that_command(make_desk):
    desk = make_desk(pump(min_on_seconds=300))
    [start] = desk.request("start")
    desk.publish(start)
    assert desk.at(2).request("stop") == []
    assert desk.at(3).request("start") == []
    assert desk.at(4).ack(start, "done") == ["done"]
    desk.state("running")
    assert desk.wait(440) == []
    assert [(c.action, c.reason[:5]) for c in desk.wait(460)] == [("start", "lease")]


def test_a_value_is_a_request_of_its_own(desk):
    [half] = desk.request("set", 0.5)
    desk.publish(half)
    desk.ack(half, "done")
    desk.state("running", 0.5)
    [full] = desk.at(10).request("set", 1.0)
    assert (full.action, full.value) == ("set", 1.0)


def test_outcomes_are_recorded_with_their_time(desk):
    [command] = desk.request("start")
    record = desk.control.record
    desk.publish(command)
    desk.at(4).ack(command, "done")
    assert (record.state, record.closed_at, record.attempts) == (CommandState.DONE, later(4).at, 1)


def test_what_was_published_is_on_its_way_until_its_node_accepts_it(desk):
    [command] = desk.request("start")
    desk.publish(command)
    assert desk.control.state is Desired.SENT
    desk.ack(command, "accepted")
    assert desk.control.state is Desired.ACCEPTED
