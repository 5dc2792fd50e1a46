from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clocks import ManualClock
from support.deadline import wait_until

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.runtime.drain import MOST_ROWS, Drain
from edge_agent.runtime.resilience import DRAIN_ATTEMPTS, DRAIN_PAUSE_SECONDS, drain_pause


class FakeSpool:
    """Parcels of one row each, in a list."""

    def __init__(self):
        self.parcels, self.refused, self.looks = [], [], []
        self.broken = False
        self._something = asyncio.Event()

    def add(self, *names):
        self.parcels += names
        self._something.set()

    async def filled(self):
        await self._something.wait()

    async def oldest(self, most_rows):
        if self.broken:
            raise StoreError("the disk is broken")
        self.looks.append(most_rows)
        taken = self.parcels[:most_rows]
        if not taken:
            self._something.clear()
            return None
        return SimpleNamespace(ids=tuple(taken), rows=len(taken), batch=list(taken))

    async def drop(self, ids):
        self.parcels = [parcel for parcel in self.parcels if parcel not in ids]

    async def refuse(self, ids, reason):
        self.refused += [(parcel, reason) for parcel in ids]
        await self.drop(ids)


class FakeSink:
    def __init__(self):
        self.away, self.poison = False, set()
        self.batches, self.offered = [], 0

    @property
    def taken(self):
        return [name for batch in self.batches for name in batch]

    async def absorb(self, batch):
        self.offered += 1
        if self.away:
            raise StoreUnavailableError("the server is away")
        if self.poison & set(batch):
            raise StoreError("a value is out of range")
        self.batches.append(batch)


@pytest.fixture
def spool():
    return FakeSpool()


@pytest.fixture
def sink():
    return FakeSink()


@pytest.fixture
def drain(spool, sink):
    return Drain(spool, sink, clock=ManualClock(), chance=lambda: 0.0)


async def test_what_is_spooled_arrives_in_order_and_in_few_writes(spool, sink, drain, task_group):
    names = [f"commit {n}" for n in range(MOST_ROWS + 10)]
    spool.add(*names)
    async with task_group() as group:
        group.create_task(drain.run())
        await wait_until(lambda: not spool.parcels)
    assert sink.taken == names
    assert len(sink.batches) == 2


async def test_it_wakes_at_once_when_something_is_spooled(spool, sink, drain, task_group):
    async with task_group() as group:
        group.create_task(drain.run())
        for n in range(3):
            spool.add(n)
            for _ in range(10):
                await asyncio.sleep(0)
            assert sink.taken == list(range(n + 1))


async def test_while_the_sink_is_away_everything_waits_and_then_goes_on_in_order(spool, sink, drain, task_group):
    sink.away = True
    spool.add(1, 2)
    async with task_group() as group:
        group.create_task(drain.run())
        await wait_until(lambda: sink.offered >= 2)
        assert (spool.parcels, drain.error) == ([1, 2], "the server is away")
        spool.add(3)
        sink.away = False
        await wait_until(lambda: not spool.parcels)
    assert (sink.taken, spool.refused, drain.error) == ([1, 2, 3], [], None)


async def test_what_is_refused_is_set_aside_alone_and_the_rest_arrives(spool, sink, drain, task_group):
    names = list(range(300))
    sink.poison = {117, 118}
    spool.add(*names)
    async with task_group() as group:
        group.create_task(drain.run())
        await wait_until(lambda: not spool.parcels)
    assert sink.taken == [name for name in names if name not in sink.poison]
    assert spool.refused == [(117, "a value is out of range"), (118, "a value is out of range")]
    assert sink.offered < 60


async def test_a_single_refusal_is_not_the_end(spool, sink, drain, task_group):
    sink.poison = {1}
    spool.add(1)
    async with task_group() as group:
        group.create_task(drain.run())
        await wait_until(lambda: sink.offered == DRAIN_ATTEMPTS - 1)
        sink.poison = set()
        await wait_until(lambda: not spool.parcels)
    assert (sink.taken, spool.refused) == ([1], [])


async def test_a_spool_that_cannot_be_read_is_tried_again(spool, sink, drain, task_group):
    spool.broken = True
    spool.add(1)
    async with task_group() as group:
        group.create_task(drain.run())
        await wait_until(lambda: drain.error)
        spool.broken = False
        await wait_until(lambda: sink.taken == [1])
    assert drain.error is None


async def test_cut_off_in_a_write_it_forgets_nothing(spool, drain, sink, task_group):
    reached = asyncio.Event()

    async def hanging(_batch):
        reached.set()
        await asyncio.Event().wait()

    sink.absorb = hanging
    spool.add(1)
    async with task_group() as group:
        group.create_task(drain.run())
        await reached.wait()
    assert spool.parcels == [1]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_pause_grows_to_its_limit_and_is_never_nothing(failures, chance):
    assert 0 < drain_pause(failures, lambda: chance) <= DRAIN_PAUSE_SECONDS + 0.05
    assert drain_pause(failures, lambda: 1.0) <= drain_pause(failures + 1, lambda: 1.0)
