"""The sentences of alarms, as people read them in the journal, in a command and in an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.figures import apart, figure
from edge_agent.model.quality import flag_name
from edge_agent.model.titles import title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.analyze.limit import LimitAlarm
    from edge_agent.model.plant import Sensor
    from edge_agent.model.readings import Reading


def beyond(sensor: Sensor, limit: LimitAlarm) -> str:
    """Say that a limit was passed: `tank1/level (1.42 m) has been below low (1.50 m) for 10 s`."""
    threshold = limit.threshold
    measured, bound = _compared(sensor, limit)
    delay = threshold.on_delay_seconds
    if delay:
        return f"{measured} has been {threshold.side} {bound} for {delay:g} s"
    return f"{measured} is {threshold.side} {bound}"


def back(sensor: Sensor, limit: LimitAlarm) -> str:
    """Say that a value is within its limit again: `tank1/level (1.72 m) has recovered from low (1.50 m)`."""
    measured, bound = _compared(sensor, limit)
    return f"{measured} has recovered from {bound}"


def _compared(sensor: Sensor, limit: LimitAlarm) -> tuple[str, str]:
    measured, bound = apart(limit.figure, limit.threshold.limit)
    unit = limit.measure.unit(sensor.unit)
    return f"{limit.measure.subject(title(sensor))} ({measured} {unit})", f"{limit.name} ({bound} {unit})"


def bad(reading: Reading, tests: Mapping[str, str]) -> str:
    """Say which tests a reading did not pass: `tank1/level (9.00 m) failed the gross range test`."""
    failed = [test for test, flag in tests.items() if flag == "fail"]
    doubted = [test for test, flag in tests.items() if flag == "suspect"]
    measured = f"{title(reading.sensor)} ({figure(reading.value)} {reading.sensor.unit})"
    if failed:
        return f"{measured} failed the {_tests(failed)}"
    if doubted:
        return f"{measured} is suspect by the {_tests(doubted)}"
    return f"{measured} has the flag {flag_name(reading.flag)}"


def silent(sensor: Sensor) -> str:
    """Say that a sensor is not heard: `tank1/level has not been heard for 30 s`."""
    if sensor.derived is not None:
        return f"{title(sensor)} is not computed: something in {sensor.derived.expression} is missing"
    return f"{title(sensor)} has not been heard for {sensor.late_seconds:g} s"


def _tests(names: list[str]) -> str:
    """Name tests as people do: `gross range test`, `gross range and spike tests`."""
    *others, last = (name.replace("_", " ") for name in names)
    return f"{', '.join(others)} and {last} tests" if others else f"{last} test"
