from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from support.deadline import wait_until

from edge_agent.errors import StoreError
from edge_agent.model.inbox import LinkReport, PolicyChange, Receipt
from edge_agent.model.plant import Plant, Policy
from edge_agent.runtime.agent import (
    FINISH_SECONDS,
    LAST_WORDS_SECONDS,
    STALLED_SECONDS,
    Agent,
    Parts,
)
from edge_agent.runtime.beat import BEAT_SECONDS
from edge_agent.runtime.inbox import BoundedInbox
from edge_agent.runtime.policywatch import PolicyWatch
from edge_agent.runtime.waiting import CommitRules


class FakeConnection:
    """Connects at once and again whenever told; announces itself as a session does."""

    def __init__(self, events):
        self.events = events
        self.connected = False
        self.refusal = None
        self.agent = None
        self.broken = asyncio.Event()
        self.error = None

    async def run(self):
        try:
            while True:
                self.broken.clear()
                self.connected = True
                await self.agent.announce()
                await self.broken.wait()
                self.connected = False
                self.agent.lost()
                if self.error is not None:
                    raise self.error
        finally:
            self.connected = False
            self.events.append("disconnect")


class FakePolicy:
    def __init__(self, policy):
        self.number, self.now, self.error, self.asked = 1, policy, None, 0

    async def version(self):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.number

    async def plant(self):
        return Plant("riverside", {}, self.now)


@pytest.fixture
def connection(events):
    return FakeConnection(events)


@pytest.fixture
def policy(plant):
    return FakePolicy(plant.policy)


@pytest.fixture
def inbox(clock):
    return BoundedInbox(4, clock.steady)


@pytest.fixture
def parts(make_knowledge, inbox, connection, inlet, outlet, journal, policy, plant, clock, observer):
    return Parts(
        knowledge=make_knowledge(),
        inbox=inbox,
        connection=connection,
        inlet=inlet,
        outlet=outlet,
        journal=journal,
        policy=PolicyWatch(policy, plant, lambda revision: inbox.report(PolicyChange(revision))),
        clock=clock,
        observer=observer,
        commit=CommitRules(60.0, 1000),
        finish_seconds=0.2,
    )


@pytest.fixture
def agent(parts, connection):
    agent = Agent(parts)
    connection.agent = agent
    return agent


@pytest.fixture
def run(agent, task_group):
    """Run the agent beside the test, and see it to its end."""

    async def runs(scenario):
        async with asyncio.timeout(15), task_group() as group:
            running = group.create_task(agent.run())
            await wait_until(lambda: agent.ready()["broker"] is None)
            await scenario(running)
            agent.stop()
            await running
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others

    return runs


async def nothing(_running):
    pass


async def test_it_says_online_and_at_the_end_offline_before_it_disconnects(run, outlet, events):
    await run(nothing)
    assert outlet.statuses == ["online", "offline"]
    assert events[-2:] == ["publish status offline", "disconnect"]


async def test_what_is_held_is_stored_and_acknowledged_at_the_end(run, inbox, inlet, journal, level_message):
    async def scenario(_running):
        inbox.extend([level_message(3.0, 1)])
        await wait_until(lambda: not len(inbox))
        inbox.extend([level_message(3.1, 2)])

    await run(scenario)
    assert inlet.acknowledged == [Receipt(1, 1), Receipt(1, 2)]
    assert [reading.value for turn in journal.turns for reading in turn.readings] == [3.0, 3.1]


async def test_a_full_inbox_is_not_opened_again_at_the_end(run, agent, inbox, inlet, journal, clock, level_message):
    async def scenario(_running):
        journal.broken = True
        inbox.extend([level_message(1.2, 1)])
        await wait_until(lambda: journal.tried)
        for packet in range(2, 9):  # while the loop waits for the store
            inbox.extend([level_message(1.2, packet)])
        assert inlet.paused
        agent.stop()
        journal.broken = False
        clock.advance(1.0)

    await run(scenario)
    assert inlet.paused
    assert len(inlet.acknowledged) == 8


async def test_the_last_alarms_and_dead_letters_are_told_before_it_says_offline(
    run, agent, inbox, outlet, events, level_message
):
    async def scenario(_running):
        agent.stop()
        for packet in range(1, 21):
            inbox.extend([level_message("NaN", packet)])
        inbox.extend([level_message(1.2, 21)])

    await run(scenario)
    assert [str(alarm.key) for alarm in outlet.alarms] == ["tank1/level:low"]
    assert len(outlet.letters) == 20
    assert events[-3:] == ["publish dead letter", "publish status offline", "disconnect"]


