"""Fixtures that every kind of test may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.brokers import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto with the project's settings, on a free port, its data kept over restarts."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time ask for more."""
    parser.addoption("--kills", type=int, default=3, help="how often the agent is killed under load")


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often to kill."""
    return int(request.config.getoption("--kills"))
