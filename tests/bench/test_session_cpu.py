"""CPU per message of receiving only: our session beside aiomqtt as it ships, in one run.

QoS 1, one reading a message, a flood that does not limit. Both acknowledge every message and do nothing else with it:
our session as the agent does, in groups, from the inbox.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median

import pytest
from support.brokers import Mosquitto
from support.flood import Flood

MESSAGES = 100_000
RUNS = 5

AS_SHIPPED = """
import aiomqtt
async def receive(port, count):
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("water/#", qos=1)
        begin()
        async for message in client.messages:
            count -= 1
            if not count:
                return
"""

SESSION = """
from time import monotonic
from edge_agent.mqtt.connection import ConnectionSettings, Will
from edge_agent.mqtt.session import Session
from edge_agent.mqtt.topics import Topics
from edge_agent.runtime.inbox import BoundedInbox
async def receive(port, count):
    topics, inbox = Topics("water", "riverside", "gateway-1"), BoundedInbox(1000, monotonic)
    session = inbox.inlet = Session(
        ConnectionSettings("127.0.0.1", port, "gateway-1", session_expiry_seconds=0),
        subscriptions=topics.subscriptions(),
        will=Will(topics.agent_status(), b"offline"),
        on_messages=inbox.extend,
        parse=topics.parse,
        on_connected=lambda _: begin(),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(session.run())
        while count > 0:
            taken, _ = await inbox.take(60)
            session.acknowledge([message.receipt for message in taken.messages])
            count -= len(taken.messages)
        session.close()
"""

MEASURE = """
import asyncio, json, sys, time
def begin():
    global before, cpu
    print("ready", flush=True)
    before, cpu = time.monotonic(), time.process_time()
port, count = int(sys.argv[1]), int(sys.argv[2])
asyncio.run(receive(port, count))
print(json.dumps([(time.process_time() - cpu) / count * 1e6, count / (time.monotonic() - before)]))
"""


@pytest.fixture
def broker(tmp_path):
    """Mosquitto as the project sets it up, that writes nothing to disk meanwhile: only the receiver is looked at."""
    started = Mosquitto(tmp_path, "persistence false\n")
    started.start()
    yield started
    started.kill()


def receive(program: str, port: int) -> tuple[float, float]:
    """Run a receiver under a flood: its CPU per message in µs, and the messages a second."""
    measured = subprocess.Popen(
        [sys.executable, "-c", program + MEASURE, str(port), str(MESSAGES)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert measured.stdout is not None
        with Flood(port, count=MESSAGES) as flood:
            assert measured.stdout.readline() == "ready\n"
            flood.go()
            cpu, rate = json.loads(measured.stdout.readline())
    finally:
        measured.kill()
        measured.communicate()
    return cpu, rate


def test_session_receiving_only_beside_aiomqtt_as_it_ships(broker):
    rows = {
        name: [receive(program, broker.port) for _ in range(RUNS)]
        for name, program in {"aiomqtt as it ships": AS_SHIPPED, "session": SESSION}.items()
    }
    print(f"\n{'receiving only, CPU per QoS 1 message':<40}{'min':>8}{'median':>8}{'max':>8}  µs {'messages/s':>12}")
    for name, figures in rows.items():
        cpu, rates = zip(*figures, strict=True)
        print(f"{name:<40}{min(cpu):>8.1f}{median(cpu):>8.1f}{max(cpu):>8.1f}     {median(rates):>12,.0f}")
    shipped, ours = (median(cpu for cpu, _ in figures) for figures in rows.values())
    print(f"session by aiomqtt as it ships: {ours / shipped:.3f}")
