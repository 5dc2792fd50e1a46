"""What the embedded store and PostgreSQL hold of one installation, compared row by row."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
from support.deadline import block_until, rarely

if TYPE_CHECKING:
    from support.site import Site

#: What both stores keep, by the columns that say which row it is; an alarm event's and a decision's time is one.
RECORDS = {
    "commands": "id, state",
    "command_events": "command_id, state, attempts",
    "alarm_events": "node, sensor, threshold, event",
    "decisions": "actuator, action, verdict, command_id",
}
#: What an agent may take to empty its spool, in seconds: the longest pause between two tries, and then the rows.
DRAIN_SECONDS = 60.0


def until_handed_over(site: Site, timeout: float = DRAIN_SECONDS) -> None:
    """Wait until nothing is spooled any more."""
    block_until(rarely(lambda: not spooled(site)), timeout=timeout)


def spooled(site: Site) -> int:
    """How many rows wait for PostgreSQL."""
    return int(site.agent.metric("edge_agent_spooled_rows"))


def handed_on(dsn: str) -> int:
    """How many readings are in PostgreSQL."""
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        return int(connection.execute("SELECT count(*) FROM edge_agent.readings").fetchone()[0])  # type: ignore[index]


def differences(site: Site, dsn: str) -> dict[str, tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]]:
    """Name by table the records that only the embedded store has, and those that only PostgreSQL has, or has twice."""
    found = {}
    with (
        closing(sqlite3.connect(f"file:{site.store}?mode=ro", uri=True)) as embedded,
        psycopg.connect(dsn, connect_timeout=5) as postgres,
    ):
        for table, columns in RECORDS.items():
            here = Counter(embedded.execute(f"SELECT {columns} FROM {table}"))  # noqa: S608 - names from above
            statement = f"SELECT {columns} FROM edge_agent.{table}"  # noqa: S608 - names from above
            there = Counter(map(_plain, postgres.execute(statement)))
            if here != there:
                found[table] = (here - there, there - here)
    return found


def _plain(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(each if each is None or isinstance(each, int | float | str) else str(each) for each in row)
