"""Messages come twice, in another order, too late, or never: stored once each, counted exactly, moving nothing late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.deadline import block_until
from support.faultsteps import SOME, TRAFFIC, begin, close, end, gaps, recover
from support.faulttable import Row
from support.ledgerflood import LEVEL
from support.unrulyflood import UnrulyFlood

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from support.site import Site

#: A message is overtaken by those of one window at the most, fewer than the agent puts into order.
WINDOW = 100


def unruly(make_site: Callable[..., Site], chance: random.Random) -> tuple[Site, UnrulyFlood]:
    """Make a site whose flood can misbehave; it does not yet."""
    site = make_site()
    site.flood.close()
    site.flood = flood = UnrulyFlood(site.broker.port, chance, window=WINDOW, **TRAFFIC)
    begin(site)
    return site, flood


def duplicates(site: Site) -> int:
    return int(site.agent.metric("edge_agent_duplicates_total"))


def test_messages_doubled(table, make_site, chance, fault_tries, fault_messages):
    """One in five is sent twice, half of them marked as repeated; before or after others."""
    row, doubled = table.add(Row("messages: doubled")), 0
    for _ in range(fault_tries):
        site, flood = unruly(make_site, chance)
        flood.twice = 0.2
        flood.publish(fault_messages)
        flood.settle()
        flood.twice = 0.0
        recover(site, row)
        block_until(lambda: duplicates(site) == flood.doubled)  # noqa: B023 - used at once
        assert flood.doubled > fault_messages / 10
        doubled += flood.doubled
        assert end(site, row) == 0
    close(row)
    row.note = f"{doubled:,} came twice, and `edge_agent_duplicates_total` counted exactly as many"


def test_messages_out_of_order(table, make_site, chance, fault_tries, fault_messages):
    """A third of the messages changes places with others."""
    row, moved = table.add(Row("messages: out of order")), 0
    for _ in range(fault_tries):
        site, flood = unruly(make_site, chance)
        flood.shuffled = 0.3
        flood.publish(fault_messages)
        flood.settle()
        flood.shuffled = 0.0
        recover(site, row)
        assert flood.moved > fault_messages / 20
        moved += flood.moved
        assert end(site, row) == 0
    close(row)
    row.note = f"{moved:,} changed places"


def test_messages_that_never_came(table, make_site, chance, fault_tries, fault_messages):
    """Numbers are left out, among others that come doubled and out of order: the gaps are exactly those."""
    row, left_out = table.add(Row("messages: left out, doubled and out of order")), 0
    for _ in range(fault_tries):
        site, flood = unruly(make_site, chance)
        flood.skipped, flood.twice, flood.shuffled = 0.05, 0.1, 0.2
        flood.publish(fault_messages)
        flood.settle()
        flood.skipped = flood.twice = flood.shuffled = 0.0
        recover(site, row)
        site.flood.publish(SOME)
        site.flood.settle()
        block_until(lambda: gaps(site) == flood.left_out, 20)  # noqa: B023 - used at once
        assert flood.left_out > fault_messages / 100
        left_out += flood.left_out
        site.finish()
        assert site.account(row).clean
    close(row)
    row.note = f"{left_out:,} were never sent, and `edge_agent_gaps_total` counted exactly as many"


def test_messages_late(table, make_site, chance, fault_tries, fault_messages):
    """Levels that would move the pump are a minute old when they come: they are stored, and move nothing."""
    row, late = table.add(Row("messages: late")), 0
    for _ in range(fault_tries):
        site = make_site()
        site.flood.close()
        site.flood = flood = UnrulyFlood(site.broker.port, chance, **TRAFFIC)
        flood.late_seconds = 60.0
        begin(site)
        flood.publish(fault_messages)
        flood.settle()
        site.until_stored()
        assert not site.nodes.deliveries
        assert not site.agent.export("alarms")
        late += len(flood.acknowledged[LEVEL])
        flood.late_seconds = 0.0
        recover(site, row)
        assert end(site, row) == 0
    close(row)
    row.note = f"{late:,} levels beyond their limits came a minute late: no alarm, no command"
