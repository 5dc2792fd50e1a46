from __future__ import annotations

import asyncio
import traceback

import pytest

from edge_agent.errors import BrokerUnavailableError, NodeBlockedError, NotAcknowledgedError
from edge_agent.runtime.resilience import BREAKER_SECONDS, BREAKER_THRESHOLD, NodeBreaker


@pytest.fixture
def changes():
    return []


@pytest.fixture
def breaker(clock, changes):
    return NodeBreaker("station", clock, lambda report: changes.append((report.node, report.state)))


async def silence():
    raise NotAcknowledgedError("no answer")


async def broker_away():
    raise BrokerUnavailableError("away")


async def answer():
    return "accepted"


async def fail(breaker, times=BREAKER_THRESHOLD):
    for _ in range(times):
        with pytest.raises(NotAcknowledgedError):
            await breaker.call(silence)


@pytest.fixture
async def half_open(breaker, clock):
    await fail(breaker)
    clock.advance(BREAKER_SECONDS)
    breaker.thaw()
    return breaker


async def test_three_unacknowledged_attempts_open_it(breaker, changes):
    await fail(breaker, 2)
    assert not breaker.is_open
    await fail(breaker, 1)
    assert breaker.is_open
    assert changes == [("station", "open")]


async def test_an_answer_in_between_forgives_what_was(breaker, changes):
    await fail(breaker, 2)
    assert await breaker.call(answer) == "accepted"
    await fail(breaker, 2)
    assert changes == []


async def test_open_it_lets_nothing_through(breaker):
    await fail(breaker)
    asked = []
    with pytest.raises(NodeBlockedError, match="station"):
        await breaker.call(lambda: asked.append(1))
    assert asked == []


async def test_a_broker_that_is_away_counts_neither_way(breaker, changes):
    await fail(breaker, 2)
    for _ in range(5):
        with pytest.raises(BrokerUnavailableError):
            await breaker.call(broker_away)
    assert changes == []
    await fail(breaker, 1)  # the two before still count
    assert changes == [("station", "open")]


async def cancelled(breaker):
    async with asyncio.TaskGroup() as group:
        call = group.create_task(breaker.call(asyncio.Event().wait))
        await asyncio.sleep(0)
        call.cancel()
    assert call.cancelled()


async def test_cancellation_counts_neither_way(breaker, changes):
    await fail(breaker, 2)
    for _ in range(5):
        await cancelled(breaker)
    assert changes == []
    await fail(breaker, 1)
    assert changes == [("station", "open")]


async def test_it_trips_at_once_and_says_so_once(breaker, changes):
    breaker.trip()
    breaker.trip()
    assert breaker.is_open
    assert changes == [("station", "open")]


async def test_it_thaws_after_its_time_on_the_monotonic_clock_only(breaker, clock, changes):
    await fail(breaker)
    clock.advance(BREAKER_SECONDS - 0.1)
    clock.jump_wall(24 * 3600)
    breaker.thaw()
    assert breaker.is_open
    clock.advance(0.1)
    breaker.thaw()
    assert changes == [("station", "open"), ("station", "half_open")]


async def test_a_wall_clock_set_back_does_not_hold_it_open(breaker, clock):
    await fail(breaker)
    clock.jump_wall(-24 * 3600)
    clock.advance(BREAKER_SECONDS)
    breaker.thaw()
    assert not breaker.is_open


async def test_closed_there_is_nothing_to_thaw(breaker, clock, changes):
    clock.advance(10 * BREAKER_SECONDS)
    breaker.thaw()
    assert changes == []


async def test_a_probe_that_is_answered_closes_it(half_open, changes):
    await half_open.call(answer)
    assert changes[-1] == ("station", "closed")
    await fail(half_open, 2)
    assert not half_open.is_open


async def test_a_probe_without_answer_opens_it_again_for_its_whole_time(half_open, clock, changes):
    await fail(half_open, 1)
    assert changes == [("station", "open"), ("station", "half_open"), ("station", "open")]
    clock.advance(BREAKER_SECONDS - 0.1)
    half_open.thaw()
    assert half_open.is_open


async def test_half_open_it_lets_one_probe_through_at_a_time(half_open):
    answered = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(half_open.call(answered.wait))
        await asyncio.sleep(0)
        for _ in range(100):
            with pytest.raises(NodeBlockedError):
                await half_open.call(answer)
        answered.set()
    assert await half_open.call(answer) == "accepted"


async def away(breaker):
    with pytest.raises(BrokerUnavailableError):
        await breaker.call(broker_away)


@pytest.mark.parametrize("neutral", [cancelled, away], ids=["cancelled", "broker away"])
async def test_a_probe_that_proves_nothing_leaves_room_for_the_next(half_open, changes, neutral):
    await neutral(half_open)
    assert changes[-1] == ("station", "half_open")
    await half_open.call(answer)
    assert changes[-1] == ("station", "closed")


async def test_an_older_attempt_that_ends_during_a_probe_lets_no_second_one_through(breaker, clock):
    old, probe = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        older = group.create_task(breaker.call(old.wait))
        await asyncio.sleep(0)
        await fail(breaker)
        clock.advance(BREAKER_SECONDS)
        breaker.thaw()
        group.create_task(breaker.call(probe.wait))
        await asyncio.sleep(0)
        old.set()
        await older
        with pytest.raises(NodeBlockedError):
            await breaker.call(answer)
        probe.set()


async def test_an_attempt_from_before_the_pause_does_not_judge_after_it(breaker, clock, changes):
    late = asyncio.Event()

    async def unheard_late():
        await late.wait()
        raise NotAcknowledgedError("no answer")

    async def older():
        with pytest.raises(NotAcknowledgedError):
            await breaker.call(unheard_late)

    async with asyncio.TaskGroup() as group:
        group.create_task(older())
        await asyncio.sleep(0)
        await fail(breaker)
        clock.advance(BREAKER_SECONDS)
        breaker.thaw()
        late.set()
    assert changes == [("station", "open"), ("station", "half_open")]


async def test_rejections_are_fresh_errors_that_do_not_grow(breaker):
    await fail(breaker)
    errors = []
    for _ in range(200):
        with pytest.raises(NodeBlockedError) as caught:
            await breaker.call(answer)
        errors.append(caught.value)
    assert len({id(error) for error in errors}) == 200
    depths = [len(traceback.extract_tb(error.__traceback__)) for error in errors]
    assert depths[-1] == depths[0]


async def test_what_purgatory_notes_for_a_bus_does_not_pile_up(breaker):
    for _ in range(50):
        await fail(breaker, 2)
        await breaker.call(answer)
    assert breaker._context.messages == []
