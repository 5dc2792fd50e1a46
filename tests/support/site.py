"""A site to break: one broker, one installation of the agent, witnesses at the nodes, a flood of numbered readings.

`measure` holds what is stored against the publisher's ledger; the nodes' own record tells of commands.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from support.brokers import Mosquitto
from support.deadline import block_until
from support.ledgerflood import BARE, Flood
from support.processes import AgentProcess
from support.tankplant import tank_plant
from support.witness import Witnesses

from edge_agent.settings.plantfile import load_plant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

    from support.faulttable import Row

#: Levels move a pump without delay or rest, so that commands flow; a command's life is short, so that it may expire.
PLANT = tank_plant(ack_timeout_seconds=0.5, command_ttl_seconds=2)

_STORED = "SELECT s.node || '/' || s.sensor, r.seq, r.value FROM readings r JOIN series s ON s.id = r.sensor_id"
_STORED_POSTGRES = "SELECT node || '/' || sensor, seq, value FROM edge_agent.readings"
_COUNT_POSTGRES = "SELECT count(*) FROM edge_agent.readings"
_NEWEST = """
SELECT r.seq FROM readings r JOIN series s ON s.id = r.sensor_id
WHERE s.node = 'load' AND s.sensor = 's0' ORDER BY r.observed_at DESC LIMIT 1
"""


class Measure(NamedTuple):
    """The ledger beside the store: `missing` and `doubled` name what is wrong as (sensor, number)."""

    published: int
    stored: int
    missing: frozenset[tuple[str, int]]
    doubled: frozenset[tuple[str, int]]

    @property
    def clean(self) -> bool:
        return not self.missing and not self.doubled


class Site:
    """Everything of one site in one folder; `close` it. `agent_port` puts something between agent and broker."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: str = "",
        plant: str = PLANT,
        broker_settings: str = "",
        agent_port: Callable[[int], int] = lambda port: port,
        spawn: Callable[..., Any] | None = None,
        commit_seconds: float = 1.0,
        **flood: Any,
    ) -> None:
        self.folder = folder
        (folder / "broker").mkdir(parents=True)
        self.broker = Mosquitto(folder / "broker", broker_settings)
        self.broker.start()
        port = agent_port(self.broker.port)
        self.agent = AgentProcess(folder / "agent", port, plant, settings, spawn=spawn, commit_seconds=commit_seconds)
        self.others: list[AgentProcess] = []
        self.nodes = Witnesses(self.broker.port, load_plant(folder / "agent" / "config" / "plant.toml"))
        self.flood = Flood(self.broker.port, **flood)

    def install(self, name: str, settings: str = "", **keywords: Any) -> AgentProcess:
        """Install another agent beside the first, with a store of its own and the same plant file."""
        plant = (self.agent.folder / "config" / "plant.toml").read_text(encoding="utf-8")
        self.others.append(AgentProcess(self.folder / name, self.broker.port, plant, settings, **keywords))
        return self.others[-1]

    def close(self) -> None:
        for agent in (self.agent, *self.others):
            agent.close()
        self.flood.close()
        self.nodes.close()
        self.broker.kill()

    # What is stored -------------------------------------------------------------------------------------------------

    @property
    def store(self) -> Path:
        """The embedded store's file."""
        return self.folder / "agent" / "var" / "edge-agent.db"

    def measure(self, dsn: str | None = None, beside: Iterable[Path] = ()) -> Measure:
        """Compare the ledger with the embedded store, or with PostgreSQL; best after `finish`.

        `beside`: folders of other agents with the same id, which had a part of the session.
        """
        found = Counter(self._rows(_STORED) if dsn is None else _postgres_rows(dsn))
        for folder in beside:
            found |= Counter(_rows_of(folder / "var" / "edge-agent.db", _STORED))
        ledger = {(sensor, number) for sensor, numbers in self.flood.acknowledged.items() for number in numbers}
        doubled = frozenset(key for key, times in found.items() if times > 1)
        return Measure(len(ledger), len(found), frozenset(ledger - found.keys()), doubled)

    @property
    def newest_stored(self) -> int:
        """Number of the newest reading of the flood's main sensor in the embedded store; -1 where there is none."""
        try:
            with closing(_open(self.store)) as db:
                row = db.execute(_NEWEST).fetchone()
        except sqlite3.Error:  # not there yet, or being made
            return -1
        return -1 if row is None else int(row[0])

    def _rows(self, statement: str) -> list[tuple[str, int]]:
        return _rows_of(self.store, statement)

    # What happens ---------------------------------------------------------------------------------------------------

    def until_stored(self, timeout: float = 60.0) -> None:
        """Wait until the newest acknowledged message is stored; the flood must have settled."""
        block_until(lambda: self.newest_stored >= self.flood.newest, timeout=timeout)

    def recovery(self, since: float, timeout: float = 60.0) -> float:
        """Wait until something published after this call is stored; tells the seconds since `since` (perf_counter).

        Call it at the end of the fault, while messages flow.
        """
        mark = self.flood.newest
        block_until(lambda: self.newest_stored > mark or self.agent.exited, timeout=timeout)
        assert not self.agent.exited, self.agent.log[-2000:]
        return time.perf_counter() - since

    def until_drained(self, dsn: str, timeout: float = 60.0) -> None:
        """Let an agent run until all that the embedded store holds is in PostgreSQL, then end it in order."""
        self.agent.start()
        stored = len(self._rows(_STORED))
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as db:
            block_until(lambda: db.execute(_COUNT_POSTGRES).fetchone()[0] >= stored, timeout=timeout)
        assert self.agent.terminate() == 0, self.agent.log[-2000:]

    def finish(self, timeout: float = 60.0) -> None:
        """Let everything arrive and be stored, then end the agent in order."""
        self.flood.settle(timeout)
        self.until_stored(timeout)
        assert self.agent.terminate() == 0, self.agent.log[-2000:]

    def account(self, row: Row, dsn: str | None = None, *, tried: int = 1, beside: Iterable[Path] = ()) -> Measure:
        """Add what this site has seen to a row of the table, and give the measure."""
        measure = self.measure(dsn, beside)
        row.tried += tried
        row.published += measure.published
        row.stored += measure.stored
        row.lost += len(measure.missing)
        row.duplicated += len(measure.doubled)
        row.commands += len({seen.id for seen in self.nodes.executions})
        row.executed_twice += self.nodes.executed_twice
        row.executed_late += self.nodes.executed_late
        row.rss_mb = max(row.rss_mb or 0.0, self.agent.highest_rss_mb)
        return measure


def _open(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=5)


def _rows_of(store: Path, statement: str) -> list[tuple[str, int]]:
    with closing(_open(store)) as db:
        return [_key(*row) for row in db.execute(statement)]


def _key(sensor: str, seq: int, value: float) -> tuple[str, int]:
    return (sensor, int(value) if sensor == BARE else seq)


def _postgres_rows(dsn: str) -> list[tuple[str, int]]:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        return [_key(*row) for row in connection.execute(_STORED_POSTGRES)]
