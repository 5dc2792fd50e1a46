"""The embedded store's disk is full, or its file is broken, under load.

On a full disk nothing is lost. Of a broken file only what lay in it may be: everything after it is in the fresh one.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until, rarely
from support.faulttable import Row
from support.handover import until_handed_over
from support.postgresfaults import fill, small_disk

if TYPE_CHECKING:
    from pathlib import Path

    from support.site import Measure, Site

FAILING = "edge_agent_store_failing"
RENEWALS = "edge_agent_store_renewals_total"
#: Every so many messages one moves the pump, on a disk that fills up and in a file that breaks.
TRAFFIC = {"rate": 2000, "level_every": 200, "bare_every": 10}
#: Bytes of a page; the first holds the file's own header.
PAGE = 4096


@pytest.fixture
def mounted(tmp_path: Path):
    """Lay a small disk under a site's store."""
    places: list = []

    def mount(site: Site) -> Path | None:
        places.append(small_disk(site.store.parent))
        return places[-1].__enter__()

    yield mount
    for place in reversed(places):
        place.__exit__(None, None, None)


def overwrite(store: Path, first: float) -> None:
    """Overwrite the pages of the file from a share of them on; what its log holds is written into it before."""
    with closing(sqlite3.connect(store, timeout=5)) as db:
        db.execute("PRAGMA wal_checkpoint(FULL)").fetchall()
    with store.open("r+b") as file:
        pages = file.seek(0, 2) // PAGE
        assert pages > 10
        beginning = int(pages * first)
        file.seek(beginning * PAGE)
        file.write(b"\xa5" * PAGE * (pages - beginning))


def ledger(site: Site) -> set[tuple[str, int]]:
    """What the broker has acknowledged by now."""
    return {(sensor, number) for sensor, numbers in site.flood.acknowledged.items() for number in tuple(numbers)}


def conclude(site: Site, row: Row, dsn: str | None = None) -> Measure:
    site.finish()
    measure = site.account(row, dsn)
    assert site.nodes.executions
    return measure


def test_disk_full(table, make_site, mounted, fault_tries, fault_messages):
    row = table.add(Row("embedded store: disk full"))
    for _ in range(fault_tries):
        site = make_site(**{**TRAFFIC, "level_every": 0})
        disk = mounted(site)
        if disk is None:
            row.note = "not tried: only root may mount a small disk"
            pytest.skip(row.note)
        site.agent.start()
        site.flood.publish(fault_messages)
        site.flood.settle()
        others = fill(disk)
        flood_until(site, lambda: site.agent.metric(FAILING))  # noqa: B023 - used at once
        site.flood.level_every = 1
        site.flood.publish(1)
        block_until(lambda: site.nodes.executions)  # noqa: B023
        site.flood.level_every = 0
        assert site.agent.metric(FAILING)
        others.unlink()
        ended = time.perf_counter()
        block_until(rarely(lambda: not site.agent.metric(FAILING)), timeout=20)  # noqa: B023
        row.recovered(time.perf_counter() - ended)
        site.flood.publish(fault_messages)
        measure = conclude(site, row)
        assert measure.clean, (site.folder, measure)
    row.note = "a command goes out meanwhile, as long as the broker's window has room for the level that asks for it"
    assert row.clean(), row


def flood_until(site: Site, condition) -> None:
    """Let messages come until something holds; the broker keeps what the agent does not take."""

    def holds() -> object:
        if site.flood.outstanding <= 0:
            site.flood.publish(50)  # few at a time: what is not acknowledged fills the broker's window
        return condition()

    block_until(rarely(holds, 0.1), timeout=60)


@pytest.mark.parametrize("governed", [False, True], ids=["alone", "with PostgreSQL"])
def test_file_broken_while_stopped(governed, table, make_site, shared_postgres, fault_tries, fault_messages):
    """Killed, then half of the pages overwritten: a fresh file is begun at the start."""
    beside = ", its rows handed on before" if governed else ""
    row = table.add(Row(f"embedded store: broken while the agent is stopped{beside}"))
    for _ in range(fault_tries):
        dsn = shared_postgres.database("template") if governed else None
        site = make_site(settings=f'[postgres]\ndsn = "{dsn}"\n' if governed else "", **TRAFFIC)
        live(site, fault_messages)
        if governed:
            until_handed_over(site)
        site.agent.kill()
        overwrite(site.store, 0.5)
        go_on(site, row, fault_messages, dsn)
    assert row.clean(), row


def test_file_broken_while_it_runs(table, make_site, fault_tries, fault_messages):
    """Every page overwritten under the running agent. It goes on from what it has in memory; its next life notices."""
    row = table.add(Row("embedded store: broken while the agent runs, then kill -9"))
    for _ in range(fault_tries):
        site = make_site(**TRAFFIC)
        live(site, fault_messages)
        overwrite(site.store, 0)
        site.flood.publish(fault_messages)
        site.flood.settle()
        assert not site.agent.exited
        site.agent.kill()
        go_on(site, row, fault_messages, None)
    assert row.clean(), row


def live(site: Site, messages: int) -> None:
    site.agent.start()
    site.flood.publish(messages)
    site.flood.settle()
    site.until_stored()


def go_on(site: Site, row: Row, messages: int, dsn: str | None) -> None:
    """Start again on a broken file. What was acknowledged since the kill must be there; the rest lay in that file."""
    lay, newest = ledger(site), site.flood.newest
    site.flood.publish(messages)
    began = time.perf_counter()
    site.agent.start()
    assert site.agent.metric(RENEWALS) == 1
    block_until(lambda: site.newest_stored > newest, timeout=30)
    row.recovered(time.perf_counter() - began)
    site.flood.publish(200)
    site.flood.settle()
    site.until_stored()
    if dsn is not None:
        until_handed_over(site)
    measure = conclude(site, row, dsn)
    row.lost -= len(measure.missing & lay)
    row.note = (
        f"of {len(lay):,} rows that the broken file held, {len(measure.missing & lay):,} lie only there; it is kept"
    )
    assert measure.missing <= lay, (site.folder, sorted(measure.missing - lay)[:10])
    assert dsn is None or measure.clean
    assert list(site.store.parent.glob("*.corrupt-*"))
