from __future__ import annotations

import asyncio

import pytest
from support.deadline import wait_until

from edge_agent.errors import RecordingError
from edge_agent.model.commands import CommandState
from edge_agent.model.inbox import BreakerReport, DispatchReport, Inbox, Kind, Message, PolicyChange, Receipt, Route
from edge_agent.model.plant import Policy
from edge_agent.model.revision import revisions
from edge_agent.model.turn import Turn
from edge_agent.runtime.beat import BEAT_SECONDS
from edge_agent.runtime.held import Held
from edge_agent.runtime.loop import LATE_SECONDS, LONGEST_REST_BEATS, SHORTEST_REST_SECONDS
from edge_agent.runtime.waiting import WORTHWHILE_ROWS


def dispatching():
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("dispatch")]


async def after_a_write(loop, level_message, clock, journal):
    """Let a first reading be written: what follows it soon waits for more."""
    await loop.turn(Inbox([level_message(3.0, 100_000)]), None)
    clock.advance(1.0)
    await loop.turn(Inbox(), None)
    assert len(journal.writes) == 1
    journal.writes.clear()


async def test_a_turn_is_stored_then_published_then_acknowledged(make_loop, task_group, level_message, events, outlet):
    async with task_group() as group:
        parts = make_loop(group)
        await parts.loop.turn(Inbox([level_message(1.2)]), None)
        await wait_until(lambda: outlet.commands)
    assert events == ["store", "publish command", "acknowledge"]


async def test_the_stored_turn_holds_the_command_that_is_published(
    make_loop, task_group, level_message, journal, outlet
):
    async with task_group() as group:
        await make_loop(group).loop.turn(Inbox([level_message(1.2)]), None)
        await wait_until(lambda: outlet.commands)
    assert [command for turn in journal.turns for command in turn.commands] == outlet.commands
    assert outlet.commands[0].target == "station/pump1"


async def test_readings_wait_for_others_and_are_not_acknowledged_meanwhile(
    make_loop, task_group, level_message, clock, journal, inlet
):
    async with task_group() as group:
        loop = make_loop(group, commit_seconds=5.0).loop
        await after_a_write(loop, level_message, clock, journal)
        inlet.acknowledged.clear()
        await loop.turn(Inbox([level_message(3.1, 1)]), None)
        clock.advance(4.9)
        await loop.turn(Inbox([level_message(3.2, 2)]), None)
        assert (journal.writes, inlet.acknowledged) == ([], [])
        clock.advance(0.1)
        await loop.turn(Inbox(), None)
    assert [[reading.value for reading in turn.readings] for turn in journal.turns[-2:]] == [[3.1], [3.2]]
    assert len(journal.writes) == 1
    assert inlet.acknowledged == [Receipt(1, 1), Receipt(1, 2)]


async def test_readings_that_are_worth_a_write_wait_for_a_second_only(
    make_loop, task_group, level_message, clock, journal
):
    async with task_group() as group:
        loop = make_loop(group, commit_seconds=10.0).loop
        await after_a_write(loop, level_message, clock, journal)
        for number in range(WORTHWHILE_ROWS - 1):
            clock.advance(0.05)
            await loop.turn(Inbox([level_message(3.0, number + 1)]), None)
        assert journal.writes == []
        await loop.turn(Inbox([level_message(3.0, WORTHWHILE_ROWS)]), None)
    assert [len(turns) for turns in journal.writes] == [WORTHWHILE_ROWS]


async def test_what_comes_alone_is_stored_within_a_second(make_loop, task_group, level_message, clock, journal):
    async with task_group() as group:
        parts = make_loop(group, commit_seconds=10.0)
        for number in range(3):
            clock.advance(60.0)
            await parts.loop.turn(Inbox([level_message(3.0, number + 1)]), None)
            assert parts.commits.patience(60.0) == pytest.approx(1.0)
            clock.advance(1.0)
            await parts.loop.turn(Inbox(), None)
            assert len(journal.writes) == number + 1


def test_a_reading_that_is_settled_before_it_was_stored_is_one_row(clock):
    reading = object()
    held = Held(Turn(clock.now(), readings=[reading], settled=[reading]))
    assert (held.rows, held.news) == (2, 1)


