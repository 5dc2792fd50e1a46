from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edge_agent.demo.plain import PlainLines
from edge_agent.demo.tally import Tally

if TYPE_CHECKING:
    from conftest import Makers

    from edge_agent.model.turn import Turn

REASON = "tank1/level (2.42 m) has been below low (2.50 m) for 10 s"


class Listener:
    """Plain lines behind their tally, as the demo wires them."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.tally = Tally()
        self.lines = PlainLines(self.said.append, self.tally)

    def turn(self, turn: Turn) -> None:
        self.tally.turn(turn)
        self.lines.turn(turn)


@pytest.fixture
def listener() -> Listener:
    return Listener()


def test_an_alarm_is_a_line_with_plant_time_priority_and_reason(make: Makers, listener: Listener) -> None:
    listener.turn(make.turn(125, alarm_events=[make.event("raised", 125)], alarms=[make.alarm()]))
    listener.turn(make.turn(300, alarm_events=[make.event("cleared", 300, reason="it is back")], alarms=[make.alarm()]))
    assert listener.said == [
        f"00:02:05  alarm raised        tank1/level:low (medium): {REASON}",
        "00:05:00  alarm cleared       tank1/level:low: it is back",
    ]


def test_each_step_of_a_command_is_a_line(make: Makers, listener: Listener) -> None:
    listener.turn(make.turn(10, commands=[make.command(4, 10)]))
    steps = [make.step(4, "published", 10, "attempt 1"), make.step(4, "accepted", 11), make.step(4, "done", 12)]
    listener.turn(make.turn(12, command_events=steps))
    what = "#4 station/pump1 start (fill_tank1)"
    assert listener.said == [
        f"00:00:10  command decided     {what}: {REASON}",
        f"00:00:10  command published   {what}: attempt 1",
        f"00:00:11  command accepted    {what}",
        f"00:00:12  command done        {what}",
    ]


def test_a_turn_of_readings_says_nothing(make: Makers, listener: Listener) -> None:
    listener.turn(make.turn(10, readings=[make.reading(2.5)]))
    assert not listener.said


def test_a_status_line_tells_levels_flows_pumps_and_active_alarms(make: Makers, listener: Listener) -> None:
    listener.lines.status(make.snapshot(alarms=(make.alarm(), make.alarm("high", active=False)), sensors=1))
    (line,) = listener.said
    time, kind, text = line.split(maxsplit=2)
    assert (time, kind) == ("01:01:01", "status")
    assert text.split(", ") == [
        "tank1/level 2.42 m",
        "station/flow0 50.20 m3/h suspect",
        "station/pump1 running",
        "station/pump2 unknown",
        "active alarms 1",
    ]


def test_a_status_line_says_what_is_missing(make: Makers, listener: Listener) -> None:
    listener.lines.status(make.snapshot(level=None, sensors=0))
    assert "tank1/level missing" in listener.said[0]


def test_what_a_node_says_commands_no_terminal(make: Makers, listener: Listener) -> None:
    listener.turn(make.turn(10, commands=[make.command(4, 10)]))
    listener.turn(make.turn(11, command_events=[make.step(4, "rejected", 11, "[/x]\x1b[2J\x9b\u202e\r")]))
    snapshot = make.snapshot()
    pump = snapshot.actuators[0]._replace(state="[/x]\x1b[2J")
    listener.lines.status(replace(snapshot, actuators=(pump,)))
    assert listener.said[-2].endswith(r": [/x]\x1b[2J\x9b\u202e\r")
    assert r"station/pump1 [/x]\x1b[2J" in listener.said[-1]
