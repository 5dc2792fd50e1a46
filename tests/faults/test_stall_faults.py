"""The agent stands still while the world goes on.

The short form stands still for a fraction of the time, with as small a keepalive: one and a half of it is what the
broker waits. The full form (`--fault-tries` above 1) has the real times.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.faultsteps import TRAFFIC, begin, close, end, recover
from support.faulttable import Row
from support.processes import spawn_with

if TYPE_CHECKING:
    from support.site import Site

KEEPALIVE_SECONDS = 15
#: The short form passes so many times as fast.
HASTE = 15


def given_up(site: Site) -> bool:
    """Whether the broker has closed a connection for its silence. It looks every five seconds only."""
    return "exceeded timeout" in site.broker.log


def stand_still(site: Site, seconds: float, *, beyond: bool) -> None:
    """Stop the process of the agent for a time, and `beyond` until the broker has had enough; messages flow on."""
    ends = time.perf_counter() + seconds
    os.kill(site.agent.process.pid, signal.SIGSTOP)
    try:
        block_until(lambda: time.perf_counter() >= ends, timeout=2 * seconds)
        if beyond:
            block_until(lambda: given_up(site))
    finally:
        os.kill(site.agent.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("seconds", [5, 30])
def test_agent_stalled(seconds, table, make_site, fault_tries, fault_messages):
    """SIGSTOP, and SIGCONT after a while: within the patience of the broker, and beyond it."""
    row = table.add(Row(f"agent: stalled for {seconds} s, keepalive {KEEPALIVE_SECONDS}"))
    haste = HASTE if fault_tries == 1 else 1
    if haste > 1:
        row.note = f"short form: all times divided by {haste}"
    keepalive = KEEPALIVE_SECONDS / haste
    for _ in range(fault_tries):
        site = make_site(spawn=spawn_with(EDGE_AGENT_MQTT__KEEPALIVE_SECONDS=f"{keepalive:.0f}"), **TRAFFIC)
        begin(site)
        site.flood.publish(fault_messages)
        beyond = seconds / haste > 1.5 * keepalive
        stand_still(site, seconds / haste, beyond=beyond)
        recover(site, row)
        assert given_up(site) == beyond
        assert end(site, row) == 0
    close(row)
