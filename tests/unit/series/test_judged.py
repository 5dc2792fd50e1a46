"""A recorded series is flagged as the running agent would have flagged it."""

from __future__ import annotations

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.inbox import Kind, Message, Route
from edge_agent.model.plant import Node, Plant, Sensor
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import MICROSECONDS, Moment, rfc3339
from edge_agent.monitor.monitoring import Monitor
from edge_agent.monitor.tests.registry import quality
from edge_agent.series.judged import judge_rows
from edge_agent.series.table import Row

START = 1_772_344_800 * MICROSECONDS
TESTS = quality(
    gross_range={"fail": (0.0, 6.0), "suspect": (0.2, 5.8)},
    rate_of_change={"suspect": 0.02, "fail": 0.05},
    spike={"suspect": 0.3, "fail": 0.8},
    flat_line={"tolerance": 0.001, "suspect_seconds": 60, "fail_seconds": 120},
)
SENSOR = Sensor("tank1", "level", "level", "m", 10.0, TESTS)


def rows_of(values):
    return [Row(number + 2, START + 10 * MICROSECONDS * number, value) for number, value in enumerate(values)]


def flags(values):
    return [point.flag.name.lower() for point in judge_rows(SENSOR, rows_of(values)).points]


def test_every_row_has_its_flag_in_its_place():
    found = flags([3.0, 3.01, 9.0, 3.02, nan, 3.03, 3.04])
    assert found == ["good", "fail", "fail", "fail", "missing", "good", "not_evaluated"]


def test_a_frozen_series_is_suspect_and_then_fails():
    found = flags([3.0] * 20 + [3.1])
    assert found[:6] == ["good"] * 6
    assert (found[7], found[-2]) == ("suspect", "fail")


def test_what_cannot_be_read_is_missing_and_told():
    row = Row(7, None, None, "'soon' is no time")
    series = judge_rows(SENSOR, [*rows_of([3.0, 3.0]), row])
    assert series.points[-1].flag.name == "MISSING"
    assert (series.unread, series.problems) == (1, [(7, "'soon' is no time")])


def test_a_repeated_row_counts_once():
    series = judge_rows(SENSOR, [*rows_of([3.0]), *rows_of([3.0])])
    assert (len(series.points), series.repeated) == (1, 1)


def test_counts_are_by_test():
    counts = judge_rows(SENSOR, rows_of([3.0, 3.01, 9.0, 3.02, 3.03])).counts()
    assert counts["gross_range"] == {"good": 4, "fail": 1}
    assert sum(counts["all tests"].values()) == 5


@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([3.0, 3.1, 3.001, 5.9, 9.0, -1.0])), min_size=1, max_size=60)
)
def test_the_running_agent_flags_the_same(steps):
    plant = Plant("riverside", {"tank1": Node("tank1", {"level": SENSOR})})
    monitor = Monitor(plant, Remembered(), Moment(START - MICROSECONDS, 0.0), 60.0)
    topic, route = "water/riverside/tank1/telemetry/level", Route(Kind.TELEMETRY, "tank1", "level")
    rows, live, at = [], {}, START
    for number, (seconds, value) in enumerate(steps):
        at += seconds * MICROSECONDS
        rows.append(Row(number, at, value))
        payload = f'{{"value": {value}, "ts": "{rfc3339(at)}"}}'.encode()
        observed = monitor.observe([Message(route, topic, payload, None)], Moment(at, (at - START) / MICROSECONDS))
        live |= {reading.observed_at: reading for reading in observed.readings}
    found = {point.at: (point.flag, point.reading.tests) for point in judge_rows(SENSOR, rows).points}
    assert found == {at: (reading.flag, reading.tests) for at, reading in live.items()}
