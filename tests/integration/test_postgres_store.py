from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from support.memorystore import MemoryStore
from support.utilitystore import UtilityStore

from edge_agent.errors import PolicyRefusedError, StoreError
from edge_agent.knowledge.store.rows import Batch
from edge_agent.knowledge.utility.migrate import NEWEST, migrate
from edge_agent.knowledge.utility.writing import BatchWrite
from edge_agent.model.alarms import Alarm, AlarmKey
from edge_agent.model.commands import Command, CommandEvent, CommandState, Decision
from edge_agent.model.plant import Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.model.readings import DeadLetter, Reading
from edge_agent.model.time import Moment
from edge_agent.model.turn import Turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LEVEL = Sensor("tank1", "level", "level", "m")
LOW = Threshold("tank1", "level", "low", 1.5)
FILL = Plan("fill", ("tank1/level:low",), (Step("station/pump1", "start"),))
PLANT = Plant("riverside", {"tank1": Node("tank1", {"level": LEVEL})}, Policy((LOW,), (FILL,)))
DAY = 86_400_000_000
T0 = 1_790_000_000_000_000


def turn(*instants: int, sensor: Sensor = LEVEL, **members: Any) -> Turn:
    return Turn(
        Moment(0, 0.0), readings=[Reading(sensor, 1.0, at, at, n, 1) for n, at in enumerate(instants)], **members
    )


async def by_another_client(dsn: str, statement: str) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


async def server_now(dsn: str) -> int:
    return int((await by_another_client(dsn, "SELECT (extract(epoch FROM now()) * 1000000)::bigint"))[0][0])


async def gathered(records: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record async for record in records]


@pytest.fixture
async def store(database: str) -> AsyncIterator[UtilityStore]:
    async with UtilityStore(database, "riverside") as store:
        yield store


# What people change by hand


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE edge_agent.thresholds SET limit_value = 1.8 WHERE sensor = 'level'",
        "UPDATE edge_agent.thresholds SET priority = 'critical', version = 9",
        "DELETE FROM edge_agent.thresholds",
        "TRUNCATE edge_agent.plans",
        "INSERT INTO edge_agent.plans (site, plan, when_alarms, steps) VALUES ('riverside', 'new', '[]', '[]')",
        "UPDATE edge_agent.plans SET priority = 80",
        "UPDATE edge_agent.thresholds SET measure = 'rate_per_hour', parameters = '{\"over_seconds\": 60}'",
        "UPDATE edge_agent.thresholds SET alarm = false",
        "UPDATE edge_agent.thresholds SET name = 'fill_on', side = 'below'",
        (
            "INSERT INTO edge_agent.thresholds (site, node, sensor, name, limit_value, side, measure, parameters) "
            "VALUES ('riverside', 'tank1', 'level', 'overflowing', 5.7, 'above', 'time_to_limit', "
            "'{\"within_minutes\": 30}')"
        ),
    ],
)
async def test_a_change_by_another_client_is_told_within_a_second_and_shows(
    store: UtilityStore, database: str, statement: str
) -> None:
    await store.apply(PLANT)
    version, policy = await store.version(), await store.policy()
    changes = store.changes()
    await anext(changes)
    began = time.perf_counter()
    await by_another_client(database, statement)
    async with asyncio.timeout(5):
        await anext(changes)
    assert time.perf_counter() - began < 1
    assert await store.version() != version
    assert await store.policy() != policy
    await changes.aclose()


async def test_a_plain_update_leaves_a_new_version_and_its_time(store: UtilityStore, database: str) -> None:
    await store.apply(PLANT)
    await by_another_client(database, "UPDATE edge_agent.thresholds SET updated_at = '2000-01-01', version = 1")
    await by_another_client(database, "UPDATE edge_agent.thresholds SET limit_value = 1.8")
    (row,) = await by_another_client(
        database, "SELECT version, updated_at > now() - interval '1 minute', limit_value FROM edge_agent.thresholds"
    )
    assert row[1:] == (True, 1.8)
    await by_another_client(database, "UPDATE edge_agent.thresholds SET limit_value = 1.9")
    assert (await by_another_client(database, "SELECT version FROM edge_agent.thresholds"))[0][0] == row[0] + 1