async def test_a_trickle_is_stored_after_the_interval_though_it_pauses(
    make_loop, task_group, level_message, clock, journal
):
    async with task_group() as group:
        parts = make_loop(group, commit_seconds=10.0)
        await after_a_write(parts.loop, level_message, clock, journal)
        for number in range(9):
            clock.advance(1.0)
            await parts.loop.turn(Inbox([level_message(3.0, number + 1)]), None)
        assert journal.writes == []
        assert parts.commits.patience(60.0) == pytest.approx(2.0)
        clock.advance(2.0)
        await parts.loop.turn(Inbox(), None)
    assert [len(turns) for turns in journal.writes] == [9]


async def test_what_a_broker_that_stops_at_few_sends_is_acknowledged_before_it_stops(
    make_loop, task_group, level_message, clock, journal
):
    async with task_group() as group:
        parts, number = make_loop(group, commit_seconds=10.0), 0
        for _ in range(3):
            for _ in range(8):
                number += 1
                clock.advance(0.05)
                await parts.loop.turn(Inbox([level_message(3.0, number)]), None)
            clock.advance(parts.commits.patience(60.0))
            await parts.loop.turn(Inbox(), None)
    assert [len(turns) for turns in journal.writes][:4] == [8, 8, 4, 4]


async def test_an_urgent_turn_takes_the_waiting_readings_with_it(make_loop, task_group, level_message, journal, inlet):
    async with task_group() as group:
        loop = make_loop(group).loop
        await loop.turn(Inbox([level_message(3.0, 1)]), None)
        assert journal.writes == []
        await loop.turn(Inbox([level_message(1.2, 2)]), None)
        assert len(journal.writes) == 1
        assert inlet.acknowledged == [Receipt(1, 1), Receipt(1, 2)]


async def test_as_many_unacknowledged_messages_as_may_be_are_stored_at_once(
    make_loop, task_group, level_message, journal, inlet
):
    async with task_group() as group:
        loop = make_loop(group, most_unacknowledged=3).loop
        await loop.turn(Inbox([level_message(3.0, 1), level_message(3.0, 2)]), None)
        assert journal.writes == []
        await loop.turn(Inbox([level_message(3.0, 3)]), None)
    assert [receipt.packet for receipt in inlet.acknowledged] == [1, 2, 3]


async def test_a_turn_in_which_nothing_happened_is_not_stored(make_loop, task_group, clock, journal):
    async with task_group() as group:
        loop = make_loop(group, commit_seconds=0.0).loop
        for _ in range(5):
            clock.advance(0.2)
            await loop.turn(Inbox(), None)
    assert journal.writes == []


async def test_a_message_that_leaves_nothing_to_store_is_acknowledged_all_the_same(
    make_loop, task_group, inlet, journal
):
    online = Message(Route(Kind.STATUS, "tank1"), "water/riverside/tank1/status", b"online", Receipt(1, 9))
    async with task_group() as group:
        await make_loop(group, commit_seconds=0.0).loop.turn(Inbox([online]), None)
    assert inlet.acknowledged == [Receipt(1, 9)]


async def test_while_the_store_cannot_be_written_nothing_is_published_or_acknowledged(
    make_loop, task_group, level_message, clock, journal, inlet, outlet, events
):
    journal.broken = True
    async with task_group() as group:
        loop = make_loop(group).loop
        await loop.turn(Inbox([level_message(1.2)]), None)
        for tried in (4, 6):  # once whole, once without the readings
            clock.advance(1.0)
            await loop.turn(Inbox(), None)
            assert (journal.tried, loop.store_error) == (tried, "the disk is full")
        assert not dispatching()
        assert (events, inlet.acknowledged, outlet.tried) == ([], [], 0)
        journal.broken = False
        clock.advance(1.0)
        await loop.turn(Inbox(), None)
        await wait_until(lambda: outlet.commands)
        assert loop.store_error is None
    assert events == ["store", "publish command", "acknowledge"]


async def test_a_cut_off_write_acknowledges_nothing(
    make_loop, task_group, level_message, clock, journal, inlet, events
):
    journal.broken = True
    async with task_group() as group:
        parts = make_loop(group)
        parts.loop.stop()
        parts.inbox.extend([level_message(1.2)])
        group.create_task(parts.loop.run())
        await wait_until(lambda: clock.sleepers)
    assert (events, inlet.acknowledged, clock.sleepers) == ([], [], 0)


