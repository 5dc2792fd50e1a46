"""The stores of an agent: the embedded one always, the utility's PostgreSQL and Redis where they are configured."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.policy.inforce import PolicyInForce
from edge_agent.knowledge.policy.shared import SharedCopy
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.readings import kept_deliveries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from edge_agent.knowledge.policy.rediscache import RedisCache
    from edge_agent.knowledge.utility.postgres import PostgresStore
    from edge_agent.model.plant import Plant
    from edge_agent.settings.agent import Settings
    from edge_agent.settings.sections import PostgresSection, RedisSection, StoreSection

#: How often old partitions are dropped and new ones made, in real seconds.
UPKEEP_SECONDS = 24 * 3600.0
#: After an upkeep that could not be done.
UPKEEP_AGAIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Stores:
    """What the agent is given: where it writes, what is in force now and from now on, where it drains to."""

    embedded: SqliteStore
    plant: Plant
    policy: PolicyInForce
    postgres: PostgresStore | None = None
    cache: RedisCache | None = None

    @property
    def changes(self) -> Callable[[], AsyncIterator[None]] | None:
        """Who tells of changes of the policy; None where nobody does."""
        return None if self.postgres is None else self.postgres.changes

    def troubles(self) -> dict[str, str | None]:
        """Return why each store that is configured, and can be done without, does not work; None where it does."""
        stores = {"postgres": self.postgres, "redis": self.cache}
        return {name: store.trouble for name, store in stores.items() if store is not None}

    def notes(self) -> dict[str, str]:
        """Return what is to be known of the stores though they work, by part of the health."""
        note = None if self.postgres is None else self.postgres.note
        return self.embedded.notes() | ({"postgres": note} if note else {})

    async def upkeep(self) -> None:
        """Keep the partitions of PostgreSQL in order, and Redis filled, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._maintain(), name="partitions")
            group.create_task(self.policy.share(), name="share policy")

    async def _maintain(self) -> None:
        while self.postgres is not None:
            try:
                dropped = await self.postgres.maintain()
            except StoreError as error:
                logger.bind(error=str(error)).debug("The partitions of PostgreSQL could not be looked after")
                await asyncio.sleep(UPKEEP_AGAIN_SECONDS)
            else:
                if dropped:
                    logger.bind(months=dropped).info("Old readings were dropped from PostgreSQL")
                await asyncio.sleep(UPKEEP_SECONDS)


@asynccontextmanager
async def open_stores(settings: Settings, plant: Plant) -> AsyncIterator[Stores]:
    """Open what the settings name. PostgreSQL need not be there.

    Raises StoreError where the embedded store cannot be opened.
    """
    async with AsyncExitStack() as stack:
        postgres = open_postgres(settings.postgres, plant.site)
        if postgres is not None:
            await stack.enter_async_context(postgres)
        embedded = await stack.enter_async_context(
            SqliteStore(
                settings.store.path,
                spool=postgres is not None,
                bounds=_bounds(settings.store),
                plant=plant,
                deliveries=kept_deliveries(settings.mqtt.receive_maximum),
            )
        )
        cache = None if postgres is None else open_cache(settings.redis, plant.site)
        if postgres is None and settings.redis.url is not None:
            logger.warning("Redis is a cache of PostgreSQL, which is not configured: it is not used")
        shared = None
        if cache is not None:
            shared = SharedCopy(await stack.enter_async_context(cache), plant.site)
        policy = PolicyInForce(embedded, plant, utility=postgres, shared=shared)
        yield Stores(embedded, await policy.begin(), policy, postgres=postgres, cache=cache)


def open_postgres(section: PostgresSection, site: str) -> PostgresStore | None:
    """Make the store that the settings name, not yet entered; None where they name none."""
    if section.dsn is None:
        return None
    from edge_agent.knowledge.utility.postgres import PostgresStore  # noqa: PLC0415 - its driver is loaded only where it is used

    return PostgresStore(
        section.dsn.get_secret_value(),
        site,
        min_size=section.pool_min_size,
        max_size=section.pool_max_size,
        readings_keep_days=section.readings_keep_days,
    )


def open_cache(section: RedisSection, site: str) -> RedisCache | None:
    """Make the cache that the settings name, not yet entered; None where they name none."""
    if section.url is None:
        return None
    from edge_agent.knowledge.policy.rediscache import RedisCache  # noqa: PLC0415 - its driver is loaded only where it is used

    return RedisCache(section.url.get_secret_value(), site, section.ttl_seconds)


def _bounds(store: StoreSection) -> StoreBounds:
    return StoreBounds(
        keep_days=store.keep_days,
        max_mb=store.max_mb,
        spool_max_days=store.spool_max_days,
        spool_max_mb=store.spool_max_mb,
        reserve_mb=store.reserve_mb,
    )
