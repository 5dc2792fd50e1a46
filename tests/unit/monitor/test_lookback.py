"""Windows: a mean is by time and not by count, a sum is over hours, a hole is no value, and memory is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.time import MICROSECONDS
from edge_agent.monitor.lookback import PARTS, Lookback


def window(seconds=600.0, hold=180.0):
    return Lookback(seconds, hold)


def fed(taker, *values, every=10.0, start=0.0):
    for place, value in enumerate(values):
        taker.take(round((start + place * every) * MICROSECONDS), value)
    return taker


def test_a_mean_is_by_time_and_not_by_count():
    taker = window()
    fed(taker, *[10.0] * 301, every=1.0)  # 300 s at 10, often
    fed(taker, *[20.0] * 6, every=60.0, start=301.0)  # 300 s at 20, seldom
    mean, full = taker.figure("mean")
    assert full
    assert mean == pytest.approx(15.0, abs=0.05)


@pytest.mark.parametrize("every", [0.1, 1.0, 7.0, 60.0, 170.0])
def test_a_sum_is_the_same_at_any_rate(every):
    taker = fed(window(3600.0), *[36.0] * round(3700 / every + 1), every=every)
    assert taker.figure("sum") == (pytest.approx(36.0), True)  # 36 m3/h for an hour are 36 m3, not 36 times so many


def test_what_is_not_full_says_so_and_what_is_there():
    taker = fed(window(), *[6.0] * 31)  # 300 of 600 s
    assert taker.figure("mean") == (pytest.approx(6.0), False)
    assert taker.figure("sum") == (pytest.approx(6.0 * 300 / 3600), False)
    assert taker.figure("min") == (6.0, False)
    assert fed(taker, *[6.0] * 30, start=310.0).figure("min") == (6.0, True)


def test_one_reading_is_a_figure_and_no_window():
    taker = fed(window(), 3.0)
    assert [taker.figure(of) for of in ("mean", "min", "max", "sum")] == [
        (3.0, False),
        (3.0, False),
        (3.0, False),
        (0.0, False),
    ]


def test_an_extreme_is_forgotten_when_the_window_has_passed_it():
    taker = fed(window(), 1.0, 99.0, *[5.0] * 59)
    assert taker.figure("max") == (99.0, True)
    assert taker.figure("min") == (1.0, True)
    fed(taker, *[5.0] * 5, start=610.0)
    assert taker.figure("max") == (5.0, True)
    assert taker.figure("min") == (5.0, True)


def test_of_the_oldest_part_of_the_window_counts_what_is_inside():
    taker = window(60.0)  # in parts of a second
    for at, value in ((0.0, 6.0), (30.5, 0.0), (60.25, 0.0)):
        taker.take(round(at * MICROSECONDS), value)
    mean, full = taker.figure("mean")
    assert (mean, full) == (pytest.approx(6.0 * 30.25 / 60.0, abs=1e-9), True)


def test_a_hole_of_a_tenth_is_bridged_and_a_larger_one_is_not():
    taker = fed(window(600.0, hold=30.0), *[4.0] * 61)
    taker.take(680 * MICROSECONDS, 4.0)  # 50 s nobody knows of
    assert taker.figure("sum") == (pytest.approx(4.0 * 600 / 3600), True)
    taker.take(740 * MICROSECONDS, 4.0)  # and 30 s more
    assert taker.figure("sum")[1] is False


def test_what_nobody_knows_counts_for_nothing():
    taker = fed(window(), *[4.0] * 61)
    fed(taker, *[None] * 3, start=610.0)
    fed(taker, 4.0, start=640.0)
    assert taker.figure("mean") == (pytest.approx(4.0), True)
    assert taker.figure("max") == (4.0, True)


def test_a_clock_that_was_set_back_begins_the_window_anew():
    taker = fed(window(), *[4.0] * 61, start=10_000.0)
    taker.take(0, 9.0)
    assert taker.figure("mean") == (9.0, False)


def test_after_a_long_silence_the_window_is_empty():
    taker = fed(window(), *[4.0] * 61)
    taker.take(100_000 * MICROSECONDS, 9.0)
    assert taker.figure("max") == (9.0, False)


_steps = st.lists(st.tuples(st.floats(0.001, 400.0), st.none() | st.floats(-50, 50)), min_size=1, max_size=400)


@given(_steps)
def test_whatever_comes_memory_is_bounded_and_figures_lie_between_the_extremes(steps):
    taker, at, seen = window(), 0.0, []
    for seconds, value in steps:
        at += seconds
        taker.take(round(at * MICROSECONDS), value)
        seen += [] if value is None else [value]
        assert len(taker._slots) <= PARTS + 2
        for of in ("mean", "min", "max"):
            figure, _ = taker.figure(of)
            assert figure is None or min(seen) - 1e-6 <= figure <= max(seen) + 1e-6


@given(_steps)
def test_it_is_the_mean_of_what_was_held(steps):
    """Against the plainest reckoning: each value held till the next, at most so long."""
    taker, at, held = window(), 0.0, []
    for seconds, value in steps:
        at += seconds
        taker.take(round(at * MICROSECONDS), value)
        if held and held[-1][1] is not None:
            held[-1][2] = min(at, held[-1][0] + 180.0)
        held.append([at, value, at])
    pieces = [(max(0.0, end - max(begin, at - 600.0)), value) for begin, value, end in held if value is not None]
    known = sum(lasting for lasting, _ in pieces)
    figure, full = taker.figure("mean")
    if known > 60.0:
        exact = sum(lasting * value for lasting, value in pieces) / known
        assert figure == pytest.approx(exact, abs=100.0 * 10.0 / known)  # the oldest part may be wrong
        assert full is (known >= 540.0) or known == pytest.approx(540.0, abs=10.0)
