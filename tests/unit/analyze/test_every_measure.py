"""One suite over all measures, and the rate per hour against its definition."""

from __future__ import annotations

import json
from math import exp, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frozen import freeze
from support.plants import START, later, plant, reading, sensor, threshold
from support.plants import Bench as Agent

from edge_agent.analyze.limit import LimitAlarm
from edge_agent.analyze.measures.rate_per_hour import RatePerHour
from edge_agent.analyze.measures.registry import MEASURES, measure_of, members_of, needs_of
from edge_agent.runtime.freezing import thaw

RISING = threshold("high", 0.5, measure="rate_per_hour", deadband=0.1)
_steps = st.lists(st.tuples(st.floats(1.0, 90.0), st.floats(-10.0, 10.0)), min_size=2, max_size=30)


def made(measure):
    return measure_of(measure.name, tuple((key, 30.0) for key in needs_of(measure)))


def series(steps):
    """Values by the second of their observation."""
    seconds, found = 1000.0, []
    for step, value in steps:
        seconds += step
        found.append((seconds, value))
    return found


@pytest.mark.parametrize("measure", MEASURES)
def test_it_says_what_it_needs_and_shows_an_example(measure):
    assert all(word in measure.__doc__ for word in ("arm-up", ">>>"))
    assert measure.says
    assert made(measure).name == measure.name


@pytest.mark.parametrize("measure", MEASURES)
@given(steps=_steps)
def test_its_state_survives_a_recording_and_goes_on_with_the_same_figures(measure, steps):
    one, other = None, None
    for seconds, value in series(steps):
        other = thaw(json.loads(json.dumps(freeze(other))))
        (one, figure), (other, again) = (made(measure).update(value, seconds, state) for state in (one, other))
        assert figure == again


@pytest.mark.parametrize(
    ("name", "told", "wrong"),
    [
        ("rate", (), "there is no measure rate"),
        ("value", (("over_seconds", 60.0),), "over_seconds is nothing to value"),
        ("rate_per_hour", (("over", 60.0),), "over is nothing to rate_per_hour"),
        ("time_to_limit", (("over_seconds", 60.0),), "time_to_limit needs within_minutes"),
    ],
)
def test_what_does_not_exist_is_refused(name, told, wrong):
    with pytest.raises(ValueError, match=wrong):
        measure_of(name, told)


def test_a_measure_names_what_it_is_told():
    assert members_of(RatePerHour) == ("over_seconds",)


def by_definition(found, over):
    """The slope per hour of the line of least squares, each reading weighted by its age at the last."""
    weights = [exp((seconds - found[-1][0]) / over) for seconds, _ in found]
    whole = sum(weights)
    t = sum(w * s for w, (s, _) in zip(weights, found, strict=True)) / whole
    x = sum(w * v for w, (_, v) in zip(weights, found, strict=True)) / whole
    spread = sum(w * (s - t) ** 2 for w, (s, _) in zip(weights, found, strict=True))
    return 3600 * sum(w * (s - t) * (v - x) for w, (s, v) in zip(weights, found, strict=True)) / spread


@given(_steps)
def test_the_rate_is_the_slope_of_the_weighted_line(steps):
    measure, state, found = RatePerHour(50.0), None, series(steps)
    for place, (seconds, value) in enumerate(found):
        state, rate = measure.update(value, seconds, state)
        if seconds - found[0][0] < 50.0:
            assert rate is None
        else:
            assert isclose(rate, by_definition(found[: place + 1], 50.0), rel_tol=1e-6, abs_tol=1e-6)


def test_after_a_silence_it_is_measured_anew():
    measure, state = RatePerHour(60.0), None
    for seconds in (0.0, 30.0, 60.0):
        state, rate = measure.update(seconds, seconds, state)
    assert isclose(rate, 3600.0)
    state, rate = measure.update(0.0, 60.0 + 180.1, state)
    assert rate is None
    assert measure.update(1.0, 60.0 + 180.1 + 60.0, state)[1] == pytest.approx(60.0)


def test_the_same_reading_once_more_changes_nothing():
    measure, state = RatePerHour(10.0), None
    for seconds, value in ((0.0, 1.0), (10.0, 2.0), (10.0, 7.0)):
        state, rate = measure.update(value, seconds, state)
    assert isclose(rate, 360.0)


def told(bench, values, step=60.0):
    for value in values:
        bench.level(value, step)
    return [event for turn in bench.turns for event in turn.alarm_events if event.key.threshold == "high"]


