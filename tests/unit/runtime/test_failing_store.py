from __future__ import annotations

import asyncio

import pytest
from support.deadline import wait_until

from edge_agent.model.commands import CommandState
from edge_agent.model.inbox import Inbox, Kind, Message, Receipt, Route
from edge_agent.runtime import commit
from edge_agent.runtime.resilience import STORE_PAUSE_SECONDS


def readings(writes):
    return [reading.value for write in writes for turn in write for reading in turn.readings]


@pytest.fixture
def bad_message():
    def make(packet):
        topic = "water/riverside/tank1/telemetry/level"
        return Message(Route(Kind.TELEMETRY, "tank1", "level"), topic, b"NaN", Receipt(1, packet))

    return make


async def test_without_room_for_readings_a_command_is_still_stored_and_published(
    make_loop, task_group, level_message, journal, inlet, outlet
):
    journal.full = True
    async with task_group() as group:
        parts = make_loop(group)
        await parts.loop.turn(Inbox([level_message(3.0, 1), level_message(1.2, 2)]), None)
        await wait_until(lambda: outlet.commands)
        ((turn,),) = journal.writes
        assert turn.commands == outlet.commands
        assert (turn.readings, turn.receipts, inlet.acknowledged) == ([], [], [])
        assert parts.loop.store_error == "the disk is full"


async def test_when_there_is_room_again_the_readings_follow_and_nothing_is_told_twice(
    make_loop, task_group, level_message, clock, journal, inlet, outlet
):
    journal.full = True
    async with task_group() as group:
        parts = make_loop(group)
        group.create_task(parts.announcer.run())
        parts.announcer.connected(is_connected=True)
        await parts.loop.turn(Inbox([level_message(1.2, 1)]), None)
        await parts.loop.turn(Inbox([level_message(1.3, 2)]), None)
        await wait_until(lambda: outlet.commands and outlet.alarms)
        journal.full = False
        clock.advance(STORE_PAUSE_SECONDS)
        await parts.loop.turn(Inbox(), None)
        assert inlet.acknowledged == [Receipt(1, 1), Receipt(1, 2)]
        assert readings(journal.writes) == [1.2, 1.3]
        await parts.loop.turn(Inbox([level_message(1.4, 3)]), None)
        assert parts.loop.store_error is None
        await asyncio.sleep(0)
    assert (len(outlet.commands), len(outlet.alarms)) == (1, 1)
    stored = [command.id for write in journal.writes for turn in write for command in turn.commands]
    assert stored == [outlet.commands[0].id]


async def test_the_loop_turns_on_while_the_store_fails(
    make_loop, task_group, level_message, clock, inlet, journal, observer
):
    journal.broken = True
    async with task_group() as group:
        parts = make_loop(group, commit_seconds=0.0)
        group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(3.0, 1)])
        await wait_until(lambda: parts.loop.store_error)
        parts.inbox.extend([level_message(1.2, 2)])
        await wait_until(lambda: any(turn.commands for turn in observer.turns))
        assert not inlet.paused
        journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await wait_until(lambda: readings(journal.writes) == [3.0, 1.2])


async def test_an_alarm_is_told_even_where_nothing_can_be_stored(
    make_loop, task_group, level_message, clock, journal, outlet
):
    journal.broken = True
    async with task_group() as group:
        parts = make_loop(group)
        group.create_task(parts.announcer.run())
        parts.announcer.connected(is_connected=True)
        await parts.loop.turn(Inbox([level_message(1.2, 1)]), None)
        await wait_until(lambda: outlet.alarms)
        clock.advance(STORE_PAUSE_SECONDS)
        journal.broken = False
        await parts.loop.turn(Inbox(), None)
        await wait_until(lambda: outlet.commands)
    assert [str(alarm.key) for alarm in outlet.alarms] == ["tank1/level:low"]


async def test_a_command_that_expired_while_it_was_held_back_is_never_published(
    make_loop, task_group, level_message, clock, journal, outlet
):
    journal.broken = True
    async with task_group() as group:
        loop = make_loop(group).loop
        await loop.turn(Inbox([level_message(1.2, 1)]), None)
        clock.advance(100.0)
        await loop.turn(Inbox(), None)
        journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await loop.turn(Inbox(), None)
        await wait_until(lambda: outlet.commands)
    first = journal.turns[0].commands[0]
    ends = [e.state for turn in journal.turns for e in turn.command_events if e.command_id == first.id]
    assert ends == [CommandState.EXPIRED]
    assert first not in outlet.commands


async def test_dead_letters_are_told_when_they_are_stored(make_loop, task_group, bad_message, clock, journal, outlet):
    journal.broken = True
    async with task_group() as group:
        parts = make_loop(group, commit_seconds=0.0)
        group.create_task(parts.announcer.run())
        parts.announcer.connected(is_connected=True)
        await parts.loop.turn(Inbox([bad_message(1)]), None)
        await asyncio.sleep(0)
        assert outlet.tried == 0
        journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await parts.loop.turn(Inbox(), None)
        await wait_until(lambda: outlet.letters)


async def test_what_is_held_is_bounded_by_reading_no_more_and_reading_goes_on_afterwards(
    make_loop, task_group, level_message, clock, journal, inlet
):
    journal.broken = True
    async with task_group() as group:
        loop = make_loop(group).loop
        share = commit.MOST_HELD // 10
        for turn in range(10):
            assert not inlet.paused
            first = turn * share
            await loop.turn(Inbox([level_message(3.0, first + n) for n in range(share)]), None)
        assert inlet.paused
        journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await loop.turn(Inbox(), None)
    assert not inlet.paused
    assert len(inlet.acknowledged) == commit.MOST_HELD


async def test_a_store_that_was_begun_anew_is_told_what_the_next_start_must_know(
    make_loop, task_group, level_message, journal, outlet
):
    async with task_group() as group:
        loop = make_loop(group).loop
        await loop.turn(Inbox([level_message(1.2, 1)]), None)
        await wait_until(lambda: outlet.commands)
        journal.writes.clear()
        journal.renewed = "the damaged file is store.db.corrupt"
        await loop.turn(Inbox([level_message(3.0, 2)]), None)
        await wait_until(lambda: len(journal.writes) == 2)
        ((told,),) = journal.writes[1:]
    assert [memory.actuator for memory in told.actuators] == ["station/pump1", "station/pump2"]
    assert [memory.plan for memory in told.plans] == ["fill_tank1", "stop_filling"]
    assert told.commands == outlet.commands
    assert [event.state for event in told.command_events] == [CommandState.DECIDED]


@pytest.mark.parametrize("is_full", [False, True])
async def test_stopping_while_the_store_fails_loses_nothing_that_was_not_stored(
    make_loop, task_group, level_message, clock, journal, inlet, is_full
):
    journal.full, journal.broken = is_full, not is_full
    async with task_group() as group:
        parts = make_loop(group)
        running = group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(3.0, 1)])
        parts.loop.stop()
        await wait_until(lambda: clock.sleepers)
        assert (journal.writes, inlet.acknowledged) == ([], [])
        journal.full = journal.broken = False
        clock.advance(STORE_PAUSE_SECONDS)
        await asyncio.wait_for(running, 5)
    assert inlet.acknowledged == [Receipt(1, 1)]
