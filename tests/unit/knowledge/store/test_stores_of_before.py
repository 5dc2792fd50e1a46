"""A store that a program of before has written is read as ever, whatever thresholds have got since."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from edge_agent.errors import PolicyRefusedError
from edge_agent.knowledge.statements import migrations
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.alarms import AlarmKey
from edge_agent.model.plant import Threshold

if TYPE_CHECKING:
    from pathlib import Path

#: What version 7 had of thresholds of any name: nothing.
BEFORE = 7
ROWS = (
    "INSERT INTO meta (key, value) VALUES ('site', 'riverside') ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    """INSERT INTO thresholds (site, node, sensor, name, limit_value, deadband, priority, version, updated_at)
       VALUES ('riverside', 'tank1', 'level', 'low', 1.5, 0.2, 'high', 4, '2026-01-01T00:00:00.000Z')""",
    """INSERT INTO thresholds (site, node, sensor, name, limit_value, measure, parameters)
       VALUES ('riverside', 'tank1', 'level', 'high', 0.6, 'rate_per_hour', '{"over_seconds": 900}')""",
    """INSERT INTO alarms VALUES ('tank1', 'level', 'low', 'high', 1, 0, 7, 'it is low', 1.4, 1.5, 'm', NULL, NULL)""",
)
LOW = Threshold("tank1", "level", "low", 1.5, 0.2, priority="high")
HIGH = Threshold("tank1", "level", "high", 0.6, measure="rate_per_hour", parameters=(("over_seconds", 900.0),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store as version 7 left it."""
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for step in migrations("store")[:BEFORE]:
            db.executescript(step.script)
        db.execute(f"PRAGMA user_version = {BEFORE}")
        for row in ROWS:
            db.execute(row)
    return path


def by_another_program(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return db.execute(statement).fetchall()


async def test_its_thresholds_are_alarms_on_the_side_of_their_names(path: Path) -> None:
    async with SqliteStore(path) as store:
        assert (await store.policy()).thresholds == (HIGH, LOW)
    found = by_another_program(path, "SELECT version, updated_at, side, alarm FROM thresholds WHERE name = 'low'")
    assert found == [(4, "2026-01-01T00:00:00.000Z", None, 1)]


async def test_its_alarms_are_for_people(path: Path) -> None:
    async with SqliteStore(path) as store:
        (alarm,) = (await store.begin("gateway-1")).alarms
    assert (alarm.key, alarm.annunciated, alarm.reason) == (AlarmKey("tank1", "level", "low"), True, "it is low")


async def test_a_change_by_another_program_is_noticed_and_numbered_as_before(path: Path) -> None:
    async with SqliteStore(path) as store:
        for number, statement in enumerate(
            (
                "UPDATE thresholds SET limit_value = 1.8 WHERE name = 'low'",
                """INSERT INTO thresholds (site, node, sensor, name, limit_value, side, alarm)
                   VALUES ('riverside', 'tank1', 'level', 'fill_on', 2.5, 'below', 0)""",
                "DELETE FROM thresholds WHERE name = 'high'",
            )
        ):
            version = await store.version()
            by_another_program(path, statement)
            assert await store.version() != version, number
        names = [(limit.name, limit.limit, limit.annunciated) for limit in (await store.policy()).thresholds]
        assert names == [("fill_on", 2.5, False), ("low", 1.8, True)]
    assert by_another_program(path, "SELECT version FROM thresholds WHERE name = 'low'") == [(5,)]


async def test_a_measure_that_is_not_told_what_it_needs_is_refused(path: Path) -> None:
    async with SqliteStore(path) as store:
        by_another_program(
            path, "UPDATE thresholds SET measure = 'time_to_limit', parameters = '{}' WHERE name = 'low'"
        )
        with pytest.raises(PolicyRefusedError, match="makes no sense"):
            await store.policy()
