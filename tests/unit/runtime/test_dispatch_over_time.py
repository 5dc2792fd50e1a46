"""What a connection that comes back, a wall clock that is set, and a newer request mean for a command on its way."""

from __future__ import annotations

import asyncio

import pytest
from support.deadline import wait_until

from edge_agent.errors import BrokerUnavailableError

HOUR_SECONDS = 3600.0


def dispatching():
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("dispatch")]


async def until_waiting(clock, least_seconds):
    """Let time pass until so much of it is over and the command waits for its next attempt."""
    end = clock.now().seconds + least_seconds

    def waits():
        if clock.now().seconds < end and clock.sleepers:
            clock.advance(0.5)
        return clock.now().seconds >= end and clock.sleepers

    await wait_until(waits)


async def test_a_command_that_waits_for_the_broker_is_tried_as_soon_as_it_is_back(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command = make_command(ttl_seconds=6.0)
    outlet.away = True
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher.start(command, None)
        await until_waiting(clock, 3.0)
        outlet.away = False
        dispatcher.connected()
        await wait_until(lambda: outlet.commands == [command])
        dispatcher.settle(command.id)
    assert reports.states == ["published"]
    assert outlet.remaining[-1] == pytest.approx(3.0)


async def test_it_is_not_given_up_because_the_next_pause_would_be_too_long(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    outlet.away = True
    async with task_group() as group:
        make_dispatcher(group, clock).start(make_command(), None)
        await until_waiting(clock, 29.5)
        assert reports.states == []
        clock.advance(0.6)
        await wait_until(lambda: reports.states == ["expired"])


async def test_a_broker_that_came_back_during_the_attempt_is_not_waited_for(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command, take = make_command(), outlet.command

    async def lose_the_first(command, remaining_seconds):
        outlet.command = take
        dispatcher.connected()
        raise BrokerUnavailableError("the old connection is lost")

    outlet.command = lose_the_first
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher.start(command, None)
        await wait_until(lambda: outlet.commands == [command])
        dispatcher.settle(command.id)
    assert clock.sleepers == 0


async def test_a_connection_does_not_hasten_what_the_broker_has_taken(
    make_dispatcher, make_command, task_group, hasty_clock, outlet
):
    async with task_group() as group:
        dispatcher = make_dispatcher(group, hasty_clock)
        dispatcher.start(make_command(), None)
        await wait_until(lambda: hasty_clock.sleepers)
        dispatcher.connected()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert hasty_clock.sleepers == 1
    assert len(outlet.commands) == 1


async def test_a_superseded_command_that_waits_for_the_broker_is_not_published_any_more(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command = make_command()
    outlet.away = True
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher.start(command, None)
        await wait_until(lambda: clock.sleepers)
        tried, outlet.away = outlet.tried, False
        dispatcher.settle(command.id, heard=False)
        dispatcher.connected()
        await wait_until(lambda: not dispatching())
    assert (outlet.tried, outlet.commands, reports.states) == (tried, [], [])


@pytest.mark.parametrize("decided", [True, False])
async def test_a_wall_clock_set_back_gives_a_command_no_longer_life(
    make_dispatcher, make_command, task_group, clock, outlet, reports, decided
):
    command, begun = make_command(), clock.now().seconds
    clock.jump_wall(-HOUR_SECONDS)
    outlet.away = True
    async with task_group() as group:
        make_dispatcher(group, clock).start(command, None, begun if decided else None)
        await until_waiting(clock, 29.0)
        clock.advance(1.1)
        await wait_until(lambda: reports.states == ["expired"])
    assert max(outlet.remaining) == 30.0


async def test_a_wall_clock_set_forward_a_little_takes_nothing_from_a_command(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command, begun = make_command(), clock.now().seconds
    clock.jump_wall(20.0)
    async with task_group() as group:
        make_dispatcher(group, clock).start(command, None, begun)
        await wait_until(lambda: outlet.commands)
    assert outlet.remaining == [30.0]


@pytest.mark.parametrize("action", ["start", "stop"])
async def test_a_command_that_its_node_would_call_expired_is_reported_so_and_not_published(
    make_dispatcher, make_command, task_group, clock, outlet, reports, action
):
    command, begun = make_command(action=action), clock.now().seconds
    clock.jump_wall(HOUR_SECONDS)
    async with task_group() as group:
        make_dispatcher(group, clock).start(command, None, begun)
        await wait_until(lambda: reports.dispatches)
    assert (outlet.tried, reports.states) == (0, ["expired"])
    assert "clock" in reports.dispatches[0].detail


async def test_a_wall_clock_set_between_two_attempts_expires_the_command(
    make_dispatcher, make_command, task_group, hasty_clock, outlet, reports
):
    async with task_group() as group:
        make_dispatcher(group, hasty_clock).start(make_command(), None)
        await wait_until(lambda: hasty_clock.sleepers)
        hasty_clock.jump_wall(HOUR_SECONDS)
        hasty_clock.advance(1.0)
        await wait_until(lambda: len(reports.states) == 2)
    assert reports.states == ["published", "expired"]