async def test_an_advised_command_is_stored_and_never_published(
    make_loop, task_group, level_message, journal, outlet, inlet
):
    async with task_group() as group:
        parts = make_loop(group, mode="advisory")
        await parts.loop.turn(Inbox([level_message(1.2)]), 5.0)
        assert not dispatching()
        assert parts.loop._commits._unstarted == {}
    (turn,) = journal.turns
    assert [event.state for event in turn.command_events] == [CommandState.ADVISED]
    assert len(turn.commands) == 1
    assert (outlet.tried, len(inlet.acknowledged)) == (0, 1)


@pytest.mark.parametrize("status", ["accepted", "done", "rejected", "failed"])
async def test_an_acknowledged_command_is_not_repeated(
    make_loop, task_group, level_message, ack_message, outlet, status
):
    async with task_group() as group:
        loop = make_loop(group).loop
        await loop.turn(Inbox([level_message(1.2)]), None)
        await wait_until(lambda: outlet.commands)
        await loop.turn(Inbox([ack_message(outlet.commands[0], status)]), None)
        await wait_until(lambda: not dispatching())
    assert len(outlet.commands) == 1


async def test_a_word_on_the_publication_does_not_settle_a_command(make_loop, task_group, level_message, outlet):
    async with task_group() as group:
        parts = make_loop(group)
        await parts.loop.turn(Inbox([level_message(1.2)]), None)
        await wait_until(lambda: outlet.commands)
        inbox, first = await parts.inbox.take(1.0)
        assert [event.state for event in inbox.events if isinstance(event, DispatchReport)] == ["published"]
        await parts.loop.turn(inbox, first)
        assert len(dispatching()) == 1


async def test_an_expired_command_says_nothing_about_the_node(make_loop, task_group, level_message, clock, outlet):
    outlet.confirming.clear()
    async with task_group() as group:
        parts = make_loop(group)
        breaker = parts.dispatcher._breaker("station")
        breaker.trip()
        clock.advance(31)
        breaker.thaw()
        await parts.inbox.take(0)  # what the breaker said is not the point here
        await parts.loop.turn(Inbox([level_message(1.2)]), None)
        await wait_until(lambda: outlet.tried)
        clock.advance(32)  # past the expiry and the grace
        await parts.loop.turn(Inbox(), None)
        outlet.confirming.set()
        await wait_until(lambda: not dispatching())
        inbox, _ = await parts.inbox.take(0)
    assert "closed" not in [event.state for event in inbox.events if isinstance(event, BreakerReport)]


async def test_the_reaction_counts_from_the_receipt_and_is_not_kept_after_it(
    make_loop, task_group, level_message, clock, observer, outlet
):
    async with task_group() as group:
        loop = make_loop(group).loop
        received = clock.steady()
        clock.advance(0.25)
        await loop.turn(Inbox([level_message(1.2)]), received)
        await wait_until(lambda: observer.reactions)
        assert loop._commits._unstarted == {}
    assert observer.reactions == [0.25]


async def test_changed_alarms_and_dead_letters_go_to_the_outbox(make_loop, task_group, level_message, outlet):
    bad = level_message("NaN", 2)
    async with task_group() as group:
        parts = make_loop(group)
        group.create_task(parts.announcer.run())
        parts.announcer.connected(is_connected=True)
        await parts.loop.turn(Inbox([level_message(1.2), bad]), None)
        await wait_until(lambda: outlet.letters)
    assert [str(alarm.key) for alarm in outlet.alarms] == ["tank1/level:low"]
    assert outlet.letters[0].payload == b"NaN"


@pytest.mark.parametrize("where", ["prepare", "record"])
async def test_a_recorder_that_fails_is_given_up_and_the_loop_goes_on(
    make_loop, task_group, level_message, inlet, where
):
    class Broken:
        asked = 0

        def prepare(self, _now):
            if where == "prepare":
                self.fail()
            return []

        def record(self, _inbox, _now):
            self.fail()

        def fail(self):
            self.asked += 1
            raise RecordingError("the disk is full")

    recorder = Broken()
    async with task_group() as group:
        loop = make_loop(group, commit_seconds=0.0, recorder=recorder).loop
        await loop.turn(Inbox([level_message(3.0, 1)]), None)
        await loop.turn(Inbox([level_message(3.1, 2)]), None)
    assert recorder.asked == 1
    assert inlet.acknowledged == [Receipt(1, 1), Receipt(1, 2)]