async def test_the_thresholds_have_the_columns_that_were_promised(database: str) -> None:
    found = await by_another_client(
        database,
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'edge_agent' "
        "AND table_name = 'thresholds' ORDER BY ordinal_position",
    )
    assert ", ".join(name for (name,) in found) == (
        "site, node, sensor, name, limit_value, deadband, on_delay_seconds, off_delay_seconds, priority, version, "
        "updated_at, measure, parameters, side, alarm"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE edge_agent.thresholds SET limit_value = 'NaN'",
        "UPDATE edge_agent.thresholds SET limit_value = 'Infinity'",
        "UPDATE edge_agent.thresholds SET limit_value = NULL",
        "UPDATE edge_agent.thresholds SET deadband = -1",
        "UPDATE edge_agent.thresholds SET name = 'Highest', side = 'above'",
        "UPDATE edge_agent.thresholds SET name = 'bad_quality', side = 'above'",
        "UPDATE edge_agent.thresholds SET name = 'fill_on', side = NULL",
        "UPDATE edge_agent.thresholds SET side = 'above' WHERE name = 'low'",
        "UPDATE edge_agent.thresholds SET name = 'fill_on', side = 'beside'",
    ],
)
async def test_a_limit_that_is_none_is_refused(store: UtilityStore, database: str, statement: str) -> None:
    await store.apply(PLANT)
    with pytest.raises(psycopg.IntegrityError):
        await by_another_client(database, statement)


async def test_the_classic_four_need_no_side_and_others_are_inserted_with_one(
    store: UtilityStore, database: str
) -> None:
    await store.apply(PLANT)
    await by_another_client(database, "UPDATE edge_agent.thresholds SET side = NULL")
    await by_another_client(
        database,
        "INSERT INTO edge_agent.thresholds (site, node, sensor, name, limit_value, side, alarm) "
        "VALUES ('riverside', 'tank1', 'level', 'fill_off', 4.5, 'above', false)",
    )
    fill_off = Threshold("tank1", "level", "fill_off", 4.5, side="above", annunciated=False)
    assert set((await store.policy()).thresholds) == {*PLANT.policy.thresholds, fill_off}
    assert list(map(str, await store.apply(PLANT))) == ["remove threshold tank1/level:fill_off"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE edge_agent.thresholds SET measure = 'time_to_limit'",
        "UPDATE edge_agent.thresholds SET measure = 'time_to_limit', parameters = '{\"within_minutes\": 0}'",
        "UPDATE edge_agent.thresholds SET parameters = '{\"within_minutes\": 30}'",
    ],
)
async def test_a_threshold_that_makes_no_sense_is_refused_in_reading(
    store: UtilityStore, database: str, statement: str
) -> None:
    await store.apply(PLANT)
    await by_another_client(database, statement)
    with pytest.raises(PolicyRefusedError, match="holds a threshold that makes no sense"):
        await store.policy()


async def test_a_plan_that_makes_no_sense_is_refused_in_reading_and_replaced_by_applying(
    store: UtilityStore, database: str
) -> None:
    await store.apply(PLANT)
    await by_another_client(database, "UPDATE edge_agent.plans SET steps = '[1]'")
    with pytest.raises(StoreError, match="holds a plan that makes no sense"):
        await store.policy()
    assert list(map(str, await store.apply(PLANT))) == ["change plan fill: could not be read as it was stored"]


# Sites beside each other


