from __future__ import annotations

from dataclasses import replace

import pytest
from support.deadline import wait_until

from edge_agent.errors import PublishRefusedError, PublishTooLargeError
from edge_agent.model.readings import DeadLetter
from edge_agent.runtime.announcer import AT_ONCE, KEPT_DEAD_LETTERS, Announcer


def letter(number):
    return DeadLetter("not_json", "water/riverside/tank1/telemetry/level", f"{number}".encode(), number)


@pytest.fixture
def announcer(outlet):
    return Announcer(outlet)


async def test_before_the_first_connection_nothing_is_tried(announcer, outlet, make_alarm, task_group):
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.alarms([make_alarm()])
        announcer.dead_letters([letter(1)])
        announcer.connected(is_connected=True)
        await wait_until(lambda: outlet.letters)
    assert outlet.tried == 2


async def test_a_switch_point_is_not_published(announcer, outlet, make_alarm, task_group):
    announcer.alarms([replace(make_alarm(), annunciated=False), make_alarm("pressure")])
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: outlet.alarms)
    assert [alarm.key.sensor for alarm in outlet.alarms] == ["pressure"]
    assert outlet.tried == 1


async def test_of_each_alarm_only_the_newest_state_is_published(announcer, outlet, make_alarm, task_group):
    newest, other = make_alarm(active=False), make_alarm("pressure")
    announcer.alarms([make_alarm(), other, make_alarm(reason="further below")])
    announcer.alarms([newest])
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: len(outlet.alarms) == 2)
    assert {alarm.key: alarm for alarm in outlet.alarms} == {newest.key: newest, other.key: other}


async def test_a_state_that_changes_while_it_is_published_is_published_again(announcer, outlet, make_alarm, task_group):
    first, second = make_alarm(), make_alarm(active=False)
    outlet.confirming.clear()
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        announcer.alarms([first])
        await wait_until(lambda: outlet.tried == 1)
        announcer.alarms([second])
        outlet.confirming.set()
        await wait_until(lambda: len(outlet.alarms) == 2)
    assert outlet.alarms == [first, second]


async def test_an_alarm_that_never_rests_does_not_keep_others_waiting(announcer, outlet, make_alarm, task_group):
    outlet_alarm = outlet.alarm

    async def changing(alarm):
        await outlet_alarm(alarm)
        if alarm.key.sensor == "level":
            announcer.alarms([make_alarm(reason=f"change {len(outlet.alarms)}")])

    outlet.alarm = changing
    announcer.alarms([make_alarm(), make_alarm("pressure")])
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: len(outlet.alarms) > 2)
    assert "pressure" in {alarm.key.sensor for alarm in outlet.alarms[:3]}


async def test_what_the_broker_did_not_take_is_published_after_the_next_connection(
    announcer, outlet, make_alarm, task_group
):
    alarm = make_alarm()
    outlet.away = True
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        announcer.alarms([alarm])
        announcer.dead_letters([letter(1), letter(2)])
        await wait_until(lambda: outlet.tried == 1)
        outlet.away = False
        announcer.connected(is_connected=True)
        await wait_until(lambda: len(outlet.letters) == 2)
    assert (outlet.alarms, outlet.letters) == ([alarm], [letter(1), letter(2)])


async def test_what_was_not_confirmed_is_tried_again_though_the_connection_lasts(outlet, make_alarm, task_group):
    announcer = Announcer(outlet, retry_seconds=0.02)
    outlet.away = True
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        announcer.alarms([make_alarm()])
        await wait_until(lambda: outlet.tried == 1)
        outlet.away = False  # and no word of a new connection, because the old one never went
        await wait_until(lambda: outlet.alarms)


async def test_dead_letters_are_bounded_and_what_is_dropped_is_counted(announcer, outlet, task_group):
    letters = [letter(n) for n in range(KEPT_DEAD_LETTERS + 3)]
    announcer.dead_letters(letters)
    assert announcer.dropped == 3
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: len(outlet.letters) == KEPT_DEAD_LETTERS)
    assert outlet.letters == letters[3:]


