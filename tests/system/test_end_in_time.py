"""SIGTERM ends the process in under ten seconds, whatever the disk does."""

from __future__ import annotations

from support.deadline import block_until
from support.processes import AgentProcess
from support.stuckstore import spawn_stuck

from edge_agent.mqtt.broker import free_port


def test_a_write_that_never_ends_does_not_keep_the_process(tmp_path):
    agent = AgentProcess(tmp_path / "agent", free_port(), spawn=spawn_stuck)
    try:
        agent.start(connected=False)
        block_until(lambda: "The store cannot be written" in agent.log, timeout=30)
        assert agent.terminate() == 1  # it waits for ten seconds at the most
        [line] = [line for line in agent.log.splitlines() if "the process ends" in line]
        assert "rows: 1" in line
    finally:
        agent.close()
