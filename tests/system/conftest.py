"""The agent's process beside a real Mosquitto."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
