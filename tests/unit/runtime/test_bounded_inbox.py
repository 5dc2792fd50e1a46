from __future__ import annotations

import asyncio

import pytest

from edge_agent.model.inbox import BreakerReport, DispatchReport, Inbox, Kind, PlantChange, PolicyChange, Route
from edge_agent.model.plant import Plant
from edge_agent.model.revision import Revision
from edge_agent.runtime.inbox import MOST_WAITING_BYTES, BoundedInbox

BULK = bytes(60_000)


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
        inbox.extend([message])
    taken, _ = await inbox.take(0)
    assert taken.messages == messages
    assert (await inbox.take(0))[0].messages == []


async def test_at_high_water_the_inlet_is_paused_and_nothing_is_dropped(make_inbox, inlet, level_message):
    inbox = make_inbox(4)
    for n in range(3):
        inbox.extend([level_message(n)])
    assert not inlet.paused
    inbox.extend([level_message(3)])
    assert inlet.paused
    for n in range(4, 20):  # the socket was read already
        inbox.extend([level_message(n)])
    assert (len(inbox), inlet.pauses) == (20, 1)


async def test_the_smallest_bound_holds_at_the_first_message(make_inbox, inlet, level_message):
    make_inbox(1).extend([level_message(0)])
    assert inlet.paused


async def test_taking_lets_the_inlet_go_on_and_it_may_be_paused_again(make_inbox, inlet, level_message):
    inbox = make_inbox(2)
    for round_ in range(1, 4):
        inbox.extend([level_message(0)])
        inbox.extend([level_message(1)])
        assert inlet.paused
        await inbox.take(0)
        assert not inlet.paused
        assert inlet.pauses == round_


async def test_taking_does_not_touch_an_inlet_that_others_have_paused(make_inbox, inlet, level_message):
    inbox = make_inbox(4)
    inlet.pause()
    inbox.extend([level_message(0)])
    await inbox.take(0)
    assert inlet.paused


async def test_an_inbox_that_is_held_stays_paused_though_it_was_full(make_inbox, inlet, level_message):
    inbox = make_inbox(2)
    inbox.extend([level_message(0)])
    inbox.extend([level_message(1)])
    inbox.hold()
    taken, _ = await inbox.take(0)
    assert len(taken.messages) == 2
    assert inlet.paused


async def test_an_inbox_that_fills_while_held_stays_paused(make_inbox, inlet, level_message):
    inbox = make_inbox(2)
    inbox.hold()
    assert inlet.paused
    for n in range(3):
        inbox.extend([level_message(n)])
    taken, _ = await inbox.take(0)
    assert len(taken.messages) == 3
    assert inlet.paused


async def test_the_time_of_receipt_is_that_of_the_oldest_message(make_inbox, clock, level_message):
    inbox = make_inbox(100)
    clock.advance(5)
    first = clock.steady()
    inbox.extend([level_message(0)])
    clock.advance(5)
    inbox.extend([level_message(1)])
    assert (await inbox.take(0))[1] == first
    clock.advance(5)
    inbox.extend([level_message(2)])
    assert (await inbox.take(0))[1] == clock.steady()


async def test_events_alone_have_no_time_of_receipt(make_inbox):
    inbox = make_inbox()
    inbox.report(DispatchReport("1", "published", ""))
    assert (await inbox.take(0))[1] is None


async def test_events_come_with_the_next_take_once_and_in_order_and_parts_of_a_policy_one_a_take(make_inbox, low):
    inbox = make_inbox()
    dispatch, breaker = DispatchReport("1", "published", ""), BreakerReport("station", "open")
    inbox.report(dispatch)
    inbox.report(breaker)
    first, second = (
        PolicyChange(Revision({"tank1/level": ()}, more=True)),
        PolicyChange(Revision({"tank1/level": (low,)})),
    )
    inbox.report(first)
    inbox.report(second)
    taken, _ = await inbox.take(0)
    assert taken.events == [dispatch, breaker, first]
    assert [(await inbox.take(0))[0].events for _ in range(2)] == [[second], []]


async def test_a_changed_plant_takes_the_place_of_all_that_was_to_change_before(make_inbox, low):
    inbox = make_inbox()
    inbox.report(PolicyChange(Revision({"tank1/level": ()})))
    changed = PlantChange(Plant("riverside", {}))
    inbox.report(changed)
    after = PolicyChange(Revision({"tank1/level": (low,)}))
    inbox.report(after)
    assert [(await inbox.take(0))[0].events for _ in range(2)] == [[changed], [after]]


