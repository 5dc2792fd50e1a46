"""The stores of an agent: the embedded one always, the utility's PostgreSQL and Redis where they are configured."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import PolicyRefusedError, StoreError
from edge_agent.knowledge.cachedpolicy import CachedPolicy
from edge_agent.knowledge.digest import digest
from edge_agent.knowledge.fitting import FittingPlant, fitting
from edge_agent.knowledge.lastknown import SEEN, LastKnownPlant, last_known
from edge_agent.knowledge.limits import Limits
from edge_agent.knowledge.sqlite import SqliteStore
from edge_agent.model.readings import kept_deliveries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from edge_agent.knowledge.postgres import PostgresStore
    from edge_agent.knowledge.rediscache import RedisCache
    from edge_agent.model.plant import Plant
    from edge_agent.runtime.ports import PlantSource, Sink
    from edge_agent.settings.agent import Settings
    from edge_agent.settings.sections import PostgresSection, RedisSection, StoreSection

#: How often old partitions are dropped and new ones made, in real seconds.
UPKEEP_SECONDS = 24 * 3600.0
#: What the embedded store notes: digest of the plant file at the last start.
_FILE = "file"
#: After an upkeep that could not be done.
UPKEEP_AGAIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Stores:
    """What the agent is given: where it writes, what is in force now, who tells of changes, where it drains to."""

    embedded: SqliteStore
    plant: Plant
    source: PlantSource
    changes: Callable[[], AsyncIterator[None]] | None = None
    sink: Sink | None = None
    postgres: PostgresStore | None = None
    cached: CachedPolicy | None = None
    cache: RedisCache | None = None

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
            if self.cached is not None:
                group.create_task(self.cached.share(), name="share policy")

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
                limits=_limits(settings.store),
                plant=plant,
                deliveries=kept_deliveries(settings.mqtt.receive_maximum),
            )
        )
        edited = await _edited(embedded, plant)
        if postgres is None:
            if settings.redis.url is not None:
                logger.warning("Redis is a cache of PostgreSQL, which is not configured: it is not used")
            plant = await _at_start(lambda: plant_in_force(embedded, plant, edited=edited), plant)
            yield Stores(embedded, plant, FittingPlant(embedded, plant, await embedded.applied()))
        else:
            cache = open_cache(settings.redis, plant.site)
            cached = None
            if cache is not None:
                cached = CachedPolicy(postgres, await stack.enter_async_context(cache), plant.site)
            seen = None if edited else await embedded.noted(SEEN)
            kept = await _at_start(lambda: _last_known(embedded, plant, cached, edited=edited), plant)
            chain = LastKnownPlant(FittingPlant(cached or postgres, kept, seen), embedded, kept, cached)
            yield Stores(
                embedded,
                kept,
                chain,
                changes=postgres.changes,
                sink=postgres,
                postgres=postgres,
                cached=cached,
                cache=cache,
            )


async def _edited(store: SqliteStore, plant: Plant) -> bool:
    """Whether a plant file is new to the gateway, or was edited since the agent last started with it; note that it has.

    What was put in force last counts: the file where it is, else what was applied since.
    """
    mark, known = digest(plant), await store.noted(_FILE)
    if known is None and await store.has_governed():  # by a version that noted no file
        known = await store.applied()
    await store.note(_FILE, mark)
    return known != mark and (known is not None or await store.applied() is None)


async def _at_start(read: Callable[[], Awaitable[Plant]], plant: Plant) -> Plant:
    """Read the plant in force for the start; where its policy does not fit it, that of the file is in force instead."""
    try:
        return await fitting(await read())
    except PolicyRefusedError as error:
        logger.bind(error=str(error)).error("The stored thresholds and plans are refused; the plant file's hold")
        return plant


def open_postgres(section: PostgresSection, site: str) -> PostgresStore | None:
    """Make the store that the settings name, not yet entered; None where they name none."""
    if section.dsn is None:
        return None
    from edge_agent.knowledge.postgres import PostgresStore  # noqa: PLC0415 - its driver is loaded only where it is used

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
    from edge_agent.knowledge.rediscache import RedisCache  # noqa: PLC0415 - its driver is loaded only where it is used

    return RedisCache(section.url.get_secret_value(), site, section.ttl_seconds)


async def plant_in_force(store: SqliteStore, plant: Plant, *, edited: bool) -> Plant:
    """Read the plant in force from the embedded store, after a plant file that was edited was put in force there.

    The embedded store belongs to this gateway: what its technician writes into the plant file counts from the next
    start. What was applied, or changed in the store, after the file was last edited stays.
    """
    if edited:
        changes = await store.apply(plant)
        logger.bind(changes=len(changes)).info("The plant file was applied to the store")
    return _once(await store.plant(), plant)


async def _last_known(store: SqliteStore, plant: Plant, marked: CachedPolicy | None, *, edited: bool) -> Plant:
    """Read what the utility's store has said last: all of it, or with a file that was edited the policy alone."""
    policy = await last_known(store, plant, marked)
    return replace(plant, policy=policy) if edited else _once(await store.plant(), plant)


def _once(stored: Plant, plant: Plant) -> Plant:
    """Return the plant file's where both are the same: once in memory, and in the order of the file."""
    same = stored.nodes == plant.nodes and stored.site == plant.site
    nodes = plant.nodes if same else stored.nodes
    policy = plant.policy if stored.policy == plant.policy else stored.policy
    return replace(stored, nodes=nodes, policy=policy)


def _limits(store: StoreSection) -> Limits:
    return Limits(
        keep_days=store.keep_days,
        max_mb=store.max_mb,
        spool_max_days=store.spool_max_days,
        spool_max_mb=store.spool_max_mb,
        reserve_mb=store.reserve_mb,
    )
