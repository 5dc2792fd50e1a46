from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from loguru import logger

from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.commands import Command, CommandEvent, CommandState
from edge_agent.model.plant import Sensor
from edge_agent.model.readings import DeadLetter, Reading
from edge_agent.model.time import MICROSECONDS, Moment
from edge_agent.model.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LEVEL = Sensor("tank1", "level", "level", "m")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def make_turn() -> Callable[..., Turn]:
    """Make a turn at a second, with so many readings, and one each of what else is stored where `rich`."""

    def make(second: int, readings: int = 1, *, rich: bool = False) -> Turn:
        at = second * MICROSECONDS
        turn = Turn(Moment(at, float(second)))
        turn.readings = [Reading(LEVEL, 1.5 + n / 8, at + n, at + n, n, 1) for n in range(readings)]
        if rich:
            command = Command(
                f"id-{second}", "riverside", "station", "pump1", "start", None, at, at + 1, 900.0, 1, second, None, "x"
            )
            turn.dead_letters = [DeadLetter("invalid_json", "t", b"\xff\x00", at)]
            turn.alarm_events = [AlarmEvent(AlarmKey("tank1", "level", "low"), AlarmEventKind.RAISED, at, 1.0, "", "x")]
            turn.commands = [command]
            turn.command_events = [CommandEvent(command.id, CommandState.EXPIRED, at, 0, "x")]
        return turn

    return make


@pytest.fixture
def said():
    """Collect what is logged from warnings up."""
    found = []
    handler = logger.add(lambda message: found.append(message.record["message"]), level="WARNING")
    yield found
    logger.remove(handler)
