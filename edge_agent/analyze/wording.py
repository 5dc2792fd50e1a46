"""The sentences of alarms, as people read them in the journal, in a command and in an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.figures import apart, figure
from edge_agent.model.quality import flag_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.plant import Sensor, Threshold
    from edge_agent.model.readings import Reading


def beyond(sensor: Sensor, threshold: Threshold, value: float) -> str:
    """Say that a limit was passed: `tank1/level 1.42 m is below low 1.50 m since 10 s`."""
    side = "above" if threshold.name.startswith("high") else "below"
    is_at, limit = apart(value, threshold.limit)
    sentence = f"{sensor.name} {is_at} {sensor.unit} is {side} {threshold.name} {limit} {sensor.unit}"
    delay = threshold.on_delay_seconds
    return f"{sentence} since {delay:g} s" if delay else sentence


def back(sensor: Sensor, threshold: Threshold, value: float) -> str:
    """Say that a value is back within its limit."""
    is_at, limit = apart(value, threshold.limit)
    return f"{sensor.name} {is_at} {sensor.unit} is back from {threshold.name} {limit} {sensor.unit}"


def bad(reading: Reading, tests: Mapping[str, str]) -> str:
    """Say that a reading cannot be trusted, and by which tests: `tank1/level 9.00 m is fail by gross_range`."""
    failed = [test for test, flag in tests.items() if flag == "fail"]
    failed = failed or [test for test, flag in tests.items() if flag == "suspect"]
    cause = ", ".join(failed) or "no test it could pass"
    value = f"{figure(reading.value)} {reading.sensor.unit}"
    return f"{reading.sensor.name} {value} is {flag_name(reading.flag)} by {cause}"
