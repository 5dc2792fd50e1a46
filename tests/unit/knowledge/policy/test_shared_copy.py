"""When a gateway looks at the copy that gateways share, and what it counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.memorystore import MemoryStore
from support.plants import plant, threshold

from edge_agent.errors import StoreUnavailableError
from edge_agent.knowledge.policy.inforce import PolicyInForce
from edge_agent.knowledge.policy.sealed import sealed
from edge_agent.knowledge.policy.shared import SharedCopy
from edge_agent.model.plant import Policy
from edge_agent.ports.policy import Edition, Issue

KEY = b"k" * 32


class Utility(MemoryStore):
    """A store that governs, with an edition for each state; it can be out of reach, and counts what is read of it."""

    away, read = False, 0

    async def version(self):
        if self.away:
            raise StoreUnavailableError("away")
        return Edition(await super().version(), "x")

    async def issue(self):
        self.read += 1
        return Issue(await self.version(), await self.policy(), await self.applied(), KEY)


class Cache:
    """One text; `reads` counts how often it was looked at."""

    def __init__(self):
        self.data, self.reads = None, 0

    async def read(self):
        self.reads += 1
        return self.data

    async def write(self, data):
        self.data = data


@pytest.fixture
def site():
    return plant(thresholds=[threshold("high", 5.2), threshold("low", 1.5)])


@pytest.fixture
async def utility(site):
    utility = Utility()
    await utility.apply(site)
    return utility


def tuned(site, limit):
    high, low = site.policy.thresholds
    return replace(site, policy=Policy((high, replace(low, limit=limit)), site.policy.plans))


def low_of(policy):
    return next(one.limit for one in policy.thresholds if one.name == "low")


def gateway(embedded, site, utility, cache):
    return PolicyInForce(embedded, site, utility=utility, shared=SharedCopy(cache, site.site))


async def known(site, utility):
    """Return what a gateway keeps that the utility's store has governed."""
    embedded = MemoryStore()
    in_force = gateway(embedded, site, utility, Cache())
    await in_force.begin()
    await in_force.version()
    await in_force.plant()
    utility.read = 0
    return embedded


async def test_the_first_start_of_all_looks_at_no_copy_and_counts_a_miss(site, utility):
    cache = Cache()
    in_force = gateway(MemoryStore(), site, utility, cache)
    await in_force.begin()
    await in_force.version()
    assert (await in_force.plant()).policy == site.policy
    assert (cache.reads, in_force.shared.reads["miss"], utility.read) == (0, 1, 1)


async def test_a_copy_of_the_edition_asked_for_is_taken_once_and_changes_come_from_the_store(site, utility):
    cache = Cache()
    cache.data = sealed(site.site, await utility.issue())
    in_force = gateway(await known(site, utility), site, utility, cache)
    await in_force.begin()
    await in_force.version()
    assert (await in_force.plant()).policy == site.policy
    assert (utility.read, in_force.shared.reads["hit"]) == (0, 1)
    await utility.apply(tuned(site, 1.8))
    await in_force.version()
    assert low_of((await in_force.plant()).policy) == 1.8
    assert (cache.reads, utility.read) == (1, 1)


async def test_without_the_store_a_newer_copy_counts_and_an_older_one_does_not(site, utility):
    cache, embedded = Cache(), await known(site, utility)
    newer = tuned(site, 1.8).policy
    for revision, limit in ((9, 1.8), (1, None)):
        in_force = gateway(embedded, site, utility, cache)
        await in_force.begin()
        utility.away = True
        cache.data = sealed(site.site, Issue(Edition(revision, "y"), newer, await utility.applied(), KEY))
        if limit is None:
            with pytest.raises(StoreUnavailableError):
                await in_force.version()
        else:
            await in_force.version()
            assert low_of((await in_force.plant()).policy) == limit
    assert low_of(await embedded.policy()) == 1.8, "and is kept for a start"


async def test_what_has_another_seal_is_never_believed(site, utility):
    cache, embedded = Cache(), await known(site, utility)
    cache.data = sealed(site.site, Issue(Edition(9, "y"), tuned(site, 9.0).policy, None, b"x" * 32))
    in_force = gateway(embedded, site, utility, cache)
    assert (await in_force.begin()).policy == site.policy
    utility.away = True
    with pytest.raises(StoreUnavailableError):
        await in_force.version()
    assert in_force.shared.reads["refused"] == 1
