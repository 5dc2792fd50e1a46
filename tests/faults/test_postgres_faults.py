"""PostgreSQL fails in every way we can make, under load, and comes back.

After each fault: nothing lost, every row in PostgreSQL exactly once, handed on again by itself. Meanwhile commands go
out and turns are as fast as without: the agent's own histograms tell, see support.pulse.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until, rarely
from support.faulttable import Row
from support.handover import DRAIN_SECONDS, differences, handed_on, spooled, until_handed_over
from support.postgres import Postgres
from support.postgresfaults import (
    Victim,
    deadlocked,
    deadlocks,
    disk_full,
    frozen,
    killed,
    locked,
    read_only,
    small_disk,
)
from support.pulse import Pulse, unaffected

from edge_agent.knowledge.utility.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from support.site import Site

FAULTS: dict[str, Callable[[Victim], AbstractContextManager[None]]] = {
    "killed mid-run": killed,
    "frozen": frozen,
    "failing over to read-only": read_only,
    "tables locked by another client": locked,
    "deadlock with another client": deadlocked,
    "disk full": disk_full,
}
#: What the agent's log says of it, once an outage; with "frozen" that takes longer than a short form has.
NOTICED = "cannot be handed on"
TRAFFIC = {"rate": 500, "level_every": 50, "bare_every": 10}
#: Fewer rows are a batch or two, of which no rate can be told.
ENOUGH_TO_DRAIN = 20_000


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One server for all rows, to be broken; `template` is a migrated database."""
    made = Postgres()
    try:
        made.start()
        made.execute("CREATE DATABASE template")
        asyncio.run(migrate(made.dsn("template")))
        with small_disk(made.folder / "disk") as disk:
            if disk is not None:
                shutil.chown(disk, made.folder.owner(), made.folder.group())
                made.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
            yield made
            made.kill()
    finally:
        made.close()


@pytest.fixture
def make_victim(server: Postgres) -> Callable[..., Victim]:
    """Make a database of its own; on a small disk where that is asked for."""

    def make(row: Row, *, small: bool = False) -> Victim:
        disk = server.folder / "disk"
        if small and not disk.is_mount():
            row.note = "not tried: only root may mount a small disk"
            pytest.skip(row.note)
        return Victim(server, server.database("template", "small" if small else None), disk if small else None)

    return make


def governed(make_site: Callable[..., Site], victim: Victim, **traffic: object) -> Site:
    """Make a site that hands on to a database; its agent is not running yet."""
    return make_site(settings=f'[postgres]\ndsn = "{victim.dsn}"\n', **{**TRAFFIC, **traffic})


def noticed(site: Site) -> int:
    return site.agent.log.count(NOTICED)


def conclude(site: Site, victim: Victim, row: Row, ended: float) -> None:
    """Let everything arrive, be stored and handed on; count and compare."""
    site.flood.settle()
    site.until_stored()
    until_handed_over(site)
    row.recovered(time.perf_counter() - ended)
    site.finish()
    measure = site.account(row, victim.dsn)
    assert measure.clean, (site.folder, measure)
    assert site.measure().clean, site.folder
    assert differences(site, victim.dsn) == {}
    assert site.nodes.executions


@pytest.mark.parametrize("fault", FAULTS)
def test_postgres_fails(fault, table, make_site, make_victim, fault_tries, fault_messages):
    row = table.add(Row(f"PostgreSQL: {fault}"))
    for number in range(fault_tries):
        victim = make_victim(row, small=fault == "disk full")
        site = governed(make_site, victim)
        site.agent.start()
        site.flood.publish(fault_messages // 2)
        block_until(lambda: handed_on(victim.dsn) > 0)  # noqa: B023 - used at once
        with FAULTS[fault](victim), Pulse(site.agent, site.folder) as pulse:
            site.flood.publish(fault_messages // 2)
            # That a frozen one is cut off takes longer than a short form has.
            block_until(lambda: noticed(site) or (fault == "frozen" and number % 2 == 0))  # noqa: B023
            block_until(lambda: spooled(site) > fault_messages // 4 and pulse.beats)  # noqa: B023
        ended = time.perf_counter()
        unaffected(pulse, site.agent.log)
        conclude(site, victim, row, ended)
        assert not fault.startswith("deadlock") or deadlocks(victim) > 0
    row.note = f"meanwhile {pulse}"
    assert row.clean(), row


def test_postgres_down_at_start(table, make_site, make_victim, fault_tries, fault_messages):
    row = table.add(Row("PostgreSQL: down at start"))
    for _ in range(fault_tries):
        victim = make_victim(row)
        site = governed(make_site, victim)
        with killed(victim):
            site.agent.start()
            with Pulse(site.agent, site.folder) as pulse:
                site.flood.publish(fault_messages)
                block_until(lambda: spooled(site) > fault_messages // 2 and pulse.beats)  # noqa: B023 - used at once
        ended = time.perf_counter()
        unaffected(pulse, site.agent.log)
        conclude(site, victim, row, ended)
    row.note = f"meanwhile {pulse}"
    assert row.clean(), row


def test_postgres_killed_for_long(table, make_site, make_victim, fault_tries, outage_seconds):
    """Away while messages come at 500 a second; they come on while it drains. An absence of minutes is tried once."""
    away = outage_seconds * TRAFFIC["rate"]
    row = table.add(Row(f"PostgreSQL: killed for {away / TRAFFIC['rate']:.0f} s under 500 messages a second"))
    slowest = float("inf")
    for _ in range(fault_tries if away < ENOUGH_TO_DRAIN else 1):
        victim = make_victim(row)
        site = governed(make_site, victim)
        site.agent.start()
        site.flood.publish(100)
        block_until(lambda: handed_on(victim.dsn) > 0)  # noqa: B023 - used at once
        with Pulse(site.agent, site.folder) as pulse:
            with killed(victim):
                site.flood.publish(away)
                site.flood.settle(away / TRAFFIC["rate"] + 30)
            ended = time.perf_counter()
            slowest = min(slowest, drain_rate(site, victim))
        unaffected(pulse, site.agent.log)
        conclude(site, victim, row, ended)
    row.note = f"{pulse}"
    if away >= ENOUGH_TO_DRAIN:
        row.note += f"; drained at {slowest:,.0f} rows/s while messages came"
        assert slowest >= 5 * TRAFFIC["rate"]
    assert row.clean(), row


def drain_rate(site: Site, victim: Victim) -> float:
    """Keep messages coming until the spool is empty, and tell how many rows a second were handed on since the first."""

    def step() -> int:
        if site.flood.outstanding <= 0:
            site.flood.publish(TRAFFIC["rate"] // 2)
        return spooled(site)

    def more() -> bool:
        step()  # a short absence leaves so little that the spool may be empty by now
        return handed_on(victim.dsn) > before

    waiting, before = step(), handed_on(victim.dsn)
    block_until(rarely(more), timeout=30)
    first, began = handed_on(victim.dsn), time.perf_counter()
    block_until(rarely(lambda: step() < max(waiting // 50, TRAFFIC["rate"])), timeout=DRAIN_SECONDS)
    return (handed_on(victim.dsn) - first) / (time.perf_counter() - began)
