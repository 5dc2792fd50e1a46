"""What governs a site while the utility's store is there, away, or has never heard of the site."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.memorystore import MemoryStore
from support.plants import plant, threshold

from edge_agent.errors import StoreFullError, StoreUnavailableError
from edge_agent.knowledge.policy.inforce import PolicyInForce
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


def chained(primary, keeper, site):
    return PolicyInForce(keeper, site, utility=primary)


@pytest.fixture
def site():
    return plant(thresholds=[threshold("high", 5.2), threshold("low", 1.5)])


@pytest.fixture
def tuned(site):
    low = next(each for each in site.policy.thresholds if each.name == "low")
    others = [each for each in site.policy.thresholds if each is not low]
    return replace(site, policy=Policy((*others, replace(low, limit=1.8)), site.policy.plans))


async def test_a_site_that_is_not_known_is_made_known_with_its_plant_file(site):
    primary, keeper = MemoryStore(), MemoryStore()
    assert await chained(primary, keeper, site).plant() == site
    assert await primary.policy() == site.policy


async def test_what_the_utility_says_counts_not_the_plant_file(site, tuned):
    primary, keeper = MemoryStore(), MemoryStore()
    await primary.apply(tuned)
    chain = chained(primary, keeper, site)
    assert await chain.plant() == tuned
    assert await chained(Away(), keeper, site).begin() == tuned, "and is kept for a start without it"


async def test_a_start_without_the_utility_goes_by_what_it_said_last(site, tuned):
    primary, keeper = Away(), MemoryStore()
    await primary.apply(tuned)
    await chained(primary, keeper, site).plant()
    primary.away = True
    again = chained(primary, keeper, site)
    assert await again.begin() == tuned
    with pytest.raises(StoreUnavailableError):
        await again.plant()


async def test_the_first_start_of_all_without_the_utility_goes_by_the_plant_file(site):
    primary = Away()
    primary.away = True
    chain = chained(primary, MemoryStore(), site)
    assert await chain.begin() == site
    with pytest.raises(StoreUnavailableError):
        await chain.plant()


async def test_what_cannot_be_kept_is_in_force_all_the_same_and_kept_when_it_can(site, tuned):
    primary, keeper = MemoryStore(), Full()
    await primary.apply(tuned)
    chain = chained(primary, keeper, site)
    assert await chain.begin() == site
    assert await chain.plant() == tuned
    assert await keeper.policy() == site.policy
    keeper.full = False
    await chain.version()
    assert await keeper.policy() == tuned.policy
