"""The wall clock of the agent is set an hour ahead or back while it runs; nodes and broker keep the true time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.faultsteps import HASTY, SOME, TRAFFIC, begin, close, end, recover
from support.faulttable import Row
from support.stepped import spawn_stepped, step_clock

if TYPE_CHECKING:
    from support.site import Site

HOUR_SECONDS = 3600


@pytest.mark.parametrize("step", [HOUR_SECONDS, -HOUR_SECONDS])
def test_wall_clock_set(step, table, make_site, fault_tries, fault_messages):
    """Set while messages flow, and set right again a little later."""
    row = table.add(Row(f"clock: {step // HOUR_SECONDS:+d} h while it runs, and back"))
    for _ in range(fault_tries):
        site = make_site(spawn=spawn_stepped, **TRAFFIC)
        begin(site)
        quiet(site)
        before = len(site.nodes.deliveries)
        step_clock(site.agent.folder, step)
        site.flood.publish(fault_messages)
        site.flood.settle()
        site.until_stored()
        # The nodes keep step with the agent's steady count, so their readings are of now, whatever its wall clock says:
        # the pump follows them, with commands that the nodes take for timely.
        assert len(site.nodes.deliveries) > before
        assert site.nodes.delivered_late == 0
        assert not [each for each in site.agent.export("readings", "--node", "load") if each["flag"] == "suspect"]
        recover(site, row, lambda: step_clock(site.agent.folder, 0))  # noqa: B023 - used at once
        assert len(site.nodes.deliveries) > before
        stale = [each for each in site.agent.export("alarms") if each["threshold"] in ("stale", "offline")]
        assert not stale
        assert end(site, row) == 0
    close(row)


def quiet(site: Site) -> None:
    """Wait until no command is on its way."""
    block_until(lambda: all(command["closed_at"] for command in site.agent.export("commands")), 20)


@pytest.mark.parametrize("step", [HOUR_SECONDS, -HOUR_SECONDS])
def test_wall_clock_set_while_a_command_is_on_its_way(step, table, make_site, fault_tries):
    """Its node stays silent, the agent repeats it: its time is over when so much has passed, whatever the wall says."""
    row = table.add(Row(f"clock: {step // HOUR_SECONDS:+d} h while a command is on its way"))
    for _ in range(fault_tries):
        site = make_site(spawn=spawn_stepped, plant=HASTY, **TRAFFIC)
        begin(site)
        quiet(site)
        before = len(site.nodes.deliveries)
        site.nodes.misbehave("station:drop-acks")
        site.flood.publish(SOME // 3)
        block_until(lambda: len(site.nodes.deliveries) > before)  # noqa: B023 - used at once
        step_clock(site.agent.folder, step)
        quiet(site)
        site.nodes.behave()
        assert site.nodes.delivered_late == 0
        recover(site, row, lambda: step_clock(site.agent.folder, 0))  # noqa: B023 - used at once
        assert end(site, row) == 0
        assert site.nodes.delivered_late == 0
    close(row)
