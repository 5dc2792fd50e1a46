"""A lost acknowledgement is not the end of what is known: the equipment's own report settles a command as well."""

from __future__ import annotations

DONE = [("done", "the equipment reports it")]


def test_an_open_command_of_a_former_run_is_done_when_the_equipment_does_what_it_asked(desk, make_desk):
    [command] = desk.at(1).request("start")
    desk.publish(command)
    after = make_desk(remembered=desk.memory())
    assert after.at(5).state("running") == DONE
    assert after.at(6).state("running") == []


def test_a_report_of_something_else_leaves_it_open(desk, make_desk):
    [command] = desk.at(1).request("start")
    desk.publish(command)
    after = make_desk(remembered=desk.memory())
    assert after.at(5).state("stopped") == []
    assert after.at(5).state("fault") == []
    assert after.ack(command, "done") == ["done"]


def test_what_was_settled_by_a_report_is_renewed_soon(desk, make_desk):
    """It may have been a renewal that never arrived: nobody knows how much of the lease is left."""
    [command] = desk.at(1).request("start")
    desk.publish(command)
    after = make_desk(remembered=desk.memory())
    after.at(5).state("running")
    renewed = after.next(within=10)
    assert (renewed.action, renewed.reason) == ("start", "lease renewed: because")


def test_a_command_that_was_carried_out_without_a_word_is_done(desk):
    [command] = desk.at(1).request("start")
    desk.publish(command)
    assert desk.at(2).state("running") == []  # its acknowledgement may yet come
    assert desk.at(6).fail(command) == [("done", 1)]


def test_a_command_without_a_word_is_done_at_its_expiry_where_the_report_tells(desk):
    [command] = desk.at(1).request("start")
    desk.publish(command)
    desk.at(2).state("running")
    desk.wait(60)
    assert desk.states[-1] == "done"


def test_a_renewal_is_not_proven_by_what_was_so_before(desk):
    desk.done("start", at=1)
    renewal = desk.next()
    desk.publish(renewal)
    desk.state("running")
    assert desk.fail(renewal) == [("failed", 1)]


def test_a_command_that_never_left_is_not_done(desk):
    [command] = desk.at(1).request("start")
    desk.at(2).state("running")  # by hand
    assert desk.fail(command) == [("failed", 0)]
