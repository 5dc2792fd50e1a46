from __future__ import annotations

import asyncio

import pytest

from edge_agent.model.inbox import BreakerReport, DeliveryReport
from edge_agent.model.plant import Policy
from edge_agent.runtime.inbox import BoundedInbox


@pytest.fixture
def make_inbox(clock, inlet):
    def make(high_water=4):
        inbox = BoundedInbox(high_water, clock.steady)
        inbox.inlet = inlet
        return inbox

    return make


async def test_what_came_in_is_handed_over_in_order_and_once(make_inbox, level_message):
    inbox = make_inbox(100)
    messages = [level_message(n, n) for n in range(10)]
    for message in messages:
        inbox.put(message)
    taken, _ = await inbox.take(0)
    assert taken.messages == messages
    assert (await inbox.take(0))[0].messages == []


async def test_at_high_water_the_inlet_is_paused_and_nothing_is_dropped(make_inbox, inlet, level_message):
    inbox = make_inbox(4)
    for n in range(3):
        inbox.put(level_message(n))
    assert not inlet.paused
    inbox.put(level_message(3))
    assert inlet.paused
    for n in range(4, 20):  # the socket was read already
        inbox.put(level_message(n))
    assert (len(inbox), inbox.pauses) == (20, 1)


async def test_the_smallest_bound_holds_at_the_first_message(make_inbox, inlet, level_message):
    make_inbox(1).put(level_message(0))
    assert inlet.paused


async def test_taking_lets_the_inlet_go_on_and_it_may_be_paused_again(make_inbox, inlet, level_message):
    inbox = make_inbox(2)
    for round_ in range(1, 4):
        inbox.put(level_message(0))
        inbox.put(level_message(1))
        assert inlet.paused
        await inbox.take(0)
        assert not inlet.paused
        assert inbox.pauses == round_


async def test_taking_does_not_touch_an_inlet_that_others_have_paused(make_inbox, inlet, level_message):
    inbox = make_inbox(4)
    inlet.pause()
    inbox.put(level_message(0))
    await inbox.take(0)
    assert inlet.paused


async def test_an_inbox_that_is_held_stays_paused_though_it_was_full(make_inbox, inlet, level_message):
    inbox = make_inbox(2)
    inbox.put(level_message(0))
    inbox.put(level_message(1))
    inbox.hold()
    taken, _ = await inbox.take(0)
    assert len(taken.messages) == 2
    assert inlet.paused


async def test_an_inbox_that_fills_while_held_stays_paused(make_inbox, inlet, level_message):
    inbox = make_inbox(2)
    inbox.hold()
    assert inlet.paused
    for n in range(3):
        inbox.put(level_message(n))
    taken, _ = await inbox.take(0)
    assert len(taken.messages) == 3
    assert inlet.paused


async def test_the_time_of_receipt_is_that_of_the_oldest_message(make_inbox, clock, level_message):
    inbox = make_inbox(100)
    clock.advance(5)
    first = clock.steady()
    inbox.put(level_message(0))
    clock.advance(5)
    inbox.put(level_message(1))
    assert (await inbox.take(0))[1] == first
    clock.advance(5)
    inbox.put(level_message(2))
    assert (await inbox.take(0))[1] == clock.steady()


async def test_reports_alone_have_no_time_of_receipt(make_inbox):
    inbox = make_inbox()
    inbox.report(DeliveryReport("1", "published", ""))
    assert (await inbox.take(0))[1] is None


async def test_reports_and_the_last_policy_come_with_the_next_take(make_inbox, low):
    inbox = make_inbox()
    delivery, breaker = DeliveryReport("1", "published", ""), BreakerReport("station", "open")
    inbox.report(delivery)
    inbox.report(breaker)
    inbox.adopt(Policy())
    inbox.adopt(Policy((low,)))
    taken, _ = await inbox.take(0)
    assert (taken.deliveries, taken.breakers, taken.policy) == ([delivery], [breaker], Policy((low,)))
    assert (await inbox.take(0))[0].policy is None


@pytest.mark.parametrize(
    "happen",
    [
        lambda inbox, message: inbox.put(message),
        lambda inbox, _: inbox.report(DeliveryReport("1", "published", "")),
        lambda inbox, _: inbox.report(BreakerReport("station", "open")),
        lambda inbox, _: inbox.adopt(Policy()),
        lambda inbox, _: inbox.wake(),
    ],
    ids=["message", "delivery", "breaker", "policy", "wake"],
)
async def test_whatever_comes_wakes_who_waits(make_inbox, level_message, happen):
    inbox = make_inbox()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        taking = group.create_task(inbox.take(3600))
        await asyncio.sleep(0)
        assert not taking.done()
        happen(inbox, level_message(0))


async def test_what_comes_between_two_takes_is_not_overlooked(make_inbox, level_message):
    inbox = make_inbox()
    inbox.put(level_message(0))
    await inbox.take(3600)
    inbox.put(level_message(1))
    async with asyncio.timeout(5):
        taken, _ = await inbox.take(3600)
    assert len(taken.messages) == 1


async def test_without_anything_the_wait_ends_with_nothing(make_inbox):
    taken, first = await make_inbox().take(0.01)
    assert (taken.messages, taken.deliveries, taken.breakers, taken.policy, first) == ([], [], [], None, None)


async def test_a_cancelled_wait_loses_nothing(make_inbox, level_message):
    inbox = make_inbox()
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(inbox.take(3600))
        await asyncio.sleep(0)
        inbox.put(level_message(0))
        taking.cancel()
    assert taking.cancelled()
    assert len((await inbox.take(0))[0].messages) == 1
