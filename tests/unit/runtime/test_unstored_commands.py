"""A stop does not wait for a store that cannot take it, and the loop does not wait for a write that hangs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from support.deadline import wait_until
from support.plants import whole

from edge_agent.model.commands import CommandState
from edge_agent.model.inbox import Inbox, PolicyChange, Receipt
from edge_agent.model.plant import Policy
from edge_agent.runtime.resilience import (
    STORE_PAUSE_SECONDS,
    STUCK_WRITE_SECONDS,
    UNSTORED_SECONDS,
)


@pytest.fixture
def stop_plant(plant):
    """The plan stops the pump: its fail-safe action."""
    plan = plant.policy.plans[0]
    step = plan.do[0]
    stopping = replace(plan, do=(replace(step, action="stop"),))
    return replace(plant, policy=Policy(plant.policy.thresholds, (stopping,)))


@pytest.fixture
def make_stopping_loop(stop_plant, make_loop):
    """Make a loop whose plan stops the pump when the level is low."""

    def make(group, **settings):
        parts = make_loop(group, **settings)
        parts.inbox.report(PolicyChange(whole(stop_plant.policy, stop_plant)))
        return parts

    return make


async def adopt(parts):
    inbox, first = await parts.inbox.take(0)
    await parts.loop.turn(inbox, first)


def commands(journal):
    return [command.id for turn in journal.turns for command in turn.commands]


async def test_a_stop_that_the_store_cannot_take_goes_out_unstored_and_is_stored_later(
    make_stopping_loop, task_group, level_message, clock, journal, inlet, outlet, errors
):
    async with task_group() as group:
        parts = make_stopping_loop(group)
        await adopt(parts)
        journal.broken = True
        await parts.loop.turn(Inbox([level_message(1.2, 1)]), None)
        clock.advance(UNSTORED_SECONDS - 0.1)
        await parts.loop.turn(Inbox(), None)
        assert outlet.tried == 0
        assert parts.commits.patience(60.0) == pytest.approx(0.1)
        clock.advance(0.1)
        await parts.loop.turn(Inbox(), None)
        await wait_until(lambda: outlet.commands)
        (stop,) = outlet.commands
        assert (stop.action, parts.loop.unstored_commands, commands(journal)) == ("stop", 1, [])
        assert errors[-1] == "A fail-safe command goes out unstored"
        journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await parts.loop.turn(Inbox(), None)
        await asyncio.sleep(0)
        assert commands(journal) == [stop.id]
        assert inlet.acknowledged == [Receipt(1, 1)]
        assert outlet.commands == [stop]
        assert parts.loop.unstored_commands == 1


@pytest.mark.parametrize("life_seconds", [0.6, 2.0])
async def test_a_stop_with_a_short_life_goes_out_before_that_is_over(
    make_stopping_loop, task_group, level_message, clock, journal, outlet, life_seconds
):
    async with task_group() as group:
        parts = make_stopping_loop(group)
        control = parts.loop._knowledge.executor.roster.plant["station/pump1"]
        control.actuator = replace(control.actuator, command_ttl_seconds=life_seconds)
        await adopt(parts)
        journal.broken = True
        await parts.loop.turn(Inbox([level_message(1.2, 1)]), None)
        clock.advance(life_seconds / 2)
        await parts.loop.turn(Inbox(), None)
        await wait_until(lambda: outlet.commands)


async def test_what_is_no_fail_safe_action_stays_held_back(
    make_loop, task_group, level_message, clock, journal, outlet
):
    journal.broken = True
    async with task_group() as group:
        loop = make_loop(group).loop
        await loop.turn(Inbox([level_message(1.2, 1)]), None)
        for _ in range(10):
            clock.advance(STORE_PAUSE_SECONDS)
            await loop.turn(Inbox(), None)
        await asyncio.sleep(0)
    assert (outlet.tried, loop.unstored_commands) == (0, 0)


async def test_a_start_that_a_stop_has_superseded_never_goes_out(
    make_loop, stop_plant, task_group, level_message, clock, journal, outlet
):
    journal.broken = True
    async with task_group() as group:
        parts = make_loop(group)
        await parts.loop.turn(Inbox([level_message(3.0, 1), level_message(1.2, 2)]), None)
        clock.advance(STORE_PAUSE_SECONDS)
        await parts.loop.turn(Inbox([level_message(3.0, 3)]), None)
        await parts.loop.turn(Inbox(events=[PolicyChange(whole(stop_plant.policy, stop_plant))]), None)
        clock.advance(STORE_PAUSE_SECONDS)
        await parts.loop.turn(Inbox([level_message(1.2, 4)]), None)
        clock.advance(UNSTORED_SECONDS)
        await parts.loop.turn(Inbox(), None)
        await wait_until(lambda: outlet.commands)
        journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await parts.loop.turn(Inbox(), None)
        await asyncio.sleep(0)
    assert [command.action for command in outlet.commands] == ["stop"]
    assert len(commands(journal)) == 2
    ends = [event.state for turn in journal.turns for event in turn.command_events]
    assert CommandState.SUPERSEDED in ends


async def test_the_loop_turns_on_beside_a_write_that_hangs_and_nothing_is_acknowledged_before_it(
    make_loop, task_group, level_message, clock, journal, inlet, outlet
):
    journal.hangs = asyncio.Event()
    async with task_group() as group:
        parts = make_loop(group)
        await parts.loop.turn(Inbox([level_message(1.2, 1)]), None)
        await parts.loop.turn(Inbox([level_message(1.3, 2)]), None)
        assert (parts.loop.store_error, journal.tried) == (None, 1)
        clock.advance(STUCK_WRITE_SECONDS)
        await parts.loop.turn(Inbox([level_message(1.4, 3)]), None)
        assert "not ended" in parts.loop.store_error
        assert (journal.tried, outlet.tried, inlet.acknowledged) == (1, 0, [])
        journal.hangs.set()
        await wait_until(lambda: journal.writes)
        await parts.loop.turn(Inbox(), None)
        assert inlet.acknowledged == [Receipt(1, 1)]
        await wait_until(lambda: outlet.commands)
        clock.advance(60.0)
        await parts.loop.turn(Inbox(), None)
        assert parts.loop.store_error is None
        assert inlet.acknowledged == [Receipt(1, packet) for packet in (1, 2, 3)]
    stored = [reading.value for turn in journal.turns for reading in turn.readings]
    assert stored == [1.2, 1.3, 1.4]
    assert len(set(commands(journal))) == len(commands(journal)) == len(outlet.commands) == 1


async def test_a_stop_behind_a_write_that_hangs_goes_out_unstored_and_once(
    make_stopping_loop, task_group, level_message, clock, journal, outlet
):
    async with task_group() as group:
        parts = make_stopping_loop(group, commit_seconds=0.0)
        await adopt(parts)
        journal.hangs = asyncio.Event()
        group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(3.0, 1)])
        await wait_until(lambda: journal.tried)
        parts.inbox.extend([level_message(1.2, 2)])
        await wait_until(lambda: parts.commits._unstarted)
        clock.advance(UNSTORED_SECONDS)
        await wait_until(lambda: outlet.commands)
        assert journal.writes == []
        journal.hangs.set()
        await wait_until(lambda: commands(journal))
    assert commands(journal) == [command.id for command in outlet.commands]


async def test_a_hanging_write_that_fails_in_the_end_is_written_again(
    make_loop, task_group, level_message, clock, journal, inlet, outlet
):
    journal.hangs = asyncio.Event()
    async with task_group() as group:
        parts = make_loop(group)
        await parts.loop.turn(Inbox([level_message(1.2, 1)]), None)
        journal.broken = True
        journal.hangs.set()
        await wait_until(lambda: not parts.commits._writing.is_under_way)
        await parts.loop.turn(Inbox(), None)
        assert parts.loop.store_error == "the disk is full"
        journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await parts.loop.turn(Inbox(), None)
        assert inlet.acknowledged == [Receipt(1, 1)]
        await wait_until(lambda: outlet.commands)
    assert len(journal.writes) == 1


async def test_what_is_urgent_is_stored_as_soon_as_the_write_before_it_has_ended(
    make_loop, task_group, level_message, journal, outlet
):
    async with task_group() as group:
        parts = make_loop(group, commit_seconds=0.0)
        journal.hangs = asyncio.Event()
        group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(3.0, 1)])
        await wait_until(lambda: journal.tried)
        parts.inbox.extend([level_message(1.2, 2)])
        await wait_until(lambda: parts.commits._unstarted)
        journal.hangs.set()
        await wait_until(lambda: outlet.commands)
    assert len(journal.writes) >= 2


async def test_a_mistake_in_a_write_is_not_taken_for_success(make_loop, level_message, journal, inlet, outlet):
    async def err(_turns):
        raise ValueError("ours")

    journal.write = err
    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            await make_loop(group).loop.turn(Inbox([level_message(1.2, 1)]), None)
    assert (outlet.tried, inlet.acknowledged) == (0, [])


async def test_the_end_waits_for_a_write_that_hangs_and_can_be_cut_off(
    make_loop, task_group, level_message, journal, inlet
):
    journal.hangs = asyncio.Event()
    async with task_group() as group:
        parts = make_loop(group)
        running = group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(3.0, 1)])
        parts.loop.stop()
        await wait_until(lambda: journal.tried)
        assert not running.done()
    assert running.cancelled()
    assert (journal.writes, inlet.acknowledged) == ([], [])


async def test_a_stop_goes_out_at_the_end_as_well(
    make_stopping_loop, task_group, level_message, clock, journal, outlet
):
    async with task_group() as group:
        parts = make_stopping_loop(group)
        await adopt(parts)
        journal.broken = True
        running = group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(1.2, 1)])
        parts.loop.stop()

        def passes():
            if clock.sleepers and not outlet.commands:
                clock.advance(STORE_PAUSE_SECONDS)
            return outlet.commands

        await wait_until(passes)
        journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await asyncio.wait_for(running, 5)
    assert commands(journal) == [outlet.commands[0].id]
