"""Whoever debugs sees at a glance how stateful parts stand."""

from __future__ import annotations

from support.plants import LOW, Bench, later, plant, reading, sensor, status

from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.monitor.tests.gross_range import GrossRange


def test_the_parts_of_the_monitor_and_the_analysis_show_their_state() -> None:
    tests = {"gross_range": GrossRange((0.0, 6.0)), "flat_line": FlatLine(0.1, 60.0)}
    bench = Bench(plant([sensor(**tests)], thresholds=[LOW]))
    bench.turn(reading(1.4, 0), status(online=False))
    bench.turn(reading(1.4, later(5)), after=5)
    channel = bench.knowledge.monitor.channels["tank1", "level"]
    analyzer = bench.knowledge.analyzer
    [point] = analyzer._points
    shown = [channel, channel._keys, channel._judge, channel._states, analyzer, analyzer.register, point]
    assert [
        repr(part) for part in [*shown, analyzer.conditions, analyzer.register._chatter, channel.sensor.quality]
    ] == [
        "Channel(tank1/level, heard, last 1.4)",
        "Keys(2 known, 0 ahead)",
        "Judge(gross_range, flat_line)",
        "{12: FlatLineRun(since 1.79534e+09 s)}",
        "Analyzer(Points(1 sensors, 1 limits), 2 active alarms)",
        "AlarmRegister(2 of 2 alarms active)",
        "Point(tank1/level, trusted, LimitAlarm(tank1/level:low, active))",
        "Conditions(none)",
        "Chatter(0 chattering, 2 raised lately)",
        f"Quality({tests['gross_range']!r}, {tests['flat_line']!r})",
    ]
