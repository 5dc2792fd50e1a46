"""Thresholds and plans through a real Redis, which may be anything but right, before a real PostgreSQL."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import psycopg
import pytest
from loguru import logger
from support.deadline import wait_until
from support.memorystore import MemoryStore
from support.redisserver import RedisServer

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.knowledge.policy.inforce import PolicyInForce
from edge_agent.knowledge.policy.rediscache import PAUSE_SECONDS, SILENCE_SECONDS, RedisCache
from edge_agent.knowledge.policy.sealed import FORMAT, Mark, sealed, unsealed
from edge_agent.knowledge.policy.shared import SharedCopy
from edge_agent.knowledge.utility.postgres import PostgresStore
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.ports.policy import Edition, Issue

LOW = Threshold("tank1", "level", "low", 1.5)
FILL = Plan("fill", ("tank1/level:low",), (Step("station/pump1", "start"),), priority=60)
PUMP = Actuator("station", "pump1", "pump", "stop")
PLANT = Plant(
    "riverside",
    {
        "tank1": Node("tank1", {"level": Sensor("tank1", "level", "level", "m")}),
        "station": Node("station", {}, {"pump1": PUMP}),
    },
    Policy((LOW,), (FILL,)),
)
NAME = "edge-agent:policy:riverside"
#: What is tested here is what is believed, not how soon: a machine that stands still for a moment must not matter.
PATIENCE = 10.0


class Link:
    """A database that this gateway may be unable to reach."""

    def __init__(self, store: PostgresStore) -> None:
        self.store = store
        self.cut = False
        self.issues = 0

    async def version(self) -> Edition:
        self._check()
        return await self.store.version()

    async def issue(self) -> Issue:
        self._check()
        self.issues += 1
        return await self.store.issue()

    async def applied(self):
        self._check()
        return await self.store.applied()

    async def apply(self, plant, *, dry_run=False):
        self._check()
        return await self.store.apply(plant, dry_run=dry_run)

    def _check(self) -> None:
        if self.cut:
            raise StoreUnavailableError("cut")


class Gateway:
    """What one gateway knows of thresholds and plans, and how it asks."""

    def __init__(self, link: Link, shared: SharedCopy, keeper: MemoryStore) -> None:
        self.link, self.shared, self.keeper = link, shared, keeper
        self.policy = PolicyInForce(keeper, PLANT, utility=link, shared=shared)

    async def limit(self) -> float:
        """Ask as the agent does: for the version, then for what it stands for."""
        await self.policy.version()
        return (await self.policy.plant()).policy.thresholds[0].limit

    async def kept(self) -> float:
        """Read what is kept for a start without the database."""
        return (await self.keeper.policy()).thresholds[0].limit


class House:
    """A database, a Redis, and gateways of one site."""

    def __init__(self, dsn: str, redis_server: RedisServer) -> None:
        self.dsn, self.redis = dsn, redis_server

    @asynccontextmanager
    async def gateway(
        self, keeper: MemoryStore | None = None, *, cut: bool = False, ttl: int = 60, patience: float = PATIENCE
    ):
        async with (
            PostgresStore(self.dsn, "riverside") as store,
            RedisCache(self.redis.url, "riverside", ttl, silence_seconds=patience) as cache,
            asyncio.TaskGroup() as group,
        ):
            link = Link(store)
            link.cut = cut
            gateway = Gateway(link, SharedCopy(cache, "riverside"), keeper or MemoryStore())
            await gateway.policy.begin()
            sharing = group.create_task(gateway.policy.share())
            yield gateway
            sharing.cancel()

    async def tune(self, limit: float) -> None:
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            await connection.execute("UPDATE edge_agent.thresholds SET limit_value = %s", (limit,))

    def entry(self) -> bytes:
        return self.redis.execute("GET", NAME) or b""

    async def shared(self, limit: float) -> bytes:
        """Wait until the limit is in Redis."""
        await wait_until(lambda: f'"limit":{limit}'.encode() in self.entry())
        return self.entry()

    async def key(self) -> bytes:
        async with PostgresStore(self.dsn, "riverside") as store:
            return (await store.issue()).key


@pytest.fixture
def house(database: str, redis_server: RedisServer) -> House:
    return House(database, redis_server)


@pytest.fixture
async def keeper(house: House) -> MemoryStore:
    """What a gateway kept that ran while the limit was 1.6; Redis has that entry."""
    keeper = MemoryStore()
    async with house.gateway(keeper) as gateway:
        assert await gateway.limit() == 1.5
        await house.tune(1.6)
        assert await gateway.limit() == 1.6
        await house.shared(1.6)
    return keeper


@pytest.fixture
def logged():
    """Every line of the log."""
    lines: list[str] = []
    number = logger.add(lambda message: lines.append(str(message)), level="DEBUG")
    yield lines
    logger.remove(number)


async def test_what_one_gateway_has_read_another_takes_from_redis(house, keeper):
    async with house.gateway(keeper) as gateway:
        assert await gateway.limit() == 1.6
        assert gateway.link.issues == 0
        assert gateway.shared.reads == {"hit": 1, "miss": 0, "refused": 0, "error": 0}


async def test_an_entry_ends_with_its_time_to_live(house, keeper):
    async with house.gateway(keeper, ttl=1) as gateway:
        await gateway.limit()
        await wait_until(lambda: gateway.shared.writes["done"])
    await wait_until(lambda: not house.entry(), timeout=3)
    async with house.gateway(keeper, cut=True) as gateway:
        with pytest.raises(StoreUnavailableError):
            await gateway.limit()


async def test_a_change_comes_from_the_database_and_replaces_the_entry(house, keeper):
    async with house.gateway(keeper) as gateway:
        await gateway.limit()
        await house.tune(1.7)
        assert await gateway.limit() == 1.7
        assert gateway.link.issues == 1
        await house.shared(1.7)


async def test_an_older_entry_does_not_count_while_the_database_says_otherwise(house, keeper):
    await house.tune(1.7)
    async with house.gateway(keeper) as gateway:
        assert await gateway.limit() == 1.7
        assert gateway.shared.reads["miss"] == 1


async def test_a_gateway_cut_off_from_the_database_learns_from_another_that_is_not(house, keeper):
    second = MemoryStore()
    async with house.gateway(second) as other:
        await other.limit()
    async with house.gateway(keeper) as gateway, house.gateway(second, cut=True) as other:
        assert await gateway.limit() == await other.limit() == 1.6
        await house.tune(1.7)
        assert await gateway.limit() == 1.7
        await house.shared(1.7)
        assert await other.limit() == 1.7
        assert other.link.issues == 0
    house.redis.flush()
    async with house.gateway(second, cut=True) as other:
        with pytest.raises(StoreUnavailableError):
            await other.limit()
        assert await other.kept() == 1.7, "and has kept what it learnt"


async def test_what_a_slower_gateway_wrote_after_a_newer_one_is_not_believed(house, keeper):
    old = house.entry()
    async with house.gateway(keeper) as gateway:
        await house.tune(1.7)
        assert await gateway.limit() == 1.7
        await house.shared(1.7)
        house.redis.execute("SET", NAME, old)
        gateway.link.cut = True
        with pytest.raises(StoreUnavailableError):
            await gateway.limit()
        gateway.link.cut = False
        assert await gateway.limit() == 1.7
    async with house.gateway(keeper, cut=True) as gateway:
        assert await gateway.kept() == 1.7
        house.redis.execute("SET", NAME, old)
        with pytest.raises(StoreUnavailableError):
            await gateway.limit()


async def test_when_the_database_was_set_back_it_counts_all_the_same(house, keeper):
    mark = Mark.parse(await keeper.mark())
    plant = replace(PLANT, policy=Policy((replace(LOW, limit=1.9),), (FILL,)))
    await keeper.keep(plant, Mark(Edition(99, "of another life"), mark.key).text())
    async with house.gateway(keeper) as gateway:
        assert await gateway.limit() == 1.6
        assert await gateway.kept() == 1.6


def forged(data: bytes, key: bytes, **members) -> bytes:
    """Alter an entry and seal it with some key."""
    content = json.loads(data.partition(b"\n")[2])
    if "limit" in members:
        content["thresholds"][0]["limit"] = members.pop("limit")
    text = json.dumps(content | members).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode() + b"\n" + text


SPOILT = {
    "nonsense": lambda _data, _key: b"\x00\xff nonsense",
    "nothing but a seal": lambda data, _key: data[:64],
    "cut short": lambda data, _key: data[:-1],
    "an altered limit": lambda data, _key: data.replace(b'"limit":1.6', b'"limit":9.6'),
    "an altered revision": lambda data, _key: data.replace(b'"revision":2', b'"revision":9'),
    "a plausible entry of somebody without the key": lambda data, _key: forged(data, b"guess", limit=9.6, revision=9),
    "another site's": lambda data, key: forged(data, key, site="hillside", revision=9),
    "another format": lambda data, key: forged(data, key, format=FORMAT + 1, revision=9),
    "a limit that is no number": lambda data, key: forged(data, key, limit="9.6", revision=9),
    "a limit out of bounds": lambda data, key: forged(data, key, limit=1e308, revision=9),
    "a limit that is not finite": lambda data, key: forged(data, key, limit=float("inf"), revision=9),
    "a member too many": lambda data, key: forged(data, key, extra=1, revision=9),
    "no thresholds": lambda data, key: forged(data, key, thresholds=None, revision=9),
    "larger than any policy": lambda data, _key: data + b" " * 16_000_000,
}


@pytest.mark.parametrize("cut", [False, True], ids=["database there", "database away"])
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
async def test_a_spoilt_entry_never_leads_to_a_threshold(house, keeper, spoil, cut):
    sound = house.entry()
    spoilt = spoil(sound, await house.key())
    assert spoilt != sound
    house.redis.execute("SET", NAME, spoilt)
    async with house.gateway(keeper, cut=cut) as gateway:
        if cut:
            with pytest.raises(StoreUnavailableError):
                await gateway.limit()
            assert await gateway.kept() == 1.6
        else:
            assert await gateway.limit() == 1.6
            await wait_until(lambda: house.entry() == sound)  # it is replaced
        assert gateway.shared.reads == {"hit": 0, "miss": 0, "refused": 1, "error": 0}


@pytest.mark.parametrize("command", [("LPUSH", NAME, "a"), ("HSET", NAME, "a", "b"), ("SADD", NAME, "a")])
async def test_something_else_in_the_entrys_place_is_replaced(house, keeper, command):
    house.redis.flush()
    house.redis.execute(*command)
    async with house.gateway(keeper) as gateway:
        assert await gateway.limit() == 1.6
        assert gateway.shared.reads["refused"] == 1
        await wait_until(lambda: gateway.shared.writes["done"])
        await house.shared(1.6)


async def test_a_gateway_that_was_never_governed_believes_nothing(house, keeper):
    async with house.gateway(cut=True) as gateway:
        with pytest.raises(StoreUnavailableError):
            await gateway.limit()
        assert await gateway.keeper.policy() == PLANT.policy


async def test_an_emptied_redis_is_asked_in_vain_and_filled_again(house, keeper):
    house.redis.flush()
    async with house.gateway(keeper) as gateway:
        assert await gateway.limit() == 1.6
        assert gateway.shared.reads["miss"] == 1
        await house.shared(1.6)


async def test_a_redis_that_is_down_is_told_once_and_used_when_it_is_back(house, keeper, logged):
    house.redis.kill()
    async with house.gateway(keeper) as gateway:
        assert await gateway.limit() == 1.6
        await wait_until(lambda: gateway.shared.writes["error"])
        assert gateway.shared.reads["error"] == 1
        assert sum("Redis does not work; thresholds" in line for line in logged) == 1
        house.redis.start()
        async with asyncio.timeout(PAUSE_SECONDS * 5):
            while not house.entry():
                await house.tune(1.6)  # another edition: that is shared at once
                await gateway.limit()
        assert any("Redis works again" in line for line in logged)


async def test_a_frozen_redis_costs_a_fraction_of_a_second_once_and_then_nothing(house, keeper):
    house.redis.suspend()
    async with house.gateway(keeper, patience=SILENCE_SECONDS) as gateway:
        began = time.perf_counter()
        assert await gateway.limit() == 1.6
        assert time.perf_counter() - began < PAUSE_SECONDS * 2
        assert gateway.shared.reads["error"] == 1
        with pytest.raises(StoreUnavailableError, match="left alone"):
            await gateway.shared._cache.read()
        await house.tune(1.7)
        assert await gateway.limit() == 1.7
    house.redis.resume()


async def test_it_dies_while_it_is_used(house, keeper):
    async with house.gateway(keeper) as gateway:
        assert await gateway.limit() == 1.6
        await wait_until(lambda: gateway.shared.writes["done"])
        house.redis.kill()
        gateway.link.cut = True
        with pytest.raises(StoreUnavailableError):
            await gateway.limit()
        gateway.link.cut = False
        await house.tune(1.7)
        assert await gateway.limit() == 1.7


async def test_the_password_is_neither_logged_nor_told(logged):
    server = RedisServer(secret="s3cret")  # noqa: S106 - it is what must not be shown
    try:
        server.start()
        async with RedisCache(server.url, "riverside", 60, silence_seconds=PATIENCE) as cache:
            await cache.write(b"x")
            assert await cache.read() == b"x"
        told = []
        for url in (server.url.replace("s3cret", "wr0ng"), f"redis://:wr0ng@{server.host}:1/0"):
            async with RedisCache(url, "riverside", 60) as cache:
                with pytest.raises(StoreUnavailableError) as caught:
                    await cache.read()
                told.append(str(caught.value))
    finally:
        server.close()
    with pytest.raises(StoreError) as caught:
        RedisCache("redis://:wr0ng@cache:port/0", "riverside", 60)
    told.append(str(caught.value))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not [line for line in [*told, *logged] if "s3cret" in line or "wr0ng" in line]


async def test_a_cancellation_is_heeded_wherever_it_comes(redis_server):
    for steps in range(60):
        async with (
            RedisCache(redis_server.url, "riverside", 60, silence_seconds=PATIENCE) as cache,
            asyncio.TaskGroup() as group,
        ):
            writing = group.create_task(cache.write(b"x"))
            for _ in range(steps):
                await asyncio.sleep(0)
            heeded = writing.cancel()
            await asyncio.wait([writing])
        assert writing.cancelled() == heeded, f"after {steps} steps"


async def test_a_policy_comes_back_from_its_text_as_it_was():
    plan = Plan("p", ("a/b:low",), (Step("c/d", "set", 0.5), Step("c/e", "start")), ("a/b:high",), 0, 12.5)
    issue = Issue(Edition(3, "1 2"), Policy((replace(LOW, limit=2, priority="critical"),), (plan,)), None, b"k" * 32)
    assert unsealed(sealed("riverside", issue), "riverside", issue.key) == issue
