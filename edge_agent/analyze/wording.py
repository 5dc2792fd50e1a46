"""The sentences of alarms, as people read them in the journal, in a command and in an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.figures import apart, figure
from edge_agent.model.quality import flag_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.analyze.limit import LimitAlarm
    from edge_agent.model.plant import Sensor
    from edge_agent.model.readings import Reading


def beyond(sensor: Sensor, limit: LimitAlarm) -> str:
    """Say that a limit was passed: `tank1/level 1.42 m is below low 1.50 m since 10 s`."""
    threshold = limit.threshold
    side = "above" if threshold.name.startswith("high") else "below"
    sentence = _compared(sensor, limit, f"is {side}")
    delay = threshold.on_delay_seconds
    return f"{sentence} since {delay:g} s" if delay else sentence


def back(sensor: Sensor, limit: LimitAlarm) -> str:
    """Say that a value is back within its limit."""
    return _compared(sensor, limit, "is back from")


def _compared(sensor: Sensor, limit: LimitAlarm, verb: str) -> str:
    is_at, beside = apart(limit.figure, limit.threshold.limit)
    unit = limit.measure.unit(sensor.unit)
    return f"{limit.measure.subject(sensor.name)} {is_at} {unit} {verb} {limit.name} {beside} {unit}"


def bad(reading: Reading, tests: Mapping[str, str]) -> str:
    """Say that a reading cannot be trusted, and by which tests: `tank1/level 9.00 m is fail by gross_range`."""
    failed = [test for test, flag in tests.items() if flag == "fail"]
    failed = failed or [test for test, flag in tests.items() if flag == "suspect"]
    cause = ", ".join(failed) or "no test it could pass"
    value = f"{figure(reading.value)} {reading.sensor.unit}"
    return f"{reading.sensor.name} {value} is {flag_name(reading.flag)} by {cause}"