@pytest.mark.parametrize(
    "happen",
    [
        lambda inbox, message: inbox.extend([message]),
        lambda inbox, _: inbox.report(DispatchReport("1", "published", "")),
        lambda inbox, _: inbox.report(BreakerReport("station", "open")),
        lambda inbox, _: inbox.report(PolicyChange(Revision({}))),
        lambda inbox, _: inbox.wake(),
    ],
    ids=["message", "dispatch", "breaker", "policy", "wake"],
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
    inbox.extend([level_message(0)])
    await inbox.take(3600)
    inbox.extend([level_message(1)])
    async with asyncio.timeout(5):
        taken, _ = await inbox.take(3600)
    assert len(taken.messages) == 1


async def test_without_anything_the_wait_ends_with_nothing(make_inbox):
    taken, first = await make_inbox().take(0.01)
    assert (taken, first) == (Inbox(), None)


async def test_a_cancelled_wait_loses_nothing(make_inbox, level_message):
    inbox = make_inbox()
    async with asyncio.TaskGroup() as group:
        taking = group.create_task(inbox.take(3600))
        await asyncio.sleep(0)
        inbox.extend([level_message(0)])
        taking.cancel()
    assert taking.cancelled()
    assert len((await inbox.take(0))[0].messages) == 1


def bulk(level_message, number, node="tank9"):
    topic = f"water/riverside/{node}/telemetry/level"
    return level_message(0, number)._replace(route=Route(Kind.TELEMETRY, node, "level"), topic=topic, payload=BULK)


async def test_what_is_too_much_for_one_turn_takes_turns_with_what_is_small(make_inbox, level_message):
    inbox = make_inbox(10_000)
    large = [bulk(level_message, number) for number in range(1, 6)]
    inbox.extend(large)
    assert (await inbox.take(3600))[0].messages == large[:1]
    inbox.extend(live := [level_message(number) for number in range(3)])
    assert (await inbox.take(3600))[0].messages == live
    inbox.extend(more := [level_message(number) for number in range(3)])
    assert (await inbox.take(3600))[0].messages == large[1:2]
    assert (await inbox.take(3600))[0].messages == more
    for place in range(2, 5):
        assert (await inbox.take(3600))[0].messages == large[place : place + 1]
    assert (await inbox.take(0))[0].messages == []


async def test_a_thousand_live_readings_are_one_turn_with_a_large_message_among_them(make_inbox, level_message):
    inbox = make_inbox(10_000)
    live = [level_message(number)._replace(payload=bytes(70)) for number in range(999)]
    inbox.extend([*live, bulk(level_message, 1)])
    assert len((await inbox.take(0))[0].messages) == 1_000


async def test_between_the_turns_of_much_others_have_theirs(make_inbox, level_message):
    inbox = make_inbox(10_000)
    inbox.extend([bulk(level_message, number) for number in range(1, 6)])
    await inbox.take(0)
    beats = []
    asyncio.get_running_loop().call_soon(beats.append, 1)
    await inbox.take(0)
    assert beats


async def test_every_message_tells_when_it_came_however_long_it_waited(make_inbox, clock, level_message):
    inbox = make_inbox(10_000)
    clock.advance(1)
    began = clock.steady()
    inbox.extend([bulk(level_message, number) for number in range(1, 6)])
    clock.advance(1)
    assert (await inbox.take(0))[1] == began
    inbox.extend([level_message(0)])
    came = clock.steady()
    clock.advance(1)
    assert (await inbox.take(0))[1] == came
    assert (await inbox.take(0))[1] == began


async def test_what_is_small_does_not_seem_to_have_waited_with_the_last_of_what_was_too_much(
    make_inbox, clock, level_message
):
    inbox = make_inbox(10_000)
    inbox.extend([bulk(level_message, number)._replace(payload=BULK[:30_000]) for number in range(1, 4)])
    clock.advance(1)
    await inbox.take(0)
    inbox.extend(live := [level_message(0)])
    came = clock.steady()
    clock.advance(1)
    taken, first = await inbox.take(0)
    assert (taken.messages, first) == (live, came)


async def test_events_do_not_wait_for_what_is_large(make_inbox, level_message):
    inbox = make_inbox(10_000)
    inbox.extend([bulk(level_message, number) for number in range(1, 6)])
    await inbox.take(0)
    inbox.report(report := DispatchReport("1", "published", ""))
    assert (await inbox.take(0))[0].events == [report]


async def test_the_inlet_is_paused_where_few_messages_are_many_bytes(make_inbox, inlet, level_message):
    inbox = make_inbox(10_000)
    for number in range(MOST_WAITING_BYTES // len(BULK)):
        inbox.extend([bulk(level_message, number + 1)])
    assert not inlet.paused
    inbox.extend([bulk(level_message, 9_999)])
    assert inlet.paused
    while inlet.paused:
        assert (await inbox.take(0))[0].messages
    assert len(inbox) * len(BULK) <= MOST_WAITING_BYTES / 2


async def test_what_a_broker_sends_unacknowledged_of_the_largest_messages_is_read(make_inbox, inlet, level_message):
    inbox = make_inbox(1_000)
    for _ in range(500):
        inbox.extend([level_message(0)._replace(payload=bytes(65_536))])
    inbox.extend([level_message(0)])
    assert not inlet.paused


async def test_it_shows_what_waits(make_inbox, level_message):
    inbox = make_inbox(2)
    inbox.extend([level_message(0), level_message(1)])
    inbox.report(BreakerReport("station", "open"))
    assert repr(inbox).startswith("BoundedInbox(2 messages, 1 events, ")
    assert repr(inbox).endswith("paused)")
