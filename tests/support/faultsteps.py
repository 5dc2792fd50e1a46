"""The steps that most rows of the fault suite have in common: begin, break under load, recover, count."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from support.deadline import block_until
from support.site import PLANT

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.faulttable import Row
    from support.site import Site

#: Levels often, so that there are commands in the air, and both topics have numbers before and after a fault.
TRAFFIC = {"rate": 2000, "level_every": 40}
#: No level of its own accord: it is moved by `ask`.
QUIET = {"rate": 1000, "level_every": 0}
#: So soon a command that is needed is with its node, whatever is wrong elsewhere.
PROMISED_SECONDS = 3.0
#: A plant with commands whose time is soon over.
HASTY = PLANT.replace("command_ttl_seconds = 10", "command_ttl_seconds = 2").replace(
    "ack_timeout_seconds = 2", "ack_timeout_seconds = 0.5"
)
#: What is published before and after a fault at least; there are levels among it.
SOME = 120
#: A gap is certain after two seconds, and waits for the next commit.
COUNTED_SECONDS = 20


def gaps(site: Site) -> int:
    """Tell how many messages the agent believes that it never got."""
    return int(site.agent.metric("edge_agent_gaps_total"))


def ask(site: Site) -> None:
    """Move the level over its other limit."""
    site.flood.settle()
    site.flood.level_every = 1
    site.flood.publish(1)
    site.flood.settle()
    site.flood.level_every = 0


def begin(site: Site, *arguments: str) -> None:
    """Let agent and broker know each other, and the agent where the numbers stand."""
    site.agent.start(*arguments)
    site.flood.publish(SOME)
    site.flood.settle()
    site.until_stored()


def break_under_load(site: Site, row: Row, fault: Callable[[], object], messages: int) -> None:
    """Break something in the middle of so many messages, and let them flow until new ones are stored."""
    before = site.flood.published
    site.flood.publish(messages)
    block_until(lambda: site.flood.published >= before + messages // 2, timeout=120)
    fault()
    recover(site, row)


def recover(site: Site, row: Row, heal: Callable[[], object] = lambda: None, timeout: float = 60.0) -> None:
    """End a fault, and measure until something published after it is stored."""
    since = time.perf_counter()
    heal()
    site.flood.hold()
    site.flood.settle(timeout)  # what was on its way may have been stored before the fault
    mark = site.flood.newest

    def recovered() -> bool:
        if site.flood.outstanding <= 0:
            site.flood.publish(SOME)
        return site.newest_stored > mark

    block_until(recovered, timeout=timeout)
    row.recovered(time.perf_counter() - since)
    site.flood.settle()


def end(site: Site, row: Row) -> int:
    """Let more arrive, hold the agent's count of gaps against the ledger, and end; tells what the broker lost."""
    site.flood.publish(SOME)
    site.flood.settle()
    site.until_stored()
    block_until(lambda: gaps(site) == len(site.measure().missing), COUNTED_SECONDS)
    counted = gaps(site)
    site.finish()
    measure = site.account(row)
    assert len(measure.missing) == counted, (site.folder, measure, counted)
    assert not measure.doubled, (site.folder, measure)
    assert site.nodes.executions, "no command was ever executed"
    return counted


def close(row: Row, lost: int = 0, how: str = "") -> None:
    """Nothing is lost beyond what the broker lost and the agent counted, and nothing else is wrong."""
    assert row.lost == lost, row
    assert row.duplicated == row.executed_twice == row.executed_late == 0, row
    if lost:
        row.note = f"{lost:,} were acknowledged and lost: {how}; `edge_agent_gaps_total` counted exactly as many"
