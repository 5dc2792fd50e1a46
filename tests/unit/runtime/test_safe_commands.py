"""A command with the fail-safe action of its actuator is held back by no belief."""

from __future__ import annotations

import asyncio

import pytest
from support.clocks import pass_time
from support.deadline import wait_until

from edge_agent.model.inbox import BreakerReport
from edge_agent.runtime.resilience import BREAKER_SECONDS, BREAKER_THRESHOLD, COMMAND_ATTEMPTS


def dispatching():
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("dispatch")]


@pytest.mark.parametrize("state", ["open", "half_open"])
async def test_a_stop_passes_a_breaker_and_its_answer_closes_it(
    make_dispatcher, make_command, task_group, clock, outlet, reports, state
):
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher._breaker("station").trip()
        if state == "half_open":
            clock.advance(BREAKER_SECONDS)
            dispatcher._breaker("station").thaw()
        stop = make_command(action="stop")
        dispatcher.start(stop, None)
        await wait_until(lambda: reports.dispatches)
        dispatcher.settle(stop.id)
        await wait_until(lambda: not dispatching())
    assert outlet.commands == [stop]
    assert reports.states == ["published"]
    assert reports.breakers[-1] == BreakerReport("station", "closed")


async def test_a_stop_does_not_wait_for_the_probe_of_another(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher._breaker("station").trip()
        clock.advance(BREAKER_SECONDS)
        dispatcher._breaker("station").thaw()
        probe, stop, other = make_command(1), make_command(2, "pump2", action="stop"), make_command(3)
        dispatcher.start(probe, None)
        await wait_until(lambda: outlet.commands == [probe])
        dispatcher.start(stop, None)
        await wait_until(lambda: outlet.commands == [probe, stop])
        dispatcher.start(other, None)
        await wait_until(lambda: reports.states[-1] == "failed")
        dispatcher.settle(probe.id, heard=False)
        dispatcher.settle(stop.id)
        await wait_until(lambda: not dispatching())
    assert outlet.commands == [probe, stop]


async def test_a_stop_is_tried_while_it_lasts_though_the_breaker_opens_on_the_way(
    make_dispatcher, make_command, task_group, hasty_clock, outlet, reports
):
    stop = make_command(action="stop", ttl_seconds=6.0)
    async with task_group() as group:
        dispatcher = make_dispatcher(group, hasty_clock)
        dispatcher.start(stop, None)
        await pass_time(hasty_clock, lambda: "failed" in reports.states, step=0.02)
    assert len(outlet.commands) > max(COMMAND_ATTEMPTS, BREAKER_THRESHOLD)
    assert {sent.id for sent in outlet.commands} == {stop.id}
    assert outlet.remaining[-1] > 0
    assert reports.breakers == [BreakerReport("station", "open")]


async def test_what_is_no_fail_safe_action_is_still_held_back_by_an_open_breaker(
    make_dispatcher, make_command, task_group, clock, outlet, reports
):
    async with task_group() as group:
        dispatcher = make_dispatcher(group, clock)
        dispatcher._breaker("station").trip()
        dispatcher.start(make_command(), None)
        await wait_until(lambda: reports.dispatches)
    assert (outlet.tried, reports.states) == (0, ["failed"])