async def test_stopped_before_it_runs_it_ends_at_once(agent, outlet):
    agent.stop()
    agent.stop()
    async with asyncio.timeout(5):
        await agent.run()
    assert outlet.statuses == ["offline"]


async def test_a_store_that_stays_away_does_not_keep_it_from_ending(run, inbox, inlet, journal, outlet, level_message):
    async def scenario(_running):
        journal.broken = True
        inbox.extend([level_message(1.2)])
        await wait_until(lambda: journal.tried)

    await run(scenario)
    assert inlet.acknowledged == []
    assert outlet.statuses[-1] == "offline"  # it is: the broker must not keep saying otherwise


async def test_a_broker_that_confirms_nothing_does_not_keep_it_from_ending(run, outlet, events):
    async def scenario(_running):
        outlet.confirming.clear()

    await run(scenario)
    assert events[-1] == "disconnect"


async def test_a_broker_that_is_away_does_not_keep_it_from_ending(run, outlet, inbox, inlet, level_message):
    async def scenario(_running):
        outlet.away = True
        inbox.extend([level_message(3.0)])

    await run(scenario)
    assert len(inlet.acknowledged) == 1


def test_all_deadlines_of_the_end_leave_room_in_the_ten_seconds():
    longest_disconnect_seconds = 2.0
    assert FINISH_SECONDS + 2 * LAST_WORDS_SECONDS + longest_disconnect_seconds < 9.5


async def test_a_connection_that_comes_back_at_the_end_does_not_say_online(run, agent, outlet, connection):
    async def scenario(_running):
        agent.stop()
        await agent.announce()

    await run(scenario)
    assert outlet.statuses == ["online", "offline"]


@pytest.mark.parametrize("settled", [True, False])
async def test_commands_and_alarms_go_out_once_the_epoch_is_settled_after_the_announcement(
    run, agent, inbox, outlet, level_message, settled
):
    async def settle():
        assert outlet.statuses == ["online", "online"]
        outlet.alarms.clear()
        return settled

    async def scenario(_running):
        inbox.extend([level_message(1.2)])
        await wait_until(lambda: len(outlet.alarms) == 1)
        agent.lost()
        await agent.announce(settle)
        await wait_until(lambda: agent._parts.knowledge.executor.reach.linked == settled)
        await wait_until(lambda: bool(outlet.alarms) == settled)

    await run(scenario)


async def test_each_connection_is_told_every_alarm(run, connection, inbox, outlet, level_message):
    async def scenario(_running):
        inbox.extend([level_message(1.2)])
        await wait_until(lambda: len(outlet.alarms) == 1)
        connection.broken.set()
        await wait_until(lambda: len(outlet.alarms) == 2)

    await run(scenario)
    assert outlet.alarms[0] == outlet.alarms[1]
    assert outlet.statuses == ["online", "online", "offline"]


@pytest.mark.parametrize("part", ["connection", "policy", "journal"])
async def test_an_error_in_any_task_ends_the_agent_with_it(
    agent, part, connection, policy, journal, inbox, level_message
):
    error = ValueError("a mistake of ours")

    async def mistaken(_turns):
        raise error

    async def scenario():
        await wait_until(lambda: connection.connected and policy.asked)
        if part == "connection":
            connection.error = error
            connection.broken.set()
        elif part == "policy":
            policy.error = error
        else:
            journal.write = mistaken
            inbox.extend([level_message(1.2)])

    async def found():
        with pytest.raises(ExceptionGroup) as caught:
            await agent.run()
        return caught.value

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(found())
        await scenario()
        assert (await running).exceptions == (error,)


async def test_cancelled_it_leaves_no_task_behind(agent, connection):
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(agent.run())
        await wait_until(lambda: connection.connected)
        running.cancel()
    assert running.cancelled()
    assert not asyncio.all_tasks() - {asyncio.current_task()}


def test_changed_thresholds_are_looked_for_more_often_than_once_a_second():
    assert BEAT_SECONDS <= 0.75


async def test_a_changed_policy_is_put_in_force(run, policy, inbox, observer, plant, low, level_message):
    async def scenario(_running):
        inbox.extend([level_message(3.0)])
        await wait_until(lambda: policy.asked and any(turn.readings for turn in observer.turns))
        policy.now = Policy((replace(low, limit=3.5),), plant.policy.plans)
        policy.number += 1
        await wait_until(lambda: any(turn.alarm_events for turn in observer.turns))

    await run(scenario)


async def test_a_policy_that_changed_before_the_first_look_is_not_missed(
    run, policy, inbox, observer, plant, low, level_message
):
    policy.now = Policy((replace(low, limit=3.5),), plant.policy.plans)

    async def scenario(_running):
        inbox.extend([level_message(3.0)])
        await wait_until(lambda: any(turn.alarm_events for turn in observer.turns))

    await run(scenario)


