"""Turns and snapshots to count and to draw."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from edge_agent.demo.facts import DemoFacts
from edge_agent.demo.gauge import Span
from edge_agent.demo.tally import Tally
from edge_agent.demo.view import Picture
from edge_agent.demo.yardstick import by_sensor
from edge_agent.model.alarms import Alarm, AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.commands import Command, CommandEvent, CommandState
from edge_agent.model.plant import Sensor, Threshold
from edge_agent.model.quality import Flag
from edge_agent.model.readings import Reading
from edge_agent.model.remembered import ActuatorView, NodeView, SensorView, Snapshot
from edge_agent.model.time import MICROSECONDS, Moment, parse_rfc3339
from edge_agent.model.turn import Turn

if TYPE_CHECKING:
    from rich.console import RenderableType

START = parse_rfc3339("2026-11-22T00:00:00Z")
LEVEL = Sensor("tank1", "level", "level", "m", interval_seconds=10)
THRESHOLDS = tuple(
    Threshold("tank1", "level", name, limit)  # type: ignore[arg-type]
    for name, limit in (("low_low", 1.8), ("low", 2.5), ("high", 3.6), ("high_high", 4.4))
)
REASON = "tank1/level (2.42 m) has been below low (2.50 m) for 10 s"


class Makers:
    """Makes what a turn may hold, at so many seconds after the start."""

    start = START

    @staticmethod
    def at(seconds: float) -> int:
        return START + round(seconds * MICROSECONDS)

    def turn(self, seconds: float = 0.0, **parts: list) -> Turn:
        return Turn(Moment(self.at(seconds), seconds), **parts)

    def reading(self, value: float, seconds: float = 0.0, flag: Flag = Flag.GOOD, *, settled: bool = True) -> Reading:
        return Reading(LEVEL, value, self.at(seconds), self.at(seconds), None, flag, settled=settled)

    def event(self, kind: str, seconds: float = 0.0, threshold: str = "low", reason: str = REASON) -> AlarmEvent:
        key = AlarmKey("tank1", "level", threshold)
        return AlarmEvent(key, AlarmEventKind(kind), self.at(seconds), 2.42, "agent", reason)

    def alarm(self, threshold: str = "low", priority: str = "medium", *, active: bool = True) -> Alarm:
        key = AlarmKey("tank1", "level", threshold)
        return Alarm(key, priority, active, False, self.at(60), REASON, 2.42, 2.5, "m")  # type: ignore[arg-type]

    def command(self, counter: int = 1, seconds: float = 0.0, action: str = "start") -> Command:
        issued, expires = self.at(seconds), self.at(seconds + 30)
        identity = (f"id-{counter}", "riverside", "station", "pump1", action, None, issued, expires)
        return Command(*identity, 900.0, 7, counter, "fill_tank1", REASON)

    def step(self, counter: int, state: str, seconds: float = 0.0, detail: str = "") -> CommandEvent:
        return CommandEvent(f"id-{counter}", CommandState(state), self.at(seconds), 1, detail)

    def snapshot(self, *, alarms: tuple[Alarm, ...] = (), sensors: int = 7, level: float | None = 2.42) -> Snapshot:
        flag = Flag.MISSING if level is None else Flag.GOOD
        views = [SensorView("tank1", "level", "level", "m", level, flag, self.at(60), 1.0)]
        views += [
            SensorView("station", f"flow{number}", "flow", "m3/h", 50.2, Flag.SUSPECT, self.at(60), 1.0)
            for number in range(sensors)
        ]
        return Snapshot(
            "riverside",
            "gateway-1",
            "auto",
            7,
            self.at(90_061),
            tuple(views),
            (
                ActuatorView("station", "pump1", "pump", "running", 0.8, "start", None, "fill_tank1", "accepted"),
                ActuatorView("station", "pump2", "pump", None, None, None, None, None, None),
            ),
            (NodeView("tank1", online=True, breaker="closed"),),
            alarms,
        )

    def facts(self) -> DemoFacts:
        return DemoFacts(
            "Riverside: pump station and water tower",
            60.0,
            "mosquitto :41883",
            "http://127.0.0.1:9108/metrics",
            START,
            by_sensor(THRESHOLDS),
            {"tank1/level": Span(0.2, 4.8)},
        )

    def picture(self, tally: Tally | None = None, **of_snapshot: object) -> Picture:
        snapshot = self.snapshot(**of_snapshot)  # type: ignore[arg-type]
        return Picture(snapshot, tally or Tally(), self.facts(), {"station/pump1": 3, "station/pump2": 1})

    @staticmethod
    def text(drawn: RenderableType, width: int = 80) -> list[str]:
        """Draw on a terminal without colours; gives its lines."""
        console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True, color_system=None)
        console.print(drawn)
        return console.export_text().splitlines()


@pytest.fixture
def make() -> Makers:
    return Makers()


@pytest.fixture
def thresholds() -> tuple[Threshold, ...]:
    return THRESHOLDS
