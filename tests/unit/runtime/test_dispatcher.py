from __future__ import annotations

import asyncio

import pytest
from support.clocks import pass_time
from support.deadline import wait_until

from edge_agent.errors import NoFormError, PublishTooLargeError
from edge_agent.model.inbox import BreakerReport
from edge_agent.runtime.resilience import BREAKER_SECONDS, COMMAND_ATTEMPTS


def tasks(prefix):
    return [task for task in asyncio.all_tasks() if task.get_name().startswith(prefix)]


async def test_acknowledged_at_the_first_attempt_it_is_not_repeated(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command = make_command()
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher.start(command, None)
        await wait_until(lambda: reports.dispatches)
        dispatcher.settle(command.id)
        await wait_until(lambda: not tasks("dispatch"))
        clock.advance(60)
        assert dispatcher._open == {}
    assert outlet.commands == [command]
    assert outlet.remaining == [30.0]
    assert reports.states == ["published"]
    assert reports.breakers == []


@pytest.mark.parametrize(
    "error",
    [
        PublishTooLargeError("the broker takes no packet of more than 400 bytes"),
        NoFormError("its device has no form for set"),
    ],
)
async def test_a_command_that_cannot_be_said_has_failed_at_once(
    make_dispatcher, make_command, task_group, clock, outlet, reports, error
):
    async def refuse(_command, _remaining_seconds):
        outlet.tried += 1
        raise error

    outlet.command = refuse
    async with task_group() as group:
        make_dispatcher(group, clock).start(make_command(), None)
        await wait_until(lambda: reports.dispatches)
        assert reports.states == ["failed"]
        assert str(error) in reports.dispatches[-1].detail
    assert outlet.tried == 1


async def test_a_node_may_answer_before_the_broker_has_confirmed(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command = make_command()
    outlet.confirming.clear()
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher.start(command, None)
        await wait_until(lambda: outlet.tried)
        dispatcher.settle(command.id)
        outlet.confirming.set()
        await wait_until(lambda: not tasks("dispatch"))
    assert outlet.commands == [command]
    assert reports.states == ["published"]


async def test_a_silent_node_is_asked_three_times_with_the_same_id_then_it_is_left_alone(
    make_dispatcher, make_command, task_group, hasty_clock, outlet, reports
):
    command = make_command()
    async with task_group() as group:
        dispatcher = make_dispatcher(group, hasty_clock)
        dispatcher.start(command, None)
        await pass_time(hasty_clock, lambda: "failed" in reports.states)
        assert [sent.id for sent in outlet.commands] == [command.id] * COMMAND_ATTEMPTS
        assert reports.states == ["published"] * COMMAND_ATTEMPTS + ["failed"]
        assert "no acknowledgement after 3 attempts" in reports.dispatches[-1].detail
        assert reports.breakers == [BreakerReport("station", "open")]
        blocked = make_command(2, "pump2")
        dispatcher.start(blocked, None)
        await wait_until(lambda: reports.dispatches[-1].command_id == blocked.id)
        assert reports.states[-1] == "failed"
        assert len(outlet.commands) == COMMAND_ATTEMPTS
        hasty_clock.advance(BREAKER_SECONDS + 1)
        await wait_until(lambda: reports.breakers[-1] == BreakerReport("station", "half_open"))
        assert not tasks("thaw")
        probe = make_command(3, at=hasty_clock.now().at)
        dispatcher.start(probe, None)
        await wait_until(lambda: outlet.commands[-1] == probe)
        dispatcher.settle(probe.id)
        await wait_until(lambda: reports.breakers[-1] == BreakerReport("station", "closed"))


async def test_each_attempt_tells_the_broker_how_long_the_command_still_lasts(
    make_dispatcher, make_command, task_group, hasty_clock, outlet, reports
):
    command = make_command()
    async with task_group() as group:
        dispatcher = make_dispatcher(group, hasty_clock)
        dispatcher.start(command, None)
        await pass_time(hasty_clock, lambda: len(outlet.commands) == 2)
        dispatcher.settle(command.id)
    assert outlet.remaining[1] == pytest.approx(30.0 - (hasty_clock.now().seconds - 1000.0))
    assert outlet.remaining[1] < outlet.remaining[0]


async def test_an_answer_between_two_attempts_saves_the_next(
    make_dispatcher, make_command, task_group, hasty_clock, outlet, reports
):
    command = make_command()
    async with task_group() as group:
        dispatcher = make_dispatcher(group, hasty_clock)
        dispatcher.start(command, None)
        await wait_until(lambda: hasty_clock.sleepers)
        dispatcher.settle(command.id)
        hasty_clock.advance(5)
        await wait_until(lambda: not tasks("dispatch"))
    assert outlet.commands == [command]
    assert reports.states == ["published"]


async def test_an_accepted_command_is_not_called_failed_because_the_breaker_opened_for_another(
    make_dispatcher, make_command, task_group, hasty_clock, outlet, reports
):
    command = make_command()
    async with task_group() as group:
        dispatcher = make_dispatcher(group, hasty_clock)
        dispatcher.start(command, None)
        await wait_until(lambda: hasty_clock.sleepers)
        dispatcher.settle(command.id)
        dispatcher._breaker("station").trip()
        hasty_clock.advance(5)
        await wait_until(lambda: not tasks("dispatch"))
    assert reports.states == ["published"]


async def test_without_a_broker_it_is_tried_until_the_command_expires(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command = make_command()
    begun = clock.now().seconds
    outlet.away = True
    async with task_group() as group:
        make_dispatcher(group, clock).start(command, None)
        await pass_time(clock, lambda: reports.dispatches, step=0.5)
    assert reports.states == ["expired"]
    assert outlet.tried > COMMAND_ATTEMPTS
    assert 28.0 <= clock.now().seconds - begun <= 30.5
    assert reports.breakers == []


async def test_a_broker_that_comes_back_in_time_gets_the_command(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command = make_command()
    outlet.away = True
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher.start(command, None)
        await pass_time(clock, lambda: clock.now().seconds >= 1020.0, step=0.5)
        outlet.away = False
        await pass_time(clock, lambda: outlet.commands, step=0.5)
        dispatcher.settle(command.id)
        await wait_until(lambda: not tasks("dispatch"))
    assert reports.states == ["published"]
    assert outlet.remaining[-1] <= 10.0


async def test_what_expired_before_it_could_be_stored_is_never_published(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command = make_command()
    clock.advance(30)
    async with task_group() as group:
        make_dispatcher(group, clock).start(command, None)
        await wait_until(lambda: reports.dispatches)
    assert (outlet.tried, reports.states) == (0, ["expired"])


async def test_time_spent_before_the_start_is_time_of_the_command(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    command = make_command()
    clock.advance(25)
    outlet.away = True
    async with task_group() as group:
        make_dispatcher(group, clock).start(command, None)
        await pass_time(clock, lambda: reports.dispatches, step=0.1)
    assert clock.now().seconds <= 1030.1
    assert reports.states == ["expired"]


async def test_a_superseded_command_is_neither_repeated_nor_counted_as_an_answer(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        breaker = dispatcher._breaker("station")
        breaker.trip()
        clock.advance(BREAKER_SECONDS)
        breaker.thaw()
        command = make_command()
        dispatcher.start(command, None)
        await wait_until(lambda: reports.dispatches)
        dispatcher.settle(command.id, heard=False)
        await wait_until(lambda: not tasks("dispatch"))
    assert outlet.commands == [command]
    assert reports.states == ["published"]
    assert [report.state for report in reports.breakers] == ["open", "half_open"]


async def test_settling_an_unknown_command_does_nothing(make_dispatcher, task_group, clock, reports):
    async with task_group() as group:
        make_dispatcher(group, clock).settle("unknown")
    assert reports.dispatches == []


async def test_the_reaction_is_measured_once_at_the_first_publication(
    make_dispatcher, make_command, task_group, hasty_clock, outlet, observer
):
    command = make_command()
    received = hasty_clock.steady()
    hasty_clock.advance(2.0)
    async with task_group() as group:
        dispatcher = make_dispatcher(group, hasty_clock)
        dispatcher.start(command, received)
        await pass_time(hasty_clock, lambda: len(outlet.commands) == 2)
        dispatcher.settle(command.id)
    assert observer.reactions == [2.0]


async def test_tasks_are_named_and_leave_nothing_behind_when_cancelled(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher.start(make_command(41), None)
        dispatcher.start(make_command(42, "pump2"), None)
        await wait_until(lambda: len(reports.dispatches) == 2)
        assert {task.get_name() for task in tasks("dispatch")} == {
            "dispatch station/pump1 41",
            "dispatch station/pump2 42",
        }
        dispatcher._breaker("station").trip()
        assert [task.get_name() for task in tasks("thaw")] == ["thaw station"]
    assert not tasks("dispatch")
    assert not tasks("thaw")
    assert reports.states == ["published", "published"]
    assert dispatcher._open == {}