async def test_others_have_their_turns_while_a_recorder_notes_what_is_known(make_loop, task_group, level_message):
    others = 0

    class Thorough:
        def prepare(self, _now):
            for _ in range(5):
                seen.append(others)
                yield

        def record(self, inbox, _now):
            seen.append(inbox)

    async def other():
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    seen, inbox = [], Inbox([level_message(3.0)])
    async with task_group() as group:
        group.create_task(other())
        await make_loop(group, recorder=Thorough()).loop.turn(inbox, None)
    assert seen == [0, 1, 2, 3, 4, inbox]


async def test_every_stage_is_measured_when_something_came_in(make_loop, task_group, level_message, observer):
    async with task_group() as group:
        loop = make_loop(group).loop
        await loop.turn(Inbox(), None)
        assert observer.stages == []
        await loop.turn(Inbox([level_message(1.2)]), None)
    assert [name for name, _ in observer.stages] == ["monitor", "analyze", "plan", "execute", "store"]


async def test_running_it_turns_for_what_comes_and_for_the_time_that_passes(
    make_loop, task_group, level_message, observer, inlet
):
    async with task_group() as group:
        parts = make_loop(group, commit_seconds=0.0)
        group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(3.0)])
        await wait_until(lambda: inlet.acknowledged)
        turned = len(observer.turns)
        await wait_until(lambda: len(observer.turns) > turned, timeout=10 * BEAT_SECONDS)


async def waits_of(parts, clock, turns):
    """Run the loop for so many turns; return how long it would have waited for each."""
    waits = []
    take = parts.inbox.take

    async def noting(wait_seconds):
        waits.append(wait_seconds)
        inbox, first = await take(0)
        clock.advance(wait_seconds)
        if len(waits) == turns:
            parts.loop.stop()
        return inbox, first

    parts.inbox.take = noting
    await parts.loop.run()
    return waits[:turns]


@pytest.mark.parametrize(("due", "waits"), [(0.25, 0.25), (0.0, SHORTEST_REST_SECONDS), (-5.0, SHORTEST_REST_SECONDS)])
async def test_it_rests_until_something_is_due_and_never_without_a_pause(task_group, make_loop, clock, due, waits):
    async with task_group() as group:
        parts = make_loop(group)
        parts.loop._knowledge.next_seconds = lambda: clock.now().seconds + due
        found = await waits_of(parts, clock, 3)
    late = LATE_SECONDS if due > 0 else 0.0
    assert all(min(waits + late, 0) <= each <= waits + late + 1e-9 for each in found)
    assert max(found) == pytest.approx(waits + late, abs=1e-3)


async def test_with_nothing_due_it_turns_every_few_seconds(task_group, make_loop, clock):
    async with task_group() as group:
        parts = make_loop(group)
        parts.loop._knowledge.next_seconds = lambda: float("inf")
        found = await waits_of(parts, clock, 3)
    assert all(0 < each <= LONGEST_REST_BEATS * BEAT_SECONDS for each in found)


async def test_a_wall_clock_that_was_set_makes_it_turn_with_the_next_beat(task_group, make_loop, clock):
    async with task_group() as group:
        parts = make_loop(group)
        await parts.loop.turn(Inbox(), None)
        parts.loop.beat(changed=True)
        assert not parts.inbox._something
        clock.jump_wall(-30.0)
        parts.loop.beat(changed=False)
        assert parts.inbox._something


async def test_the_loop_does_not_wait_past_the_time_to_store(task_group, make_loop, level_message, clock):
    async with task_group() as group:
        parts = make_loop(group, commit_seconds=0.05)
        parts.inbox.extend([level_message(3.0)])
        waits = await waits_of(parts, clock, 4)
    assert waits[1] <= 0.05 + 1e-9
    assert waits[2] > 0  # stored by now


