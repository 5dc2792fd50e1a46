"""Whoever looks now and then does so with the beat, and not where a glance tells that nothing can have changed."""

from __future__ import annotations

import asyncio

import pytest
from support.deadline import wait_until

from edge_agent.errors import StoreError
from edge_agent.runtime.beat import BEAT_SECONDS, look_around
from edge_agent.runtime.operationwatch import OperationWatch
from edge_agent.runtime.policywatch import SLOW_BEATS, PolicyWatch


class Source:
    """Operations, or a policy, of a store that can fail; counts how often it is asked."""

    def __init__(self, plant=None):
        self.left, self.asked, self.failing, self._plant = [], 0, False, plant

    def _ask(self):
        self.asked += 1
        if self.failing:
            raise StoreError("the disk reports an error")

    async def operations(self):
        self._ask()
        left, self.left = self.left, []
        return left

    async def version(self):
        self._ask()
        return "1"

    async def plant(self):
        return self._plant


@pytest.fixture
def beating(task_group):
    """Run a watch beside a scenario, which is given the means to beat."""

    async def runs(watch, scenario):
        async with asyncio.timeout(20), task_group() as group:
            group.create_task(watch.run())
            await scenario(watch.beat)

    return runs


@pytest.fixture(params=["operations", "policy"])
def watch_of(request, plant):
    reported = []

    def make():
        source = Source(plant)
        if request.param == "policy":
            return PolicyWatch(source, plant, reported.append), source
        return OperationWatch(source, reported.append), source

    return make


async def test_a_store_is_asked_at_first_and_then_only_where_it_may_have_changed(watch_of, beating):
    watch, source = watch_of()

    async def scenario(beat):
        await wait_until(lambda: source.asked == 1)
        beat(changed=False)
        beat(changed=True)
        await wait_until(lambda: source.asked == 2)

    await beating(watch, scenario)


async def test_one_that_failed_is_asked_again_with_each_beat(watch_of, beating):
    watch, source = watch_of()
    source.failing = True

    async def scenario(beat):
        for asked in (1, 2, 3):
            await wait_until(lambda asked=asked: source.asked == asked)
            source.failing = asked < 3
            beat(changed=False)

    await beating(watch, scenario)
    assert source.asked >= 3


async def test_a_source_that_tells_of_changes_is_asked_every_few_seconds_all_the_same(plant, beating):
    async def changes():
        await asyncio.get_running_loop().create_future()
        yield

    source = Source(plant)
    watch = PolicyWatch(source, plant, print, changes)

    async def scenario(beat):
        await wait_until(lambda: source.asked == 1)
        for _ in range(SLOW_BEATS - 1):
            beat(changed=True)
        assert not watch._told.is_set()
        beat(changed=False)
        await wait_until(lambda: source.asked == 2)

    await beating(watch, scenario)
    assert SLOW_BEATS * BEAT_SECONDS < 6


async def test_all_look_with_one_beat_and_are_told_whether_the_store_may_have_changed(task_group):
    class Looker:
        def __init__(self):
            self.told = []

        def beat(self, *, changed):
            self.told.append((asyncio.get_running_loop().time(), changed))

    lookers, changes = [Looker(), Looker()], iter([True, False, True, True])
    async with task_group() as group:
        group.create_task(look_around(lookers, lambda: next(changes)))
        await wait_until(lambda: len(lookers[1].told) == 2, timeout=10)
    assert [changed for _, changed in lookers[0].told] == [True, False]
    between = lookers[0].told[1][0] - lookers[0].told[0][0]
    assert between < 2 * BEAT_SECONDS
