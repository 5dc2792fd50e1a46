"""What governs a site while the utility's store is there, away, or has never heard of the site."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plants import plant, threshold

from edge_agent.errors import StoreFullError, StoreUnavailableError
from edge_agent.knowledge.lastknown import LastKnownPolicy
from edge_agent.knowledge.memory import MemoryStore
from edge_agent.model.plant import Policy


class Away(MemoryStore):
    """A store that can be out of reach."""

    away = False

    async def version(self):
        if self.away:
            raise StoreUnavailableError("away")
        return await super().version()

    async def policy(self):
        if self.away:
            raise StoreUnavailableError("away")
        return await super().policy()


class Full(MemoryStore):
    """A keeper that cannot be written for a while."""

    full = True

    async def keep(self, plant, mark):
        if self.full:
            raise StoreFullError("full")
        await super().keep(plant, mark)


@pytest.fixture
def site():
    return plant(thresholds=[threshold("low", 1.5)])


@pytest.fixture
def tuned(site):
    (low,) = site.policy.thresholds
    return replace(site, policy=Policy((replace(low, limit=1.8),), site.policy.plans))


async def test_a_site_that_is_not_known_is_made_known_with_its_plant_file(site):
    primary, keeper = MemoryStore(), MemoryStore()
    assert await LastKnownPolicy(primary, keeper, site).policy() == site.policy
    assert await primary.policy() == site.policy


async def test_what_the_utility_says_counts_not_the_plant_file(site, tuned):
    primary, keeper = MemoryStore(), MemoryStore()
    await primary.apply(tuned)
    chain = LastKnownPolicy(primary, keeper, site)
    assert await chain.policy() == tuned.policy
    assert await chain.kept() == tuned.policy, "and is kept for a start without it"


async def test_a_start_without_the_utility_goes_by_what_it_said_last(site, tuned):
    primary, keeper = Away(), MemoryStore()
    await primary.apply(tuned)
    await LastKnownPolicy(primary, keeper, site).policy()
    primary.away = True
    again = LastKnownPolicy(primary, keeper, site)
    assert await again.kept() == tuned.policy
    with pytest.raises(StoreUnavailableError):
        await again.policy()


async def test_the_first_start_of_all_without_the_utility_goes_by_the_plant_file(site):
    primary = Away()
    primary.away = True
    assert await LastKnownPolicy(primary, MemoryStore(), site).kept() == site.policy


async def test_what_cannot_be_kept_is_in_force_all_the_same_and_kept_when_it_can(site, tuned):
    primary, keeper = MemoryStore(), Full()
    await primary.apply(tuned)
    chain = LastKnownPolicy(primary, keeper, site)
    assert await chain.kept() == site.policy
    assert await chain.policy() == tuned.policy
    assert await keeper.policy() == site.policy
    keeper.full = False
    await chain.version()
    assert await keeper.policy() == tuned.policy
