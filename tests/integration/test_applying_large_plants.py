from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from edge_agent.errors import StoreError
from edge_agent.knowledge.policy.plant_rows import BATCH
from edge_agent.knowledge.utility.postgres import PostgresStore
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Sensor, Step, Threshold

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NODES = 110
LIMITS = (("high", 5.0), ("high_high", 6.0), ("low", 2.0), ("low_low", 1.0))


def _node(name: str) -> Node:
    sensors = {sensor: Sensor(name, sensor, "level", "m") for sensor in (f"s{number}" for number in range(10))}
    return Node(name, sensors, {"pump": Actuator(name, "pump", "pump", "stop", max_starts_per_hour=6)})


NAMES = [f"node{number}" for number in range(NODES)]
PLANT = Plant(
    "riverside",
    {name: _node(name) for name in NAMES},
    Policy(
        tuple(
            sorted(
                (Threshold(node, f"s{n}", name, limit) for node in NAMES for n in range(10) for name, limit in LIMITS),  # type: ignore[arg-type] # a name of a threshold
                key=lambda threshold: threshold.alarm,
            )
        ),
        tuple(Plan(f"fill_{name}", (f"{name}/s0:low",), (Step(f"{name}/pump", "start"),)) for name in sorted(NAMES)),
    ),
)
ENTRIES = NODES * (1 + 10 + 1 + 40 + 1)


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    async with PostgresStore(database, "riverside") as store:
        yield store


async def test_a_plant_of_a_thousand_sensors_is_applied_whole_within_one_checkout(store: PostgresStore) -> None:
    assert len(PLANT.policy.thresholds) > 4 * BATCH
    began = time.perf_counter()
    assert len(await store.apply(PLANT)) == ENTRIES
    assert time.perf_counter() - began < 6
    assert await store.policy() == PLANT.policy
    assert await store.apply(PLANT) == []


async def test_a_dry_run_of_a_large_plant_says_what_applying_does_and_does_nothing(store: PostgresStore) -> None:
    planned = await store.apply(PLANT, dry_run=True)
    assert (await store.policy(), await store.applied()) == (Policy(), None)
    assert planned == await store.apply(PLANT)


async def test_a_large_change_is_one_revision_and_told_once(store: PostgresStore, database: str) -> None:
    await store.apply(PLANT)
    before = (await store.version()).revision
    with psycopg.connect(database, autocommit=True) as listener:
        listener.execute("LISTEN edge_agent_policy")
        raised = replace(
            PLANT,
            policy=replace(PLANT.policy, thresholds=tuple(replace(t, deadband=0.5) for t in PLANT.policy.thresholds)),
        )
        await store.apply(raised)
        told = [notice.payload for notice in listener.notifies(timeout=2, stop_after=2)]
    assert told == ["riverside"]
    assert (await store.version()).revision == before + 1
    assert await store.policy() == raised.policy


async def test_a_large_plant_that_goes_leaves_other_sites_alone(store: PostgresStore, database: str) -> None:
    async with PostgresStore(database, "hillside") as other:
        await other.apply(replace(PLANT, site="hillside"))
        await store.apply(PLANT)
        empty = Plant("riverside", {}, Policy())
        assert {change.action for change in await store.apply(empty)} == {"remove"}
        assert await store.apply(empty) == []
        assert await other.apply(replace(PLANT, site="hillside")) == []


async def test_a_row_that_is_refused_leaves_nothing_of_the_plant_behind(store: PostgresStore, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as person:
        person.execute("ALTER TABLE edge_agent.plans ADD CHECK (plan <> 'fill_node99')")
    with pytest.raises(StoreError, match="refuses a statement"):
        await store.apply(PLANT)
    assert (await store.policy(), await store.applied()) == (Policy(), None)
    assert len(await store.apply(PLANT, dry_run=True)) == ENTRIES


async def test_applying_may_take_longer_than_other_work_where_the_plant_is_large(
    store: PostgresStore, database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as person:
        person.execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$"
        )
        person.execute("CREATE TRIGGER slow AFTER INSERT ON edge_agent.thresholds EXECUTE FUNCTION slow()")
    began = time.perf_counter()
    await store.apply(PLANT)
    assert time.perf_counter() - began > 6
    assert await store.policy() == PLANT.policy
