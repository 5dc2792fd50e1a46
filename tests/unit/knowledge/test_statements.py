from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from edge_agent.knowledge.statements import migrations, statements
from edge_agent.knowledge.store.migrate import NEWEST, migrate, schema_version


@pytest.fixture
def db():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db)
        yield db


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [step.version for step in migrations("store")] == list(range(1, NEWEST + 1))


def test_migrating_again_does_nothing(db: sqlite3.Connection) -> None:
    migrate(db)
    assert schema_version(db) == NEWEST


@pytest.mark.parametrize(("room", "file"), [("store", "journal"), ("store", "policy"), ("archive", "archive")])
def test_every_statement_fits_the_schema(db: sqlite3.Connection, room: str, file: str) -> None:
    found = statements(room, file)
    assert found
    for statement in found.values():
        named = dict.fromkeys(("at", "id", "seq", "node", "size", "state", "attempts", "closed_at"))
        db.execute(f"EXPLAIN {statement}", (None,) * statement.count("?") if "?" in statement else named)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("readings", "USING PRIMARY KEY"),
        ("alarms", "sqlite_autoindex_alarm_events_1"),
        ("commands", "commands_by_issue"),
        ("dead_letters", "sqlite_autoindex_dead_letters_1"),
    ],
)
def test_an_export_is_read_in_the_order_of_an_index(db: sqlite3.Connection, name: str, index: str) -> None:
    named = dict.fromkeys(("at", "id", "seq", "node", "size"), 1)
    (first, *_) = db.execute(f"EXPLAIN QUERY PLAN {statements('archive', 'archive')[name]}", named).fetchall()
    assert index in first[-1]
    assert first[-1].startswith("SEARCH")
