"""Rubbish as fast as it can come while the store is small: it gives way, and no good reading does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from support.deadline import block_until, rarely
from support.faulttable import Row
from support.rubbish import Rubbish

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.site import Site

RATE, GOOD_RATE = 20_000, 100
MOST_MB = 16
#: A twentieth above what the settings allow.
MOST_BYTES = MOST_MB * 1_000_000 * 1.05
SMALL = f"[store]\nmax_mb = {MOST_MB}\n"


def watch(site: Site, sizes: list[int], until: Callable[[], object]) -> None:
    """Look at the size of the store's file until something holds."""

    def holds() -> object:
        sizes.append(site.store.stat().st_size)
        return until()

    block_until(holds, timeout=600)


def test_rubbish_at_twenty_thousand_a_second(table, make_site, rubbish_seconds, progress):
    row = table.add(Row(f"rubbish: {RATE:,} messages a second for {rubbish_seconds} s, store of {MOST_MB} MB"))
    site = make_site(settings=SMALL, rate=GOOD_RATE, level_every=50)
    site.agent.start()
    site.flood.publish(GOOD_RATE * rubbish_seconds)
    sizes = [0]
    with Rubbish(site.broker.port, RATE, rubbish_seconds) as rubbish:
        watch(site, sizes, lambda: not rubbish.flows)
    ended = time.perf_counter()
    site.flood.publish(GOOD_RATE)
    site.flood.settle(600)
    watch(site, sizes, rarely(lambda: site.newest_stored >= site.flood.newest))
    row.recovered(time.perf_counter() - ended)
    largest = max(sizes)
    counted = site.agent.metric("edge_agent_store_dropped_dead_letters_total")
    site.finish()
    measure = site.account(row)
    row.note = (
        f"{rubbish.sent:,} came, {counted:,.0f} dead letters gave way, the file had {largest / 1e6:.2f} MB at most"
    )
    progress(row.note)
    assert rubbish.sent > RATE * rubbish_seconds / 2, "the machine is too busy to make so much"
    assert counted > 0
    assert measure.clean, (site.folder, measure)
    assert largest <= MOST_BYTES
    assert site.nodes.executions
    assert row.clean(), row