async def test_two_gateways_in_one_database_do_not_disturb_each_other(database: str) -> None:
    async with UtilityStore(database, "riverside") as one, UtilityStore(database, "hillside") as other:
        await one.apply(PLANT)
        await other.apply(replace(PLANT, site="hillside", policy=Policy((replace(LOW, limit=3.0),))))
        now = await server_now(database)
        await one.write([turn(now, now + 1, dead_letters=[DeadLetter("x", "water/riverside/tank1/x", b"", now)])])
        assert (await other.write([turn(now)])).duplicates == 0
        assert [len(await gathered(store.records("readings"))) for store in (one, other)] == [2, 1]
        assert [len(await gathered(store.records("dead_letters"))) for store in (one, other)] == [1, 0]
        assert [(await store.policy()).thresholds[0].limit for store in (one, other)] == [1.5, 3.0]


async def test_a_change_for_another_site_is_not_told(store: UtilityStore, database: str) -> None:
    changes = store.changes()
    await anext(changes)
    async with UtilityStore(database, "hillside") as other:
        await other.apply(replace(PLANT, site="hillside"))
    await store.apply(PLANT)
    async with asyncio.timeout(5):
        await anext(changes)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(changes)


async def test_a_plant_of_another_site_is_not_applied(store: UtilityStore) -> None:
    with pytest.raises(StoreError, match="is of site hillside, the store of site riverside"):
        await store.apply(replace(PLANT, site="hillside"))


# Migrations


async def test_migrating_again_does_nothing(database: str) -> None:
    assert await migrate(database) == []


async def test_migrations_at_the_same_time_take_each_step_once(shared_postgres: Any) -> None:
    dsn = shared_postgres.database()
    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(migrate(dsn)) for _ in range(3)]
    assert sorted(version for one in both for version in one.result()) == list(range(1, NEWEST + 1))


async def test_a_newer_schema_is_refused_in_one_sentence(store: UtilityStore, database: str) -> None:
    await by_another_client(database, "INSERT INTO edge_agent.schema_versions (version) VALUES (999)")
    sentence = f"The PostgreSQL schema has version 999, this program knows {NEWEST} at most: use the newer edge-agent."
    for call in (migrate(database), store.applied()):
        with pytest.raises(StoreError) as caught:
            await call
        assert str(caught.value) == sentence


# Partitions


async def partitions(dsn: str) -> dict[str, int]:
    rows = await by_another_client(
        dsn, "SELECT tableoid::regclass::text, count(*) FROM edge_agent.readings GROUP BY 1 ORDER BY 1"
    )
    return {name.removeprefix("edge_agent."): count for name, count in rows}


async def test_readings_lie_in_the_month_they_were_observed_in_late_ones_too(
    store: UtilityStore, database: str
) -> None:
    now = await server_now(database)
    await store.write([turn(now, now - 400 * DAY)])
    (names,) = await by_another_client(
        database,
        "SELECT to_char(now() AT TIME ZONE 'UTC', '\"readings_\"YYYY_MM'), "
        "to_char((now() - interval '400 days') AT TIME ZONE 'UTC', '\"readings_\"YYYY_MM')",
    )
    assert await partitions(database) == dict.fromkeys(names, 1)


async def test_what_no_clock_can_mean_makes_no_partition_and_is_kept(store: UtilityStore, database: str) -> None:
    held = [0, 253_402_300_799_999_999, -62_135_596_800_000_000, 2**53 + 1]
    assert (await store.write([turn(*held)])).duplicates == 0
    assert await partitions(database) == {"readings_default": 4}
    assert [record["observed_at"] for record in await gathered(store.records("readings"))] == [
        "0001-01-01T00:00:00.000Z",
        "1970-01-01T00:00:00.000Z",
        "2255-06-05T23:47:34.740993Z",
        "9999-12-31T23:59:59.999999Z",
    ]
    assert (await store.write([turn(*held)])).duplicates == 4


