"""The stores of an agent: the embedded one always, the utility's and a cache where the settings name them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.kinds.registry import UTILITIES
from edge_agent.knowledge.policy.inforce import PolicyInForce
from edge_agent.knowledge.policy.shared import SharedCopy
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.readings import kept_deliveries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from edge_agent.knowledge.kinds.spec import Ailing, UtilityStore
    from edge_agent.model.plant import Plant
    from edge_agent.settings.agent import Settings
    from edge_agent.settings.sections import StoreSection

#: How often old partitions are dropped and new ones made, in real seconds.
UPKEEP_SECONDS = 24 * 3600.0
#: After an upkeep that could not be done.
UPKEEP_AGAIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Stores:
    """What the agent is given: where it writes, what is in force now and from now on, where it drains to.

    `beside` are all but the embedded store, by their parts of the health.
    """

    embedded: SqliteStore
    plant: Plant
    policy: PolicyInForce
    utility: UtilityStore | None = None
    beside: dict[str, Ailing] = field(default_factory=dict)

    @property
    def changes(self) -> Callable[[], AsyncIterator[None]] | None:
        """Who tells of changes of the policy; None where nobody does."""
        return None if self.utility is None else self.utility.changes

    def troubles(self) -> dict[str, str | None]:
        """Return why each store that is configured, and can be done without, does not work; None where it does."""
        return {name: store.trouble for name, store in self.beside.items()}

    def notes(self) -> dict[str, str]:
        """Return what is to be known of the stores though they work, by part of the health."""
        return self.embedded.notes() | {name: store.note for name, store in self.beside.items() if store.note}

    async def upkeep(self) -> None:
        """Keep the utility's store in order, and the cache filled, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._maintain(), name="partitions")
            group.create_task(self.policy.share(), name="share policy")

    async def _maintain(self) -> None:
        while self.utility is not None:
            try:
                await self.utility.maintain()
            except StoreError as error:
                logger.bind(error=str(error)).debug("The utility's store could not be looked after")
                await asyncio.sleep(UPKEEP_AGAIN_SECONDS)
            else:
                await asyncio.sleep(UPKEEP_SECONDS)


@asynccontextmanager
async def open_stores(settings: Settings, plant: Plant) -> AsyncIterator[Stores]:
    """Open what the settings name. Only the embedded store need be there.

    Raises StoreError where the embedded store cannot be opened.
    """
    beside: dict[str, Ailing] = {}
    async with AsyncExitStack() as stack:
        named, utility = settings.utility(), None
        if named is not None:
            utility = await stack.enter_async_context(named.open(plant.site))
            beside[named.name] = utility
        embedded = await stack.enter_async_context(
            SqliteStore(
                settings.store.path,
                spool=utility is not None,
                bounds=_bounds(settings.store),
                plant=plant,
                deliveries=kept_deliveries(settings.mqtt.receive_maximum),
            )
        )
        cache, shared = settings.cache(), None
        if cache is not None and utility is None:
            governing = " or ".join(kind.title for kind in UTILITIES)
            logger.warning(f"{cache.title} is a cache of {governing}, which is not configured: it is not used")
        elif cache is not None:
            opened = await stack.enter_async_context(cache.open(plant.site))
            beside[cache.name], shared = opened, SharedCopy(opened, plant.site)
        policy = PolicyInForce(embedded, plant, utility=utility, shared=shared)
        yield Stores(embedded, await policy.begin(), policy, utility=utility, beside=beside)


def _bounds(store: StoreSection) -> StoreBounds:
    return StoreBounds(
        keep_days=store.keep_days,
        max_mb=store.max_mb,
        spool_max_days=store.spool_max_days,
        spool_max_mb=store.spool_max_mb,
        reserve_mb=store.reserve_mb,
    )
