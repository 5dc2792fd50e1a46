"""The spool: how fast it drains into PostgreSQL under live traffic, and what it adds to what reaches the disk."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bench.disk import per_reading
from bench.subjects import WholeAgent
from bench.table import Row
from bench.throughput import Load
from support.deadline import block_until
from support.postgres import Postgres

from edge_agent.knowledge.utility.migrate import migrate

if TYPE_CHECKING:
    from bench.setting import Setting

TOPIC = "Spool for PostgreSQL"
_LIVE_RATE = 500


def measure(setting: Setting) -> None:
    """Add the rate at which the spool drains, and bytes to disk with it."""
    server = Postgres()
    try:
        server.start()
        asyncio.run(migrate(server.dsn()))
        settings = f'[postgres]\ndsn = "{server.dsn()}"\n'
        seconds = setting.count(full=60, quick=20)
        written, _, note = per_reading(setting, "disk-spool", 100, seconds, settings)
        setting.report.add(Row(TOPIC, "written to disk at 100 messages a second", [written], "bytes", note=note))
        server.stop()
        _drain(setting, server, settings)
    finally:
        server.close()


def _drain(setting: Setting, server: Postgres, settings: str) -> None:
    agent = WholeAgent(setting.folder("drain"), setting.port, "drain", settings=settings)
    load = Load(agent, setting.port)
    spooled = setting.count(full=100_000, quick=30_000)
    try:
        load.run(spooled)
        assert agent.process.metric("edge_agent_spooled_rows") >= spooled
        with load.flood(spooled, _LIVE_RATE) as flood:
            flood.go()
            server.start()
            block_until(lambda: _arrived(server) > 0, 60)
            before, start = _arrived(server), time.perf_counter()
            block_until(lambda: _arrived(server) >= spooled, 300)
            rate = (_arrived(server) - before) / (time.perf_counter() - start)
            behind = agent.process.metric("edge_agent_backlog")
    finally:
        agent.close()
    note = f"{spooled:,} rows, while {_LIVE_RATE} messages a second come; then {behind:.0f} waited for a turn"
    setting.report.add(Row(TOPIC, "drained into PostgreSQL", [rate], "rows/s", note=note))
    setting.report.add(Row(TOPIC, "drained ÷ live traffic", [rate / _LIVE_RATE], "ratio", least=5))


def _arrived(server: Postgres) -> int:
    (row,) = server.execute("SELECT count(*) FROM edge_agent.readings WHERE site = 'drain'")
    return int(row[0])
