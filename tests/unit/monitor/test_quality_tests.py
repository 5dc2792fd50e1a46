"""Each quality test against its definition; spike and rate of change as ioos_qc computes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.quality import Flag
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spec import Seen
from edge_agent.monitor.tests.spike import Spike

G, N, S, F = Flag.GOOD, Flag.NOT_EVALUATED, Flag.SUSPECT, Flag.FAIL


def verdict(test, seen):
    state, found = test.update(seen, None)
    assert state is None
    return found


def step(value, last, seconds):
    return Seen(value, seconds, last=last, last_seconds=0.0, apart_seconds=seconds)


def neighbours(before, value, after):
    return Seen(after, 2.0, last=value, last_seconds=1.0, apart_seconds=1.0, before=before)


@pytest.mark.parametrize(
    ("value", "flag"),
    [(-0.01, F), (0.0, S), (0.19, S), (0.2, G), (3.0, G), (5.8, G), (5.81, S), (6.0, S), (6.01, F)],
)
def test_gross_range_has_its_limits_inside(value, flag):
    assert verdict(GrossRange((0.0, 6.0), (0.2, 5.8)), Seen(value, 0.0)) == flag


def test_gross_range_without_a_suspect_range():
    assert verdict(GrossRange((0.0, 6.0)), Seen(0.0, 0.0)) == G
    assert verdict(GrossRange((0.0, 6.0)), Seen(6.5, 0.0)) == F


@pytest.mark.parametrize(("age", "flag"), [(-5.0, G), (0.0, G), (30.0, G), (30.1, S), (60.0, S), (60.1, F)])
def test_freshness_flags_the_age_at_receipt(age, flag):
    assert verdict(Freshness(60.0, 30.0), Seen(3.0, 0.0, age_seconds=age)) == flag


def test_freshness_without_a_suspect_age():
    assert verdict(Freshness(60.0), Seen(3.0, 0.0, age_seconds=59.0)) == G


def ioos_rate_of_change(values, seconds, threshold):
    """ioos_qc.qartod.rate_of_change_test: abs(diff(values)) / diff(seconds) > threshold is suspect."""
    flags = [G]
    for place in range(1, len(values)):
        roc = abs(values[place] - values[place - 1]) / (seconds[place] - seconds[place - 1])
        flags.append(S if roc > threshold else G)
    return flags


def ioos_spike(values, suspect, fail):
    """ioos_qc.qartod.spike_test, method average: the ends are unknown (2)."""
    flags = [N] * len(values)
    for place in range(1, len(values) - 1):
        diff = abs(values[place] - (values[place - 1] + values[place + 1]) / 2)
        flags[place] = F if diff > fail else S if diff > suspect else G
    return flags


_values = st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=3, max_size=20)


@given(_values, st.integers(0, 16).map(lambda n: n / 16), st.data())
def test_rate_of_change_is_that_of_ioos_qc(values, limit, data):
    steps = data.draw(st.lists(st.sampled_from([1.0, 2.0, 4.0]), min_size=len(values), max_size=len(values)))
    seconds = [sum(steps[:place]) for place in range(len(values))]
    found = [G] + [
        verdict(RateOfChange(limit), step(values[p], values[p - 1], seconds[p] - seconds[p - 1]))
        for p in range(1, len(values))
    ]
    assert found == ioos_rate_of_change(values, seconds, limit)


@given(_values, st.integers(0, 16).map(lambda n: n / 8), st.integers(0, 32).map(lambda n: n / 8))
def test_spike_is_that_of_ioos_qc(values, suspect, more):
    spec = Spike(suspect, suspect + more)
    found = [verdict(spec, neighbours(*values[p - 1 : p + 2])) for p in range(1, len(values) - 1)]
    assert [N, *found, N] == ioos_spike(values, suspect, suspect + more)


@pytest.mark.parametrize(("rise", "flag"), [(0.2, G), (0.21, S), (0.5, S), (0.51, F)])
def test_rate_of_change_per_second(rise, flag):
    assert verdict(RateOfChange(0.02, 0.05), step(rise, 0.0, 10.0)) == flag
    assert verdict(RateOfChange(0.02, 0.05), step(-rise, 0.0, 10.0)) == flag


def test_a_change_in_no_time_cannot_be_judged():
    assert verdict(RateOfChange(0.02, 0.05), step(5.0, 0.0, 0.0)) == N


@pytest.mark.parametrize("spec", [RateOfChange(), RateOfChange(fail=0.05), RateOfChange(suspect=0.02)])
def test_limits_that_are_not_named_flag_nothing(spec):
    worst = F if spec.fail else S if spec.suspect else G
    assert verdict(spec, step(5.0, 0.0, 1.0)) == worst
    assert verdict(Spike(spec.suspect, spec.fail), neighbours(0.0, 5.0, 0.0)) == worst
