"""The suite itself: it sees a loss, a duplicate and a command executed twice or late, and its page is complete."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

from support.crashpoints import DRAIN_POINTS, LAST_POINTS, POINTS
from support.faulttable import COLUMNS, FaultTable, Row
from support.flood import BARE, LOAD
from support.witness import Seen, Witnesses

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


def test_what_is_missing_or_doubled_in_the_store_is_counted(site):
    site.flood.bare_every = 10
    site.agent.start()
    site.flood.publish(100)
    site.finish()
    assert site.measure().clean
    with closing(sqlite3.connect(site.store)) as db:
        (gone,) = db.execute("SELECT seq FROM readings WHERE seq > 50 LIMIT 1").fetchone()
        db.execute("DELETE FROM readings WHERE seq = ?", (gone,))
        # The same number once more, as if it had been taken for a message of its own.
        db.execute("UPDATE readings SET seq = 11 WHERE seq = 12")
        db.execute("UPDATE readings SET value = 3 WHERE seq = -1 AND value = 4")
        db.commit()
    measure = site.measure()
    assert measure.published == 100
    assert measure.missing == {(LOAD, gone), (LOAD, 12), (BARE, 4)}
    assert measure.doubled == {(LOAD, 11), (BARE, 3)}
    row = Row("something")
    site.account(row)
    assert (row.lost, row.duplicated, row.clean()) == (3, 2, False)


def test_executions_that_must_not_be_are_counted():
    early, late = Seen("a", 5, 10, "station/pump1", "start"), Seen("b", 11, 10, "station/pump1", "stop")
    seen = SimpleNamespace(executions=[early, early, late], deliveries=[early, late, late])
    assert Witnesses.executed_twice.fget(seen) == 1
    assert Witnesses.executed_late.fget(seen) == 1
    assert Witnesses.delivered_twice.fget(seen) == 1


def test_the_table_sums_up():
    table = FaultTable()
    table.add(Row("one", 2, 1000, 1000, 0, 0, 0, 0, 0.126, 61.4, commands=7))
    table.add(Row("two", 1, 500, 499, 1, 0, 0, 0, note="the broker lost it"))
    lines = table.lines()
    assert lines[0].split("  ")[0] == COLUMNS[0]
    assert lines[2].split() == ["one", "2", "1,000", "1,000", "0", "0", "0", "0", "0.13", "61", "MB"]
    assert lines[4:] == ["In all: 3 tries, 1,500 messages published, 7 commands executed.", "two: the broker lost it"]
    page = table.markdown("make faults")
    assert "| one | 2 | 1,000 | 1,000 | 0 | 0 | 0 | 0 | 0.13 | 61 MB |" in page.splitlines()


def test_the_page_tells_every_crash_point():
    page = PAGE.read_text(encoding="utf-8")
    for point, meaning in {**POINTS, **LAST_POINTS, **DRAIN_POINTS}.items():
        assert f"| `{point}` | {meaning} |" in page
