"""The flat line test against its definition, computed by brute force."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.plants import Bench, plant, sensor

from edge_agent.model.quality import Flag
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.monitor.tests.spec import Seen


def by_definition(spec: FlatLine, series: list[tuple[float, float]]) -> Flag:
    """Flag the last reading of (seconds, value) by the longest suffix whose values lie within the tolerance."""
    start = len(series) - 1
    while start > 0:
        values = [value for _, value in series[start - 1 :]]
        if max(values) - min(values) > spec.tolerance:
            break
        start -= 1
    lasted = series[-1][0] - series[start][0]
    if spec.fail_seconds is not None and lasted >= spec.fail_seconds:
        return Flag.FAIL
    if spec.suspect_seconds is not None and lasted >= spec.suspect_seconds:
        return Flag.SUSPECT
    return Flag.GOOD


class Flatness:
    """What is carried from one reading to the next."""

    def __init__(self, spec: FlatLine) -> None:
        self.spec, self.run, self.last = spec, None, None

    def update(self, value: float, seconds: float) -> Flag:
        value_before, seconds_before = self.last or (None, None)
        seen = Seen(value, seconds, last=value_before, last_seconds=seconds_before)
        self.run, flag = self.spec.update(seen, self.run)
        self.last = (value, seconds)
        return flag


_limits = st.none() | st.integers(0, 12).map(float)
# Whole numbers and halves, so that sums and differences are exact and ties are frequent.
_steps = st.lists(st.tuples(st.integers(0, 5), st.integers(-4, 4)), max_size=60)


@settings(max_examples=400)
@given(st.builds(FlatLine, st.integers(0, 3).map(float), _limits, _limits), _steps)
@example(FlatLine(0.0, 3.0, 5.0), [(0, 5), (0, 0)])
@example(FlatLine(0.0, None, 5.0), [(0, 0), (0, 5), (0, 0), (5, 0)])
def test_it_is_the_longest_suffix_within_the_tolerance(spec, steps):
    run, series, seconds = Flatness(spec), [], 1000.0
    for step, value in steps:
        seconds += step
        series.append((seconds, float(value)))
        assert run.update(float(value), seconds) == by_definition(spec, series)


@settings(max_examples=200)
@given(st.floats(0, 1), st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_it_agrees_for_any_values(tolerance, values):
    spec = FlatLine(tolerance, 50.0, 100.0)
    run = Flatness(spec)
    series = [(10.0 * place, value) for place, value in enumerate(values)]
    for count in range(1, len(series) + 1):
        assert run.update(series[count - 1][1], series[count - 1][0]) == by_definition(spec, series[:count])


def test_a_frozen_sensor_becomes_suspect_then_fails_and_recovers():
    run = Flatness(FlatLine(0.001, 30.0, 60.0))
    flags = [run.update(3.0 + 0.0001 * (step % 3), 10.0 * step) for step in range(8)]
    assert flags == [Flag.GOOD] * 3 + [Flag.SUSPECT] * 3 + [Flag.FAIL] * 2
    assert run.update(3.1, 80.0) == Flag.GOOD


def test_a_slow_drift_is_no_flat_line():
    run = Flatness(FlatLine(0.01, 30.0, 60.0))
    assert {run.update(0.005 * step, 10.0 * step) for step in range(200)} == {Flag.GOOD}


@pytest.mark.parametrize("shape", [float, lambda n: -float(n), lambda _: 0.0, lambda n: float(n % 2)])
def test_it_keeps_no_more_than_its_window(shape):
    run = Flatness(FlatLine(1e9, 30.0, 60.0))
    for step in range(1000):
        run.update(shape(step), 10.0 * step)
    assert len(run.run._highs) + len(run.run._lows) <= 20


def test_a_value_that_never_changes_at_all_is_found_with_a_tolerance_of_nothing():
    level = sensor(interval_seconds=1.0, flat_line=FlatLine(tolerance=0.0, suspect_seconds=3.0, fail_seconds=5.0))
    bench = Bench(plant([level]))
    flags = [bench.level(2.0, 1).readings[0].flag for _ in range(7)]
    assert flags == [Flag.GOOD] * 3 + [Flag.SUSPECT] * 2 + [Flag.FAIL] * 2
    assert bench.level(2.001, 1).readings[0].flag == Flag.GOOD
