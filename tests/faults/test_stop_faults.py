"""A stop is due while something holds it back: it is with its node within three seconds all the same."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from support import manners
from support.deadline import block_until, rarely
from support.faultsteps import PROMISED_SECONDS, QUIET, ask
from support.faulttable import Row
from support.forger import Forger

from edge_agent.execute.opencommands import ACCEPTED_SECONDS

if TYPE_CHECKING:
    from support.site import Site

PUMP = "station/pump1"


def running(site: Site) -> None:
    """Let the pump run, and be known to."""
    site.agent.start()
    ask(site)
    block_until(lambda: site.nodes.running(PUMP))
    block_until(rarely(lambda: all(each["closed_at"] for each in site.agent.export("commands"))))


def conclude(site: Site, row: Row, messages: int) -> None:
    site.flood.publish(messages)
    site.finish()
    measure = site.account(row)
    assert measure.clean, (site.folder, measure)


def test_stop_while_the_store_is_locked(table, make_site, fault_tries, fault_messages):
    """By another program's transaction; it is stored when that ends."""
    row = table.add(Row("stop due: the store is locked by another program"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(**QUIET)
        running(site)
        with closing(sqlite3.connect(site.store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            since = time.perf_counter()
            ask(site)
            block_until(lambda: not site.nodes.running(PUMP))  # noqa: B023 - used at once
            slowest = max(slowest, time.perf_counter() - since)
            other.execute("ROLLBACK")
        ended = time.perf_counter()
        block_until(rarely(lambda: not site.agent.metric("edge_agent_store_failing")), timeout=20)  # noqa: B023
        row.recovered(time.perf_counter() - ended)
        conclude(site, row, fault_messages)
        assert site.nodes.executions[-1].id in {each["id"] for each in site.agent.export("commands")}
    row.note = f"the stop was executed within {slowest:.2f} s, unstored, and stored afterwards"
    assert slowest < PROMISED_SECONDS
    assert row.clean(), row


def test_stop_after_a_late_last_will(table, make_site, fault_tries, fault_messages):
    """The broker sends the will of a connection that the node has replaced long ago: it is there, and silent."""
    row = table.add(Row("stop due: a late last will of the node"))
    slowest = 0.0
    for _ in range(fault_tries):
        site = make_site(**QUIET)
        running(site)
        with closing(Forger(site.broker.port)) as forger:
            forger.say("station/status", "offline", retain=True)
            block_until(rarely(lambda: _raised(site, "offline")))  # noqa: B023 - used at once
            since = time.perf_counter()
            ask(site)
            block_until(lambda: not site.nodes.running(PUMP))  # noqa: B023
            slowest = max(slowest, time.perf_counter() - since)
        conclude(site, row, fault_messages)
    row.note = f"the stop was executed within {slowest:.2f} s"
    assert slowest < PROMISED_SECONDS
    assert row.clean(), row


def _raised(site: Site, threshold: str) -> bool:
    return any(each["threshold"] == threshold for each in site.agent.export("alarms"))


def test_stop_that_is_accepted_and_never_followed(table, make_site, fault_tries, fault_messages):
    """The node says that it is on its way, and hangs: it is asked again until it stops."""
    row = table.add(Row("stop due: accepted, and never followed"))
    slowest = latest = 0.0
    for _ in range(fault_tries):
        site = make_site(**QUIET)
        running(site)
        known = len(site.nodes.deliveries)
        site.nodes.manner = manners.accepts_only
        since = time.perf_counter()
        ask(site)
        block_until(lambda: len(site.nodes.deliveries) > known)  # noqa: B023 - used at once
        slowest = max(slowest, time.perf_counter() - since)
        site.nodes.manner = manners.proper
        block_until(lambda: not site.nodes.running(PUMP), timeout=2 * ACCEPTED_SECONDS)  # noqa: B023
        assert len({seen.id for seen in site.nodes.deliveries[known:]}) == 2
        latest = max(latest, time.perf_counter() - since)
        conclude(site, row, fault_messages)
    row.note = f"it was with the node within {slowest:.2f} s, and done after {latest:.0f} s, when it was asked again"
    assert slowest < PROMISED_SECONDS
    assert row.clean(), row
