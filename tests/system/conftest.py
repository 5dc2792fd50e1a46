"""The agent's process beside a real Mosquitto."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from support.ledger import LedgerPublisher
from support.processes import AgentProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.brokers import Mosquitto


@pytest.fixture
def agent(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[AgentProcess]:
    """An installation whose agent is not running yet."""
    process = AgentProcess(tmp_path / "agent", mosquitto.port)
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def publisher(mosquitto: Mosquitto) -> Iterator[LedgerPublisher]:
    """A publisher with a ledger."""
    ledger = LedgerPublisher(mosquitto.port)
    try:
        yield ledger
    finally:
        ledger.close()


@pytest.fixture
def station(mosquitto: Mosquitto) -> Iterator[paho.Client]:
    """A client that keeps the commands to the pump in `commands`, does none, and publishes what a test wants."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "station")
    client.commands = []
    client.on_message = lambda _client, _userdata, message: client.commands.append(json.loads(message.payload))
    client.connect("127.0.0.1", mosquitto.port)
    client.subscribe("water/riverside/station/command/pump1", qos=1)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()
