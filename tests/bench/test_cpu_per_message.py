"""CPU time of the whole agent per message: QoS 1, five tests, four thresholds, store with FULL, metrics on.

Ratios in one run on one machine count, not the figures. The floor is a client that only receives, as aiomqtt ships.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
from support.deadline import block_until
from support.ledger import LedgerPublisher
from support.processes import AgentProcess

MESSAGES = 20_000
RUNS = 5

PLANT = """
[site]
id = "riverside"
[nodes.load.sensors.s0]
quantity = "pressure"
unit = "bar"
interval_seconds = 1
[nodes.load.sensors.s0.quality]
gross_range = { fail = [0.0, 16.0], suspect = [0.5, 12.0] }
rate_of_change = { suspect = 1e9, fail = 2e9 }
spike = { suspect = 3.0, fail = 6.0 }
flat_line = { tolerance = 0.001, suspect_seconds = 1800, fail_seconds = 3600 }
freshness = { suspect_seconds = 300, fail_seconds = 600 }
[nodes.load.sensors.s0.thresholds]
high_high = { limit = 12.0 }
high = { limit = 10.0, deadband = 0.2 }
low = { limit = 1.0, deadband = 0.2 }
low_low = { limit = 0.5 }
"""

RECEIVER = """
import asyncio, sys, aiomqtt
async def main():
    async with aiomqtt.Client("127.0.0.1", int(sys.argv[1])) as client:
        await client.subscribe("water/#", qos=1)
        print("ready", flush=True)
        async for message in client.messages:
            pass
asyncio.run(main())
"""


def cpu_seconds(pid: int) -> float:
    """User plus system time of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def table():
    rows: list[tuple[str, list[float]]] = []
    yield rows
    print(f"\n{'CPU per QoS 1 message':<44}{'min':>8}{'median':>8}{'max':>8}  µs")
    for name, figures in rows:
        print(f"{name:<44}{min(figures):>8.1f}{median(figures):>8.1f}{max(figures):>8.1f}")


def test_whole_agent(tmp_path, mosquitto, table):
    agent = AgentProcess(tmp_path / "agent", mosquitto.port, plant=PLANT)
    agent.start()
    figures = []
    try:
        publisher = LedgerPublisher(mosquitto.port)
        for run in range(RUNS):
            before = cpu_seconds(agent.process.pid)
            publisher.publish(MESSAGES, first=run * MESSAGES)
            publisher.settle()
            done = (run + 1) * MESSAGES
            block_until(lambda done=done: agent.metric('edge_agent_messages_total{kind="telemetry"}') >= done, 60)
            figures.append((cpu_seconds(agent.process.pid) - before) / MESSAGES * 1e6)
        publisher.close()
        agent.terminate()
        assert len(agent.export("readings")) == RUNS * MESSAGES
    finally:
        agent.close()
    table.append(("whole agent, one reading a message", figures))


def test_aiomqtt_as_it_ships_receiving_only(mosquitto, table):
    receiver = subprocess.Popen([sys.executable, "-c", RECEIVER, str(mosquitto.port)], stdout=subprocess.PIPE)
    try:
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == b"ready\n"
        figures = []
        publisher = LedgerPublisher(mosquitto.port)
        for run in range(RUNS):
            before = cpu_seconds(receiver.pid)
            publisher.publish(MESSAGES, first=run * MESSAGES)
            publisher.settle()
            figures.append((cpu_seconds(receiver.pid) - before) / MESSAGES * 1e6)
        publisher.close()
    finally:
        receiver.kill()
        receiver.communicate()
    table.append(("aiomqtt as it ships, receiving only", figures))
