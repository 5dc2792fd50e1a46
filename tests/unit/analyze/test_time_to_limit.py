"""What is passed within so many minutes at the present rate: against its definition, and as an alarm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plants import Bench, plant, sensor, threshold

from edge_agent.analyze.limit import LimitAlarm
from edge_agent.analyze.measures.rate_per_hour import RatePerHour
from edge_agent.analyze.measures.time_to_limit import TimeToLimit

SOON = (("over_seconds", 300.0), ("within_minutes", 30.0))


def overflowing(limit=5.7, side="above", **more):
    return threshold("overflowing", limit, side=side, measure="time_to_limit", parameters=SOON, **more)


def bench(limit):
    return Bench(plant([sensor(interval_seconds=60)], thresholds=[limit], plans=[]))


def told(agent):
    return [event for turn in agent.turns for event in turn.alarm_events if event.key.threshold == "overflowing"]


@given(
    st.lists(st.tuples(st.floats(1.0, 90.0), st.floats(-10.0, 10.0)), min_size=2, max_size=30), st.floats(1.0, 120.0)
)
def test_it_is_the_value_and_what_the_rate_adds(steps, minutes):
    soon, rate, state, other, seconds = TimeToLimit(minutes, 50.0), RatePerHour(50.0), None, None, 0.0
    for step, value in steps:
        seconds += step
        state, reached = soon.update(value, seconds, state)
        other, slope = rate.update(value, seconds, other)
        assert reached == (None if slope is None else pytest.approx(value + slope * minutes / 60.0))


@given(st.floats(0.1, 5.0), st.floats(-3.0, 3.0))
def test_beyond_means_that_the_time_to_the_limit_is_shorter(distance, rate_per_hour):
    """As (limit - value) / rate has it, for a level on a straight line."""
    limit = LimitAlarm(overflowing(10.0))
    for minute in range(10):
        limit.update(10.0 - distance + rate_per_hour * (minute - 9) / 60.0, 60.0 * minute, 60.0 * minute)
    minutes = 60.0 * distance / rate_per_hour if rate_per_hour > 0 else float("inf")
    if abs(minutes - 30.0) > 1e-6:
        assert limit.pending is (minutes < 30.0)


def test_a_tank_that_will_run_over_within_half_an_hour_raises_an_alarm_before_it_does():
    agent = bench(overflowing())
    for minute in range(90):
        agent.level(4.5 + 0.02 * minute, 60.0)
    (event,) = told(agent)
    assert event.reason == "tank1/level within 30 min at the present rate (5.72 m) is above overflowing (5.70 m)"
    (raised,) = [turn for turn in agent.turns if event in turn.alarm_events]
    assert raised.readings[0].value == pytest.approx(5.12)  # 0.58 m at 0.02 m/min: 29 minutes
    alarm = agent.knowledge.analyzer.register.active["tank1/level:overflowing"]
    assert (alarm.limit, alarm.unit, alarm.evidence.value) == (5.7, "m", pytest.approx(5.12))


def test_it_is_unknown_until_the_rate_is():
    agent = bench(overflowing())
    for minute in range(5):
        agent.level(5.0 + 0.1 * minute, 60.0)
    assert told(agent) == []
    agent.level(5.5, 60.0)
    assert [str(event.event) for event in told(agent)] == ["raised"]


def test_what_is_beyond_already_counts_though_it_falls():
    agent = bench(overflowing())
    for minute in range(40):
        agent.level(6.3 - 0.01 * minute, 60.0)
    assert [str(event.event) for event in told(agent)] == ["raised"]  # 30 min on it would be back
    for minute in range(40, 80):
        agent.level(6.3 - 0.01 * minute, 60.0)
    assert [str(event.event) for event in told(agent)] == ["raised", "cleared"]


def test_it_looks_below_as_well():
    agent = bench(overflowing(1.0, "below"))
    for minute in range(60):
        agent.level(2.5 - 0.02 * minute, 60.0)
    assert told(agent)[0].reason.startswith("tank1/level within 30 min at the present rate (0.98 m) is below")