def test_a_level_that_rises_too_fast_raises_an_alarm_in_words_and_unit_of_the_rate():
    site = plant(thresholds=[RISING], plans=[])
    bench = Agent(site)
    events = told(bench, [3.0 + 0.02 * minute for minute in range(12)])
    assert [event.reason for event in events] == ["the rate of tank1/level (1.20 m/h) is above high (0.50 m/h)"]
    assert events[0].at == later(11 * 60).at
    alarm = bench.knowledge.analyzer.register.active["tank1/level:high"]
    assert (round(alarm.value, 3), alarm.limit, alarm.unit) == (1.2, 0.5, "m/h")
    assert alarm.evidence.unit == "m"


def test_it_clears_when_the_rate_is_back_and_not_before():
    bench = Agent(plant(thresholds=[RISING], plans=[]))
    events = told(bench, [3.0 + 0.02 * min(minute, 12) for minute in range(60)])
    assert [str(event.event) for event in events] == ["raised", "cleared"]
    assert "has recovered from high (0.50 m/h)" in events[1].reason
    assert 0.35 < events[1].value <= 0.4


def test_a_rate_is_no_evidence_of_a_value_and_a_doubtful_value_no_rate():
    limit = LimitAlarm(RISING)
    limit.doubt(9.0, 0.0, suspect=True)
    assert not limit.doubting
    assert limit.quiet_range() == (float("inf"), float("-inf"))


def test_another_measure_is_measured_anew():
    limit = LimitAlarm(threshold("high", 0.5))
    assert limit.update(0.6, 0.0, 0.0)
    limit.adopt(RISING)
    assert not limit.pending
    assert not limit.update(0.6, 1.0, 1.0)


def test_a_burst_is_found_though_readings_come_at_odd_times():
    site = plant([sensor(interval_seconds=60)], thresholds=[threshold("low", -0.6, measure="rate_per_hour")], plans=[])
    bench, seconds = Agent(site), 0.0
    for step in [40.0, 90.0, 60.0, 170.0] * 10:
        seconds += step
        bench.level(4.0 - 1.2 / 3600 * max(0.0, seconds - 1500.0), step)
    assert bench.raised() == ["tank1/level:low raised"]


def falling(seconds, *, behind, over=600.0):
    """A bench of a level that falls by 1.2 m/h, told once a minute with the true time, by an agent that is behind."""
    site = plant([sensor(interval_seconds=60)], thresholds=[rate_of(over)], plans=[])
    bench = Agent(site)
    bench.now = later(-behind)._replace(seconds=START.seconds, sure=False)
    for at in range(0, seconds, 60):
        bench.turn(told_at(at), after=60)
    return bench


def rate_of(over, **more):
    return threshold("low", -0.6, measure="rate_per_hour", parameters=(("over_seconds", over),), deadband=0.1, **more)


def told_at(seconds):
    return reading(5.0 - 1.2 / 3600 * seconds, seconds + 60)


@pytest.mark.parametrize("behind", [1700.0, -1700.0])
def test_a_clock_that_is_set_right_does_not_bend_the_rate_of_a_node_with_a_right_one(behind):
    bench = falling(1800, behind=behind)
    bench.now = later(1800)
    for at in range(1800, 3000, 60):
        bench.turn(told_at(at), after=60)
    assert [event for event in bench.raised() if ":low" in event] == ["tank1/level:low raised"]


def test_after_a_clock_that_was_ahead_the_rate_is_measured_anew():
    """Else it would stand still until that time is there again."""
    measure, state = RatePerHour(600.0), None
    for seconds in range(0, 1200, 60):
        state, _ = measure.update(3.0, 1e6 + seconds, state)
    rates = []
    for seconds in range(0, 1200, 60):
        state, rate = measure.update(3.0 - seconds / 3600, seconds, state)
        rates.append(rate)
    assert rates[:10] == [None] * 10
    assert isclose(rates[-1], -1.0, rel_tol=1e-6)


def test_the_delay_of_a_rate_is_not_remembered_over_a_restart():
    site = plant([sensor(interval_seconds=60)], thresholds=[rate_of(600.0, on_delay_seconds=600.0)], plans=[])
    bench = Agent(site)
    for at in range(0, 1080, 60):
        bench.turn(told_at(at), after=60)
        assert bench.knowledge.analyzer.delays() == []
    assert bench.raised() == []
    for at in range(1080, 1500, 60):
        bench.turn(told_at(at), after=60)
    assert bench.raised() == ["tank1/level:low raised"]
