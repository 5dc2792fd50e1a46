"""The agent is killed, again and again."""

from __future__ import annotations

import time

from support.deadline import block_until
from support.faulttable import Row


def test_agent_killed_in_a_process_of_its_own(table, make_site, chance, fault_tries, fault_messages):
    """kill -9 of `edge-agent run` at a random moment under load, and a new start."""
    row = table.add(Row("agent: kill -9, a new interpreter each time"))
    for _ in range(fault_tries):
        site = make_site(bare_every=10, level_every=50)
        site.agent.start()
        site.flood.publish(fault_messages)
        at = chance.randrange(fault_messages)
        block_until(lambda: site.flood.published >= at)  # noqa: B023 - used at once
        site.agent.kill()
        restarted = time.perf_counter()
        site.agent.start()
        site.flood.publish(fault_messages)
        row.recovered(site.recovery(restarted))
        site.finish()
        measure = site.account(row)
        assert measure.clean, (site.folder, measure)
        assert site.nodes.executions
    assert row.clean(), row