async def test_without_its_source_the_last_policy_holds_and_a_later_change_is_found(
    run, policy, inbox, observer, plant, low, level_message
):
    async def scenario(_running):
        policy.error = StoreError("away")
        asked = policy.asked
        await wait_until(lambda: policy.asked > asked)
        inbox.extend([level_message(3.0)])
        policy.now = Policy((replace(low, limit=3.5),), plant.policy.plans)
        policy.number += 1
        policy.error = None
        await wait_until(lambda: any(turn.alarm_events for turn in observer.turns))

    await run(scenario)


async def test_it_is_ready_with_broker_and_store_and_says_what_is_missing(
    run, agent, connection, inbox, journal, clock, level_message
):
    assert agent.ready() == {"broker": "not connected", "store": "not open", "loop": "not started"}

    async def scenario(_running):
        assert agent.ready() == {"broker": None, "store": None, "loop": None}
        journal.broken = True
        inbox.extend([level_message(1.2)])
        await wait_until(lambda: agent.ready()["store"] == "the disk is full")
        journal.broken = False
        clock.advance(1.0)
        await wait_until(lambda: agent.ready()["store"] is None)

    await run(scenario)


async def test_a_broker_that_refuses_its_word_is_heard_all_the_same_and_told_again(
    run, agent, connection, outlet, journal, inbox, level_message
):
    outlet.refusing = True

    async def scenario(_running):
        connection.refusal = "the broker refused it"
        assert agent.ready()["broker"] == "the broker refused it"
        inbox.extend([level_message(1.2)])
        await wait_until(lambda: journal.turns)
        outlet.refusing, connection.refusal = False, None
        await agent.announce()
        assert agent.ready()["broker"] is None
        assert outlet.statuses == ["online"]

    await run(scenario)


async def test_a_loop_that_stands_still_is_not_alive_unless_the_store_holds_it(
    run, agent, inbox, journal, clock, level_message
):
    async def scenario(_running):
        stuck = asyncio.Event()
        write = journal.write

        async def hanging(turns):
            await stuck.wait()
            return await write(turns)

        journal.write = hanging
        inbox.extend([level_message(1.2)])
        await wait_until(lambda: not len(inbox))
        clock.advance(STALLED_SECONDS + 1)
        assert "no turn for" in agent.live()
        stuck.set()
        await wait_until(lambda: agent.live() is None)
        journal.write = write
        journal.broken = True
        inbox.extend([level_message(1.9, 2)])
        await wait_until(lambda: agent.ready()["store"] is not None)
        clock.advance(STALLED_SECONDS + 1)
        assert agent.live() is None
        journal.broken = False
        clock.advance(1.0)

    await run(scenario)


async def test_others_are_given_a_snapshot_and_the_backlog(run, agent, inbox, inlet, level_message):
    async def scenario(_running):
        inbox.extend([level_message(3.0)])
        assert agent.backlog == 1
        await wait_until(lambda: agent.snapshot().sensors[0].value == 3.0)

    await run(scenario)


class FakeRecorder:
    def __init__(self):
        self.inboxes = []

    def prepare(self, now):
        return []

    def record(self, inbox, now):
        self.inboxes.append(inbox)

    @property
    def links(self):
        return [event.connected for inbox in self.inboxes for event in inbox.events if isinstance(event, LinkReport)]


async def test_the_core_is_told_when_the_connection_comes_and_goes(parts, connection, task_group):
    recorder = FakeRecorder()
    connection.agent = agent = Agent(replace(parts, recorder=recorder))
    async with task_group() as group:
        group.create_task(agent.run())
        await wait_until(lambda: recorder.links == [True])
        connection.broken.set()
        await wait_until(lambda: recorder.links == [True, False, True])


async def test_a_command_that_missed_the_broker_goes_out_when_it_is_back(
    run, inbox, outlet, connection, clock, level_message
):
    async def scenario(_running):
        outlet.away = True
        inbox.extend([level_message(1.2, 1)])
        await wait_until(lambda: any(sleeper.due_seconds < 1002.0 for sleeper in clock._sleepers))
        outlet.away = False
        connection.broken.set()
        await wait_until(lambda: outlet.commands)

    await run(scenario)
    assert len(outlet.commands) == 1


async def test_a_write_that_hangs_does_not_keep_it_from_ending(run, inbox, inlet, journal, outlet, level_message):
    async def scenario(_running):
        journal.hangs = asyncio.Event()
        inbox.extend([level_message(1.2, 1)])
        await wait_until(lambda: journal.tried)

    await run(scenario)
    assert outlet.statuses == ["online", "offline"]
    assert inlet.acknowledged == []
