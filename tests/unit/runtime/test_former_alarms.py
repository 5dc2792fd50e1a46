"""What stands at the broker from a former life is emptied, and nothing that the agent knows."""

from __future__ import annotations

import pytest
from support.deadline import wait_until

from edge_agent.analyze.register import AlarmRegister
from edge_agent.errors import BrokerUnavailableError
from edge_agent.model.alarms import AlarmKey
from edge_agent.runtime.announcer import Announcer
from edge_agent.runtime.formeralarms import FormerAlarms

GONE, OTHER = AlarmKey("tank9", "level", "low"), AlarmKey("tank9", "level", "high")


class Standing:
    """The alarms at the broker; counts the looks, and shows nothing while `away`."""

    def __init__(self, *keys):
        self.keys, self.looks, self.away = list(keys), 0, False
        self.meanwhile = lambda: None

    async def look(self):
        self.looks += 1
        if self.away:
            raise BrokerUnavailableError("the broker cannot be asked")
        self.meanwhile()
        return self.keys


@pytest.fixture
def announcer(outlet):
    return Announcer(outlet)


@pytest.fixture
def emptied(announcer, outlet):
    async def publish():
        await announcer.flush()
        assert all(alarm.at_rest for alarm in outlet.alarms)
        return [alarm.key for alarm in outlet.alarms]

    return publish


async def test_only_what_the_register_does_not_know_is_emptied(announcer, make_alarm, emptied, task_group):
    known = make_alarm()
    standing = Standing(known.key, GONE)
    former = FormerAlarms(AlarmRegister([known]), announcer)
    async with task_group() as group:
        group.create_task(former.run(standing.look))
        former.connected()
        await wait_until(lambda: standing.looks)
    assert await emptied() == [GONE]


async def test_before_a_connection_nothing_is_looked_at(announcer, emptied, task_group):
    standing = Standing(GONE)
    async with task_group() as group:
        group.create_task(FormerAlarms(AlarmRegister([]), announcer).run(standing.look))
    assert (standing.looks, await emptied()) == (0, [])


async def test_what_is_raised_during_the_look_stands(announcer, emptied, clock, task_group):
    register, standing = AlarmRegister([]), Standing(GONE)
    standing.meanwhile = lambda: register.raise_(GONE, "high", clock.now(), "below low")
    former = FormerAlarms(register, announcer)
    async with task_group() as group:
        group.create_task(former.run(standing.look))
        former.connected()
        await wait_until(lambda: standing.looks)
    assert await emptied() == []


async def test_after_a_look_that_failed_it_looks_again(announcer, emptied, task_group):
    standing = Standing(GONE)
    standing.away = True
    former = FormerAlarms(AlarmRegister([]), announcer, pause_seconds=0.01)
    async with task_group() as group:
        group.create_task(former.run(standing.look))
        former.connected()
        await wait_until(lambda: standing.looks > 1)
        standing.away = False
        looks = standing.looks
        await wait_until(lambda: standing.looks > looks)
    assert await emptied() == [GONE]


async def test_it_looks_until_nothing_new_is_found_for_a_broker_may_not_show_all_at_once(
    announcer, emptied, task_group
):
    standing = Standing(GONE)
    former = FormerAlarms(AlarmRegister([]), announcer, pause_seconds=0.01)
    async with task_group() as group:
        group.create_task(former.run(standing.look))
        former.connected()
        await wait_until(lambda: standing.looks == 2)
        standing.keys = [OTHER]
        former.connected()
        await wait_until(lambda: standing.looks == 4)
    assert await emptied() == [GONE, OTHER]


async def test_each_new_connection_is_looked_at(announcer, task_group):
    standing = Standing()
    former = FormerAlarms(AlarmRegister([]), announcer, pause_seconds=0.01)
    async with task_group() as group:
        group.create_task(former.run(standing.look))
        for number in (1, 2):
            former.connected()
            await wait_until(lambda number=number: standing.looks == number)
