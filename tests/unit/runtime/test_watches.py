"""Whoever looks now and then does so with the beat, and not where a glance tells that nothing can have changed."""

from __future__ import annotations

import asyncio

import pytest
from support.deadline import wait_until

from edge_agent.errors import StoreError
from edge_agent.model.inbox import Operation
from edge_agent.runtime.beat import BEAT_SECONDS, until_beat
from edge_agent.runtime.operationwatch import OperationWatch
from edge_agent.runtime.policywatch import PolicyWatch

RESET = Operation("reset", "station/pump1", "ada", "it was mended")


class Glance:
    """Tells what it is set to, and counts how often it is asked."""

    def __init__(self):
        self.changed, self.glances = False, 0

    def __call__(self):
        self.glances += 1
        return self.changed


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
def glance():
    return Glance()


@pytest.fixture
def watched(task_group):
    """Run a watch beside a scenario."""

    async def runs(watch, scenario):
        async with asyncio.timeout(20), task_group() as group:
            group.create_task(watch.run())
            await scenario()

    return runs


async def test_all_of_them_look_at_once():
    loop = asyncio.get_running_loop()
    await asyncio.sleep(until_beat())
    assert (loop.time() + 0.001) % BEAT_SECONDS < BEAT_SECONDS / 3


@pytest.mark.parametrize("kind", ["operations", "policy"])
async def test_a_store_is_asked_at_first_and_then_only_where_it_may_have_changed(kind, glance, plant, watched):
    source = Source(plant)
    watch = (
        OperationWatch(source, print, glance)
        if kind == "operations"
        else PolicyWatch(source, plant, print, glance=glance)
    )

    async def scenario():
        await wait_until(lambda: glance.glances >= 3, timeout=10)
        assert source.asked == 1
        glance.changed = True
        await wait_until(lambda: source.asked >= 2, timeout=10)

    await watched(watch, scenario)


@pytest.mark.parametrize("kind", ["operations", "policy"])
async def test_one_that_failed_is_asked_again_whatever_the_glance_tells(kind, glance, plant, watched):
    source, reported = Source(plant), []
    source.failing = True
    watch = (
        OperationWatch(source, reported.append, glance)
        if kind == "operations"
        else PolicyWatch(source, plant, reported.append, glance=glance)
    )

    async def scenario():
        await wait_until(lambda: source.asked >= 2, timeout=10)
        source.failing, source.left = False, [RESET]
        asked = source.asked
        await wait_until(lambda: source.asked > asked, timeout=10)
        if kind == "operations":
            assert reported == [RESET]

    await watched(watch, scenario)


async def test_without_a_glance_it_is_asked_with_every_beat(watched):
    source = Source()

    async def scenario():
        await wait_until(lambda: source.asked >= 2, timeout=10)

    await watched(OperationWatch(source, print), scenario)
