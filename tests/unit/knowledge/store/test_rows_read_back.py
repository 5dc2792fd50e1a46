"""What a start reads back: a row that makes no sense costs that row, never the start."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.archive.sqlite import SqliteArchive
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.readback import KEPT_ASIDE
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.alarms import Alarm, AlarmKey, Evidence
from edge_agent.model.commands import ActuatorMemory, Command, CommandEvent, CommandState
from edge_agent.model.plant import Sensor
from edge_agent.model.readings import Delivery, Reading
from edge_agent.model.remembered import PlanMemory, SequenceMemory
from edge_agent.model.time import Moment
from edge_agent.model.turn import Turn

AT = 1_780_000_000_000_000
LIMITS = StoreBounds(reserve_mb=0)
LEVEL = Sensor("tank1", "level", "level", "m")
OPEN = Command("id-1", "riverside", "station", "pump1", "start", None, AT, AT + 9, 900.0, 1, 1, "fill", "because")
EVIDENCE = Evidence("water/x", 1.4, "m", "good", {"gross_range": "good"}, AT, AT, 7)
ALARM = Alarm(AlarmKey("tank1", "level", "low"), "high", True, False, AT, "low", 1.4, 1.5, "m", None, EVIDENCE)
PUMPS = [
    ActuatorMemory(
        f"station/pump{n}",
        ["start", None, "fill", 50, "x"],
        AT,
        True,
        AT,
        None,
        [AT],
        boot="b",
        offset=1.5,
        equipment=["pump", "stop", 10.0, 900.0, 5.0, 30.0],
    )
    for n in (1, 2)
]


def full_turn():
    turn = Turn(Moment(AT, 1.0))
    turn.readings = [Reading(LEVEL, 1.5, AT + n, AT + n, n, 1, 1) for n in range(3)]
    turn.alarms = [ALARM, replace(ALARM, key=AlarmKey("tank1", "level", "low_low"), evidence=None)]
    turn.commands = [OPEN, replace(OPEN, id="id-2", counter=2)]
    turn.command_events = [CommandEvent("id-1", CommandState.PUBLISHED, AT, 1, "x")]
    turn.actuators = PUMPS
    turn.plans = [PlanMemory("fill", True, AT, False, "b", 1.5), PlanMemory("empty", False, None)]
    turn.sequences = [
        SequenceMemory("tank1", "level", ((AT, 3), (AT, 5))),
        SequenceMemory("tank1", "", (None, (AT, 1))),
    ]
    turn.deliveries = [Delivery(1, bytes(8)), Delivery(2, bytes(8))]
    return turn


@pytest.fixture
def said():
    found = []
    handler = logger.add(lambda message: found.append(message.record), level="WARNING")
    yield found
    logger.remove(handler)


@pytest.fixture
async def filled(path):
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")
        await store.write([full_turn()])
        return await store.begin("gateway-1")


def change(path, *statements):
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            assert db.execute(statement).rowcount


def aside(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT source, row, reason FROM set_aside ORDER BY id").fetchall()


async def test_what_was_written_comes_back_as_it_was(filled):
    turn = full_turn()
    assert [record.command for record in filled.commands] == turn.commands
    assert [record.state for record in filled.commands] == [CommandState.PUBLISHED, CommandState.DECIDED]
    assert repr(filled.alarms) == repr(turn.alarms), "a tuple in the place of a noun is equal, and is none"
    assert filled.actuators == turn.actuators
    assert sorted(filled.plans, key=lambda plan: plan.plan, reverse=True) == turn.plans
    assert sorted(filled.sequences, reverse=True) == turn.sequences
    assert filled.deliveries == turn.deliveries
    assert [reading.observed_at for reading in filled.readings] == [AT, AT + 1, AT + 2]


ACTUATOR = "UPDATE memories SET body = json_{} WHERE kind = 'actuator' AND name = 'station/pump1'"
WRONG = {
    "an unknown member": ("actuators", ACTUATOR.format("set(body, '$.turbo', 1)")),
    "a missing member": ("actuators", ACTUATOR.format("remove(body, '$.actuator')")),
    "a member of another type": ("actuators", ACTUATOR.format("set(body, '$.failures', 'many')")),
    "an instant beyond all calendars": ("actuators", ACTUATOR.format("set(body, '$.desired_at', 9000000000000000000)")),
    "a request too short": ("actuators", ACTUATOR.format("set(body, '$.desired', json('[\"start\"]'))")),
    "a request that is no action": ("actuators", ACTUATOR.format("set(body, '$.desired[0]', 'strat')")),
    "a way to stop that is no action": ("actuators", ACTUATOR.format("set(body, '$.equipment[1]', 'explode')")),
    "another name than its row": ("actuators", ACTUATOR.format("set(body, '$.actuator', 'station/pump9')")),
    "no JSON": ("actuators", "UPDATE memories SET body = '{' WHERE kind = 'actuator' AND name = 'station/pump1'"),
    "no Unicode": ("actuators", "UPDATE memories SET body = CAST(x'ff' AS TEXT) WHERE name = 'station/pump1'"),
    "a plan with an unknown member": (
        "plans",
        "UPDATE memories SET body = json_set(body, '$.dial', 1) WHERE kind = 'plan' AND name = 'fill'",
    ),
    "numbers that are none": ("sequences", "UPDATE memories SET body = '[[1]]' WHERE name = 'tank1/level'"),
    "an unknown kind of action": ("commands", "UPDATE commands SET action = 'explode' WHERE id = 'id-1'"),
    "an epoch below zero": ("commands", "UPDATE commands SET epoch = -1 WHERE id = 'id-1'"),
    "a command for ever": ("commands", "UPDATE commands SET expires_at = 9000000000000000000 WHERE id = 'id-1'"),
    "a priority nobody knows": ("alarms", "UPDATE alarms SET priority = 'shrill' WHERE threshold = 'low'"),
    "evidence with an unknown member": (
        "alarms",
        "UPDATE alarms SET evidence = json_set(evidence, '$.mood', 1) WHERE threshold = 'low'",
    ),
    "a flag that is none": ("readings", "UPDATE readings SET flag = 77 WHERE seq = 0"),
    "tests that are none": ("readings", "UPDATE readings SET tests = 5 WHERE seq = 0"),
    "a value without end": ("readings", "UPDATE readings SET value = 9e999 WHERE seq = 0"),
    "a packet that is none": ("deliveries", "UPDATE deliveries SET packet = 70000 WHERE packet = 1"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_row_that_makes_no_sense_costs_that_row(path, filled, said, case):
    part, statement = WRONG[case]
    change(path, statement)
    async with SqliteStore(path, bounds=LIMITS) as store:
        remembered = await store.begin("gateway-1")
        assert store.unreadable_rows == 1
        assert "1 row" in store.notes()["store"]
        assert len(await _all(SqliteArchive(path))) >= 2
    for name in ("commands", "alarms", "actuators", "plans", "sequences", "deliveries", "readings"):
        missing = len(getattr(filled, name)) - len(getattr(remembered, name))
        assert missing == (name == part), name
    assert remembered.epoch == filled.epoch + 1
    ((_, row, reason),) = aside(path)
    assert json.loads(row)
    assert reason
    assert [record["message"] for record in said] == ["Rows of the store make no sense; they are set aside"]
    async with SqliteStore(path, bounds=LIMITS) as store:  # once
        await store.begin("gateway-1")
        assert (store.unreadable_rows, store.notes()) == (0, {})


async def _all(archive):
    async with archive:
        return [record async for record in archive.records("readings")]


async def test_members_that_came_later_may_be_missing(path, filled):
    """The rows are of an older version of the program."""
    for kind, members in (("actuator", "'$.hand', '$.failures', '$.boot', '$.offset'"), ("plan", "'$.latched'")):
        change(path, f"UPDATE memories SET body = json_remove(body, {members}) WHERE kind = '{kind}'")  # noqa: S608 - ours
    async with SqliteStore(path, bounds=LIMITS) as store:
        remembered = await store.begin("gateway-1")
        assert store.unreadable_rows == 0
    assert (len(remembered.actuators), len(remembered.plans)) == (2, 2)


async def test_a_start_that_fails_raises_no_epoch(path, filled):
    change(path, "UPDATE meta SET value = 0 WHERE key = 'clean'")
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE alarms RENAME TO alerts")
    for _ in range(3):
        async with SqliteStore(path, bounds=LIMITS) as store:
            with pytest.raises(StoreError):
                await store.begin("gateway-1")
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE alerts RENAME TO alarms")
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).epoch == filled.epoch + 1


async def test_a_trusted_time_that_is_none_does_not_keep_a_start_from_happening(path, filled):
    change(path, "UPDATE meta SET value = 'noon' WHERE key = 'trusted_at'")
    async with SqliteStore(path, bounds=LIMITS) as store:
        await store.begin("gateway-1")


async def test_what_is_set_aside_is_bounded(path, filled):
    change(path, "DELETE FROM memories WHERE kind = 'actuator'")
    with closing(sqlite3.connect(path)) as db, db:
        many = [(f"station/p{n}", "x") for n in range(KEPT_ASIDE + 200)]
        db.executemany("INSERT INTO memories (kind, name, body) VALUES ('actuator', ?, ?)", many)
    async with SqliteStore(path, bounds=LIMITS) as store:
        assert (await store.begin("gateway-1")).actuators == []
        assert store.unreadable_rows == KEPT_ASIDE + 200
    assert len(aside(path)) == KEPT_ASIDE


async def test_an_export_leaves_out_what_makes_no_sense_and_says_so(path, filled, said):
    change(path, "UPDATE commands SET state = 'lost' WHERE id = 'id-1'", "UPDATE readings SET flag = 77 WHERE seq = 1")
    async with SqliteArchive(path) as archive:
        assert [record["id"] async for record in archive.records("commands")] == ["id-2"]
        assert [record["seq"] async for record in archive.records("readings")] == [0, 2]
        assert await archive.explain("id-2") is not None
        with pytest.raises(StoreError, match="makes no sense"):
            await archive.explain("id-1")
    assert [record["message"] for record in said] == ["A row of the store makes no sense; it is left out"] * 2
