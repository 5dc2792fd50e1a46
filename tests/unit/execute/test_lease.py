"""Leases: renewed at half their time, and pauses, broken links and set clocks that cost none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plants import pump

from edge_agent.execute.lease import Lease


@given(st.floats(10, 3600), st.floats(0, 1e6), st.floats(0, 1))
def test_it_is_due_at_half_its_time_and_ends_with_it(length, given_at, part):
    lease = Lease(length)
    lease.ask(given_at)
    assert not lease.due(given_at + 0.49 * length * part)
    assert lease.due(given_at + 0.51 * length)
    assert lease.ended(given_at)  # nobody has carried it out yet
    lease.grant()
    assert not lease.ended(given_at + 0.99 * length * part)
    assert lease.ended(given_at + 1.01 * length)


@given(st.floats(10, 3600), st.floats(1, 1800), st.floats(0, 0.999))
def test_a_pause_leaves_time_within_the_lease(length, pause, part):
    lease = Lease(length)
    lease.ask(0)
    lease.grant()
    left = length * (1 - part)
    assert lease.patience(pause, length * part) <= max(1.0, left / 4 * 1.001)
    assert lease.patience(pause, length * part) <= pause


def test_without_a_lease_a_pause_is_as_long_as_it_is():
    lease = Lease(100)
    assert lease.patience(50, 0) == 50
    lease.ask(0)
    lease.grant()
    assert lease.patience(50, 100) == 50


def test_what_nobody_knows_is_due_and_ended():
    lease = Lease(900)
    lease.ask(0)
    lease.grant()
    lease.forget()
    assert (lease.due(0), lease.ended(0)) == (True, True)
    assert repr(lease) == "<Lease of 900 s, granted at None>"


@pytest.mark.parametrize("length", [60, 900])
def test_a_renewal_that_misses_is_tried_several_times_before_the_lease_ends(make_desk, length):
    desk = make_desk(pump(lease_seconds=length))
    desk.done("start")
    tries, seconds = 0, length // 2 - 1
    while seconds < length - 1:
        seconds += 1
        for command in desk.at(seconds).tick():
            tries += 1
            desk.publish(command)
            desk.fail(command)
    assert tries >= 4


def test_a_renewal_that_is_lost_for_a_while_costs_no_lease(make_desk):
    desk = make_desk(pump(lease_seconds=120))
    desk.done("start")
    renewed = 0.0
    for second in range(1, 3600):
        for command in desk.at(second).tick():
            desk.publish(command)
            if second % 120 < 90:
                desk.fail(command)
            else:
                desk.ack(command, "done")
                renewed = second
        assert second - renewed < 240


# The link -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["start", "stop"])
def test_without_a_link_nothing_is_commanded_and_at_once_when_it_is_back(desk, action):
    desk.link(False)
    assert desk.request(action) == desk.wait(500) == []
    assert desk.verdicts == [(action, "held")]
    desk.link(True)
    assert [c.action for c in desk.tick()] == [action]


def test_what_missed_is_asked_when_the_link_is_back(desk):
    [command] = desk.request("stop")
    for _ in range(5):
        desk.publish(command)
        desk.fail(command)
        command = desk.next()
    desk.publish(command)
    desk.fail(command)
    desk.link(False)
    desk.wait(desk.seconds + 5)
    desk.link(True)
    assert [c.reason for c in desk.tick()] == ["once more: because"]


def test_a_link_that_was_there_wakes_nothing(desk):
    [command] = desk.request("stop")
    desk.publish(command)
    desk.fail(command)
    desk.link(True)
    assert desk.tick() == []


def test_a_renewal_waits_for_the_link(desk):
    desk.done("start")
    desk.link(False)
    assert desk.wait(500) == []
    desk.link(True)
    assert [c.reason for c in desk.tick()] == ["lease renewed: because"]


# The clock ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "given"), [(0, 0), (1, 0), (-3600, 1), (3600, 1)])
def test_a_clock_that_was_set_wakes_what_missed(desk, step, given):
    [command] = desk.request("stop")
    for _ in range(4):
        desk.publish(command)
        desk.fail(command)
        command = desk.next()
    desk.publish(command)
    desk.fail(command)
    desk.at(desk.seconds + 2)
    desk.now = desk.now._replace(at=desk.now.at + step * 1_000_000)
    assert len(desk.tick()) == given


@pytest.mark.parametrize("length", [3, 6, 8, 15, 30])
def test_a_short_lease_is_renewed_at_its_half_too(make_desk, length):
    desk = make_desk(pump(lease_seconds=length, ack_timeout_seconds=1, command_ttl_seconds=3))
    desk.done("start")
    given_at = []
    for tick in range(1, 10 * length):
        for command in desk.at(tick / 5).tick():
            given_at.append(tick / 5)
            desk.publish(command)
            desk.ack(command, "done")
    assert given_at[:2] == pytest.approx([length / 2, length], abs=0.4)