async def test_maintenance_makes_the_months_ahead_and_takes_over_from_the_default_partition(
    store: UtilityStore, database: str
) -> None:
    now = await server_now(database)
    await by_another_client(
        database,
        "INSERT INTO edge_agent.readings SELECT now(), now(), -1, 1.5, 0, 1, 'riverside', 'tank1', 'level', 'm'",
    )
    assert await partitions(database) == {"readings_default": 1}
    assert await store.maintain() == 0
    (name,) = await partitions(database)
    assert name != "readings_default"
    ahead = await by_another_client(
        database, "SELECT count(*) FROM pg_class WHERE relname ~ '^readings_\\d{4}_\\d\\d$'"
    )
    assert ahead == [(2,)]
    assert len(await gathered(store.records("readings", since=now - DAY))) == 1


async def test_retention_drops_whole_months_when_every_site_has_kept_them_long_enough(database: str) -> None:
    now = await server_now(database)
    async with (
        UtilityStore(database, "riverside", readings_keep_days=30) as short,
        UtilityStore(database, "hillside", readings_keep_days=300) as long,
    ):
        await long.apply(replace(PLANT, site="hillside"))
        await short.write([turn(now, now - 100 * DAY, now - 400 * DAY, now - 5000 * DAY)])
        assert await short.maintain() == 0, "the other site has not yet said how long it keeps"
        assert await long.maintain() == 1
        assert len(await partitions(database)) == 2
        assert len(await gathered(short.records("readings"))) == 2
        # A month that was dropped comes back for a reading from it.
        await short.write([turn(now - 400 * DAY)])
        assert len(await gathered(short.records("readings"))) == 3


# Batches


SINCE = "SELECT edge_agent.microseconds(since) FROM edge_agent.alarms"


async def test_a_switch_point_is_no_alarm_of_the_utility(store: UtilityStore, database: str) -> None:
    low = Alarm(AlarmKey("tank1", "level", "low"), "high", active=True, acknowledged=False, since=1, reason="below")
    await store.write([turn(1, alarms=[low])])
    cleared, point = replace(low, active=False, acknowledged=True), replace(low, acknowledged=True, annunciated=False)
    await store.write([turn(2, alarms=[cleared, point])])
    assert await by_another_client(database, "SELECT count(*) FROM edge_agent.alarms") == [(0,)]


async def test_a_spooled_batch_is_absorbed_in_the_order_of_its_statements(store: UtilityStore, database: str) -> None:
    put = ("tank1", "level", "low", "high", True, False, 5, "below", None, None, None, None, None)
    others: list[tuple[str, list[tuple[Any, ...]]]] = [
        ("put_memory", [("plan", "p", '{"plan":"p","applies":false,"fired_at":null}')] * 2),
        ("put_alarm", [put, (*put[:6], 7, *put[7:])]),
        ("rest_alarm", [("tank1", "level", "low")]),
        ("put_alarm", [(*put[:6], 9, *put[7:])]),
    ]
    batch = Batch([(7, "tank1", "level", "m")], [(7, 10, -1, 2.5, 11, 2, 0)], [(1, 1, 7, 10, -1)], others)
    assert (await store.absorb(batch)).duplicates == 0
    assert (await store.absorb(batch)).duplicates == 1
    assert await by_another_client(database, SINCE) == [(9,)]
    assert await by_another_client(database, "SELECT kind, name FROM edge_agent.memories") == [("plan", "p")]
    assert [(r["value"], r["seq"], r["flag"]) for r in await gathered(store.records("readings"))] == [
        (2.5, None, "good")
    ]


async def test_a_batch_that_settles_its_own_readings_and_older_ones_settles_both(store: UtilityStore) -> None:
    series = [(7, "tank1", "level", "m")]
    older, unseen = (7, 10, -1, 2.5, 11, 2, 0), (7, 20, 1, 2.5, 21, 2, 0)
    await store.absorb(Batch(series, [older], []))
    both = Batch(series, [unseen, older], [(3, 1, 7, 10, -1), (4, 2, 7, 20, 1)])
    assert (await store.absorb(both)).duplicates == 1
    assert [record["flag"] for record in await gathered(store.records("readings"))] == ["suspect", "fail"]