async def test_letters_that_overflow_during_a_publication_take_no_other_along(announcer, outlet, task_group):
    letters = [letter(n) for n in range(KEPT_DEAD_LETTERS + 1)]
    outlet.confirming.clear()
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        announcer.dead_letters(letters[:-1])
        await wait_until(lambda: outlet.tried == 1)
        announcer.dead_letters(letters[-1:])  # drops the one on its way
        outlet.confirming.set()
        await wait_until(lambda: outlet.letters and outlet.letters[-1] == letters[-1])
    assert outlet.letters == letters


async def test_a_cut_off_publication_is_made_up_for(announcer, outlet, make_alarm, task_group):
    alarm = make_alarm()
    announcer.alarms([alarm])
    outlet.confirming.clear()
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: outlet.tried == 1)
    outlet.confirming.set()
    await announcer.flush()
    assert outlet.alarms == [alarm]


async def test_a_refused_topic_holds_up_no_other_and_is_tried_again(outlet, make_alarm, task_group):
    announcer = Announcer(outlet, retry_seconds=0.02)
    say, refused = outlet.alarm, []

    async def forbid(alarm):
        if alarm.key.sensor == "level" and len(refused) < 2:
            refused.append(alarm)
            raise PublishRefusedError("not authorised")
        await say(alarm)

    outlet.alarm = forbid
    announcer.alarms([make_alarm(), make_alarm("pressure")])
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: len(outlet.alarms) == 2)
    assert [alarm.key.sensor for alarm in outlet.alarms] == ["pressure", "level"]
    assert len(refused) == 2


async def test_what_is_too_large_for_the_broker_is_given_up_and_holds_up_nothing(outlet, make_alarm, task_group):
    announcer = Announcer(outlet, retry_seconds=0.02)
    say_alarm, say_letter, refused = outlet.alarm, outlet.dead_letter, []

    async def alarm(alarm):
        if alarm.key.sensor == "level":
            refused.append(alarm)
            raise PublishTooLargeError("400 bytes")
        await say_alarm(alarm)

    async def letter(letter):
        if letter.payload == b"large":
            refused.append(letter)
            raise PublishTooLargeError("400 bytes")
        await say_letter(letter)

    outlet.alarm, outlet.dead_letter = alarm, letter
    announcer.alarms([make_alarm(), make_alarm("pressure")])
    announcer.dead_letters([DeadLetter("r", "t", b"large", 0), DeadLetter("r", "t", b"small", 0)])
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: outlet.letters)
        announcer.alarms([make_alarm("flow")])
        await wait_until(lambda: len(outlet.alarms) == 2)
    assert [letter.payload for letter in outlet.letters] == [b"small"]
    assert len(refused) == 2
    assert announcer.dropped == 0


async def test_a_refused_status_mutes_no_alarm(announcer, outlet, make_alarm, task_group):
    async def forbid(_state):
        raise PublishRefusedError("not authorised")

    outlet.status = forbid
    announcer.status("online")
    announcer.alarms([make_alarm()])
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: outlet.alarms)


async def test_alarms_go_out_by_priority_several_at_once(announcer, outlet, make_alarm, task_group):
    outlet.confirming.clear()
    for number, priority in enumerate(["low", "medium", "critical", "high"] * 5):
        announcer.alarms([make_alarm(f"s{number}", priority=priority)])
    async with task_group() as group:
        group.create_task(announcer.run())
        announcer.connected(is_connected=True)
        await wait_until(lambda: outlet.tried == AT_ONCE)
        outlet.confirming.set()
        await wait_until(lambda: len(outlet.alarms) == 20)
    assert [alarm.priority for alarm in outlet.alarms] == [
        p for p in ("critical", "high", "medium", "low") for _ in "12345"
    ]
