"""The agent stands still while the world goes on, and is asked to end in the middle of its work.

The short form stands still for a fraction of the time, with as small a keepalive: it is one and a half of it that
decides whether the broker still waits. The full form (`--fault-tries` above 1) has the real times.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.faultsteps import SOME, TRAFFIC, begin, close, end, recover
from support.faulttable import Row
from support.processes import spawn_with

if TYPE_CHECKING:
    from support.site import Site

KEEPALIVE_SECONDS = 15
#: The short form passes so many times as fast.
HASTE = 15


def stand_still(site: Site, seconds: float) -> None:
    """Stop the process of the agent, let the time pass, and let it go on; messages flow meanwhile."""
    ends = time.perf_counter() + seconds
    os.kill(site.agent.process.pid, signal.SIGSTOP)
    block_until(lambda: time.perf_counter() >= ends, timeout=2 * seconds)
    os.kill(site.agent.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("seconds", [5, 30])
def test_agent_stalled(seconds, table, make_site, fault_tries, fault_messages):
    """SIGSTOP, and SIGCONT after a while: within the patience of the broker, and beyond it."""
    row = table.add(Row(f"agent: stalled for {seconds} s, keepalive {KEEPALIVE_SECONDS}"))
    haste = HASTE if fault_tries == 1 else 1
    if haste > 1:
        row.note = f"short form: all times divided by {haste}"
    for _ in range(fault_tries):
        keepalive = spawn_with(EDGE_AGENT_MQTT__KEEPALIVE_SECONDS=str(KEEPALIVE_SECONDS // haste))
        site = make_site(spawn=keepalive, **TRAFFIC)
        begin(site)
        connections = site.broker.log.count("as edge-agent-")
        site.flood.publish(fault_messages)
        recover(site, row, lambda: stand_still(site, seconds / haste), 120)  # noqa: B023 - used at once
        given_up = site.broker.log.count("as edge-agent-") - connections
        assert given_up == (seconds > 1.5 * KEEPALIVE_SECONDS)
        assert end(site, row) == 0
    close(row)


def test_agent_ended_under_load(table, make_site, fault_tries, fault_messages):
    """SIGTERM while messages flow: exit 0 within ten seconds, and the next run goes on where this one ended."""
    row, slowest = table.add(Row("agent: SIGTERM under load")), 0.0
    for _ in range(fault_tries):
        site = make_site(**TRAFFIC)
        begin(site)
        before = site.flood.published
        site.flood.publish(fault_messages)
        block_until(lambda: site.flood.published >= before + fault_messages // 2, timeout=60)  # noqa: B023 - used at once
        asked = time.perf_counter()
        assert site.agent.terminate() == 0
        slowest = max(slowest, time.perf_counter() - asked)
        recover(site, row, site.agent.start)
        site.flood.publish(SOME)
        assert end(site, row) == 0
    close(row)
    row.note = f"it took {slowest:.2f} s to end at the most"
    assert slowest < 10