STATES = [CommandState.DECIDED, CommandState.PUBLISHED, CommandState.ACCEPTED, CommandState.DONE, CommandState.EXPIRED]


async def test_events_of_one_command_in_one_write_do_what_they_do_one_by_one(store: UtilityStore) -> None:
    memory = MemoryStore()
    commands, events = [], []
    for first in STATES:
        for second in STATES:
            for third in STATES:
                name = f"{first}-{second}-{third}"
                commands.append(
                    Command(
                        name, "riverside", "n", "a", "start", None, len(commands), 9, 9.0, 1, len(commands), None, ""
                    )
                )
                events += [CommandEvent(name, state, at, at % 3, "") for at, state in enumerate((first, second, third))]
    whole = turn(commands=commands, command_events=[event for event in events if _sensible(event, events)])
    await store.write([whole])
    await memory.write([whole])
    assert await gathered(store.records("commands")) == await gathered(memory.records("commands"))


def _sensible(event: CommandEvent, events: list[CommandEvent]) -> bool:
    """Nothing goes back to `decided`: no store is promised to refuse that."""
    return event.state is not CommandState.DECIDED or event.at == 0


async def test_text_that_postgresql_cannot_hold_does_not_stop_a_write(store: UtilityStore, database: str) -> None:
    odd = 'a\0b\ud800"\\{NULL},\n°'
    alarm = Alarm(AlarmKey("tank1", "level", "low"), "high", active=True, acknowledged=False, since=1, reason=odd)
    await store.write(
        [
            turn(
                dead_letters=[DeadLetter("invalid_json", odd, b"\0\xff\\", 1)],
                decisions=[Decision(1, "station/pump1", "start", None, None, "held", odd * 2000, (alarm,))],
                command_events=[CommandEvent("c", CommandState.FAILED, 1, 1, odd)],
                alarms=[alarm],
            )
        ]
    )
    (letter,) = await gathered(store.records("dead_letters"))
    assert letter["topic"] == 'a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"\\{NULL},\n°'
    assert letter["payload"] == "AP9c"
    assert await by_another_client(database, "SELECT reason FROM edge_agent.alarms") == [(letter["topic"],)]


async def test_a_value_that_no_column_can_hold_costs_its_row_alone(store: UtilityStore) -> None:
    absorbed = await store.write([turn(1, 2, command_events=[CommandEvent("c", CommandState.FAILED, 1, 2**40, "")])])
    assert [row.source for row in absorbed.refused] == ["command_event"]
    assert len(await gathered(store.records("readings"))) == 2


@pytest.mark.parametrize("flags", [50, 500, 5_000])
async def test_flags_find_their_readings_by_key_in_a_month_that_the_planner_still_believes_empty(
    store: UtilityStore, flags: int
) -> None:
    await store.write([turn(*range(T0, T0 + 10_000))])
    settled = Batch([(1, "tank1", "level", "m")], [], [(3, 0, 1, T0 + n, n) for n in range(flags)])
    async with store._database.transaction() as connection:
        await BatchWrite(connection, "riverside", settled).write()
        looked_at = await connection.execute(
            "SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables WHERE relname LIKE 'readings%'"
        )
        ((rows_read,),) = await looked_at.fetchall()
    assert flags <= rows_read <= 2 * flags
    assert sum(record["flag"] == "suspect" for record in await gathered(store.records("readings"))) == flags


async def test_a_cancelled_write_amid_its_transaction_leaves_the_pool_usable(
    store: UtilityStore, database: str
) -> None:
    await store.write([turn(1)])
    async with await psycopg.AsyncConnection.connect(database) as other:
        await other.execute("LOCK TABLE edge_agent.readings IN ACCESS EXCLUSIVE MODE")
        for _ in range(6):  # more often than there are connections
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await store.write([turn(2)])
        await other.rollback()
    assert (await store.write([turn(1, 3)])).duplicates == 1
    assert len(await gathered(store.records("readings"))) == 2