async def test_a_changed_policy_is_in_force_with_the_next_turn(
    make_loop, task_group, level_message, plant, low, observer
):
    raised = type(low)(low.node, low.sensor, low.name, 3.5, deadband=0.2, priority="high")
    async with task_group() as group:
        parts = make_loop(group)
        group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(3.0)])
        await wait_until(lambda: any(turn.readings for turn in observer.turns))
        for part in revisions(plant.policy, Policy((raised,), plant.policy.plans)):
            parts.inbox.report(PolicyChange(part))
        await wait_until(lambda: any(turn.alarm_events for turn in observer.turns))
        await wait_until(dispatching)


async def test_stopping_finishes_what_is_held(make_loop, task_group, level_message, journal, inlet):
    async with task_group() as group:
        parts = make_loop(group)
        running = group.create_task(parts.loop.run())
        parts.inbox.extend([level_message(3.0, 1)])
        await wait_until(lambda: not len(parts.inbox))
        assert journal.writes == []
        parts.loop.stop()
        parts.inbox.extend([level_message(3.1, 2)])  # was on its way
        await asyncio.wait_for(running, 5)
    assert [reading.value for turn in journal.turns for reading in turn.readings] == [3.0, 3.1]
    assert inlet.acknowledged == [Receipt(1, 1), Receipt(1, 2)]


async def test_stopping_stores_a_last_command_and_leaves_it_to_the_next_start(
    make_loop, task_group, level_message, journal, outlet, inlet
):
    async with task_group() as group:
        parts = make_loop(group)
        parts.loop.stop()
        parts.inbox.extend([level_message(1.2)])
        await parts.loop.run()
        assert not dispatching()
        assert parts.loop._commits._unstarted == {}
    assert [len(turn.commands) for turn in journal.turns] == [1]
    assert (outlet.commands, len(inlet.acknowledged)) == ([], 1)


async def test_stopping_ends_a_wait_for_messages_at_once(make_loop, task_group):
    async with task_group() as group:
        parts = make_loop(group)
        running = group.create_task(parts.loop.run())
        await asyncio.sleep(0)
        parts.loop.stop()
        for _ in range(20):
            await asyncio.sleep(0)
        assert running.done()


async def test_many_messages_of_one_take_are_one_turn_and_one_write(
    make_loop, task_group, level_message, journal, observer
):
    async with task_group() as group:
        loop = make_loop(group, commit_seconds=0.0).loop
        await loop.turn(Inbox([level_message(3.0 + n / 1000, n) for n in range(1, 501)]), None)
    assert (len(observer.turns), len(journal.writes)) == (1, 1)
    assert len(journal.turns[0].readings) == 500


@pytest.fixture
def numbered(clock):
    def make(*numbers):
        topic, route = "water/riverside/tank1/telemetry", Route(Kind.TELEMETRY, "tank1")
        payloads = (f'{{"seq": {seq}, "ts": {clock.now().at / 1e6}, "readings": {{"level": 3}}}}' for seq in numbers)
        return Inbox([Message(route, topic, text.encode(), Receipt(1, place)) for place, text in enumerate(payloads)])

    return make


async def test_what_is_missing_is_counted_with_the_write_and_not_before(
    make_loop, task_group, numbered, clock, journal, observer
):
    async with task_group() as group:
        loop = make_loop(group, commit_seconds=1.0).loop
        await loop.turn(numbered(1, 2, 5), None)
        journal.broken = True
        clock.advance(10)
        await loop.turn(Inbox(), None)
        assert (sum(turn.counts.gaps for turn in observer.turns), observer.missing) == (2, 0)
        journal.broken = False
        clock.advance(10)
        await loop.turn(Inbox(), None)
        assert observer.missing == 2
    assert journal.turns[-1].sequences[-1].seen[-1][1] == 5


async def test_what_is_missing_is_counted_though_nothing_else_comes(
    make_loop, task_group, numbered, clock, journal, observer
):
    async with task_group() as group:
        loop = make_loop(group, commit_seconds=1.0).loop
        await loop.turn(numbered(1, 5), None)
        clock.advance(1)
        await loop.turn(Inbox(), None)
        assert len(journal.writes) == 1
        for _ in range(2):
            clock.advance(2)
            await loop.turn(Inbox(), None)
        assert observer.missing == 3
