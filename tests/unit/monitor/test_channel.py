"""One sensor's readings: order, lateness, the future, settling, and what is remembered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plants import START, sensor

from edge_agent.model.quality import Flag, aggregate
from edge_agent.model.remembered import StoredReading
from edge_agent.model.time import MICROSECONDS
from edge_agent.model.units import conversion
from edge_agent.monitor.channel import Channel
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.monitor.tests.spike import Spike

SPIKE = Spike(0.3, 0.8)


def channel(future=60.0, **more) -> Channel:
    return Channel(sensor(**more), future, 0.0)


def take(taker: Channel, value, observed, received=None, seq=None):
    """Times in seconds after START."""
    received = observed if received is None else received
    return taker.take(value, START.at + round(observed * MICROSECONDS), seq, START.at + round(received * MICROSECONDS))


def verdicts(reading):
    return LAYOUT.unpack(reading.tests)


def test_a_sensor_without_tests_has_good_readings():
    reading, settled = take(channel(), 3.2, 0)
    assert (reading.flag, reading.tests, reading.late, reading.settled, settled) == (Flag.GOOD, 0, False, True, None)


def test_every_named_test_is_run_and_no_other():
    tests = {
        "gross_range": GrossRange((0.0, 6.0)),
        "rate_of_change": RateOfChange(0.02, 0.05),
        "flat_line": FlatLine(0.001, 1800, 3600),
        "freshness": Freshness(60.0, 30.0),
    }
    taker = channel(**tests)
    first, _ = take(taker, 3.0, 0)
    assert verdicts(first) == {
        "gross_range": "good", "rate_of_change": "not_evaluated", "flat_line": "good", "freshness": "good",
    }  # fmt: skip
    assert first.flag == Flag.GOOD
    second, _ = take(taker, 3.3, 10, 45)
    assert verdicts(second) == {
        "gross_range": "good", "rate_of_change": "suspect", "flat_line": "good", "freshness": "suspect",
    }  # fmt: skip
    assert second.flag == Flag.SUSPECT


@pytest.mark.parametrize(("age", "late"), [(0, False), (30, False), (30.1, True), (-5, False)])
def test_late_is_older_than_three_intervals_without_a_freshness_test(age, late):
    reading, _ = take(channel(interval_seconds=10.0), 3.2, 0, age)
    assert reading.late is late
    assert reading.flag == Flag.GOOD


@pytest.mark.parametrize(("age", "late"), [(30.1, False), (60, False), (60.1, True)])
def test_late_is_older_than_freshness_allows(age, late):
    reading, _ = take(channel(freshness=Freshness(60.0)), 3.2, 0, age)
    assert reading.late is late


def test_what_comes_after_a_newer_one_is_kept_and_moves_nothing():
    taker = channel(rate_of_change=RateOfChange(0.02, 0.05), gross_range=GrossRange((0.0, 6.0)))
    take(taker, 3.0, 10)
    old, settled = take(taker, 5.0, 5, 11)
    assert old.late
    assert old.settled
    assert settled is None
    assert verdicts(old) == {"gross_range": "good"}
    after, _ = take(taker, 3.1, 20)  # compared with 3.0, not with the one that came late
    assert verdicts(after)["rate_of_change"] == "good"


def test_two_readings_of_one_instant_are_told_apart_by_their_number():
    taker = channel(rate_of_change=RateOfChange(0.02), flat_line=FlatLine(0.0, 10.0))
    take(taker, 3.0, 10, seq=1)
    assert taker.free(START.at + 10 * MICROSECONDS, 1, 3.0) is None
    assert taker.free(START.at + 10 * MICROSECONDS, 2, 3.0) == START.at + 10 * MICROSECONDS
    second, _ = take(taker, 5.0, 10, seq=2)
    assert not second.late
    assert verdicts(second)["rate_of_change"] == "not_evaluated"
    older, _ = take(taker, 4.0, 10, seq=1)
    assert older.late


def test_a_reading_from_the_future_is_kept_suspect_and_stands_in_nobodys_way():
    taker = channel(rate_of_change=RateOfChange(0.02))
    take(taker, 3.0, 0)
    future, _ = take(taker, 9.0, 71, 10)
    assert future.late
    assert future.flag == Flag.SUSPECT
    assert verdicts(future) == {"clock": "suspect"}
    true, _ = take(taker, 3.1, 20)
    assert (true.late, true.flag) == (False, Flag.GOOD)


def test_a_clock_a_little_ahead_is_believed():
    reading, _ = take(channel(), 3.0, 70, 10)
    assert (reading.late, reading.flag) == (False, Flag.GOOD)


def test_a_wall_clock_that_was_set_back_does_not_make_new_readings_old():
    taker = channel(flat_line=FlatLine(0.0, 10.0), spike=SPIKE, rate_of_change=RateOfChange(0.02))
    take(taker, 3.0, 3600)
    take(taker, 3.0, 3610)
    taker.forget_future(START.at)
    reading, settled = take(taker, 3.0, 0)
    assert not reading.late
    assert settled is None
    assert verdicts(reading)["rate_of_change"] == "not_evaluated"
    assert verdicts(reading)["flat_line"] == "good"


def test_what_is_a_little_ahead_is_not_forgotten():
    taker = channel()
    take(taker, 3.0, 50)
    taker.forget_future(START.at)
    assert taker.last is not None


def test_a_sensor_with_a_spike_test_is_settled_one_reading_later():
    taker = channel(spike=SPIKE, gross_range=GrossRange((0.0, 6.0)))
    first, settled = take(taker, 3.0, 0)
    assert (first.flag, first.settled, settled) == (Flag.NOT_EVALUATED, False, None)
    spiky, settled = take(taker, 5.0, 10)
    assert settled is first
    assert (first.flag, first.settled) == (Flag.GOOD, True)
    assert verdicts(first) == {"gross_range": "good", "spike": "not_evaluated"}
    assert (spiky.flag, spiky.settled) == (Flag.NOT_EVALUATED, False)
    _, settled = take(taker, 3.0, 20)
    assert settled is spiky
    assert (spiky.flag, spiky.settled) == (Flag.FAIL, True)
    assert verdicts(spiky) == {"gross_range": "good", "spike": "fail"}


def test_settled_after_a_long_silence_it_moves_nothing():
    taker = channel(spike=SPIKE, interval_seconds=10.0)  # late after 30 s, settled in time until 40 s
    take(taker, 3.0, 0)
    take(taker, 3.0, 10)
    _, settled = take(taker, 3.0, 50)
    assert not settled.late
    _, settled = take(taker, 3.0, 90.1)
    assert settled.late
    assert settled.flag == Flag.GOOD


@given(st.lists(st.integers(-30, 30).map(lambda n: n / 10), min_size=1, max_size=30))
def test_every_reading_is_settled_exactly_once_and_judged_by_its_neighbours(values):
    taker, readings, settled = channel(spike=SPIKE), [], []
    for place, value in enumerate(values):
        reading, before = take(taker, value, 10 * place)
        readings.append(reading)
        settled += [] if before is None else [before]
    assert [id(reading) for reading in settled] == [id(reading) for reading in readings[:-1]]
    assert not readings[-1].settled
    for place in range(1, len(values) - 1):
        height = abs(values[place] - (values[place - 1] + values[place + 1]) / 2)
        assert readings[place].flag == (Flag.FAIL if height > 0.8 else Flag.SUSPECT if height > 0.3 else Flag.GOOD)


@given(st.lists(st.tuples(st.floats(-10, 10), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=20))
def test_the_flag_of_a_settled_reading_is_the_aggregate_of_its_tests(events):
    taker = channel(gross_range=GrossRange((-5.0, 5.0), (-3.0, 3.0)), rate_of_change=RateOfChange(0.5, 1.0),
                    flat_line=FlatLine(0.5, 10, 20), freshness=Freshness(60, 30))  # fmt: skip
    for value, observed, delay in events:
        reading, _ = take(taker, value, observed, observed + delay)
        assert reading.flag == aggregate(Flag[flag.upper()] for flag in verdicts(reading).values())


def stored(value, observed, *, flag=Flag.GOOD, seq=None, received=None):
    at = START.at + round(observed * MICROSECONDS)
    received_at = at if received is None else START.at + round(received * MICROSECONDS)
    return StoredReading("tank1", "level", value, at, received_at, seq, int(flag), 0)


def test_a_restart_changes_no_later_judgement():
    tests = {"spike": SPIKE, "rate_of_change": RateOfChange(0.02, 0.05), "gross_range": GrossRange((0.0, 6.0))}
    values = [3.0, 3.1, 5.0, 3.1, 3.2]
    whole, first, second = channel(**tests), channel(**tests), channel(**tests)
    expected = [take(whole, value, 10 * place, seq=place)[0] for place, value in enumerate(values)]
    before = [take(first, value, 10 * place, seq=place)[0] for place, value in enumerate(values[:3])]
    for reading in before:
        second.remember(
            StoredReading("tank1", "level", reading.value, reading.observed_at, reading.received_at, reading.seq,
                          reading.flag, reading.tests)
        )  # fmt: skip
    resumed, settled = take(second, values[3], 30, seq=3)
    assert (settled.value, settled.flag, settled.tests) == (5.0, expected[2].flag, expected[2].tests)
    assert settled.flag == Flag.FAIL
    last, settled = take(second, values[4], 40, seq=4)
    assert settled is resumed
    assert [(r.flag, r.tests) for r in (resumed, last)] == [(r.flag, r.tests) for r in expected[3:]]


def test_a_remembered_number_shows_the_gap_over_the_restart():
    taker = channel()
    taker.remember(stored(3.0, 0, seq=7))
    assert taker.free(START.at, 7, 3.0) is None
    assert taker.sequence.update(10, START.at + 1, 0.0) + taker.sequence.settle(60.0) == 2


def test_what_was_stored_from_the_future_is_not_taken_up():
    taker = channel()
    taker.remember(stored(3.0, 0))
    taker.remember(stored(9.0, 3600, received=10))
    assert taker.last.value == 3.0


@given(st.text(max_size=5))
def test_invented_units_do_not_fill_the_memory(extra):
    taker = channel()
    for number in range(400):
        assert taker.conversion(f"unit{number}{extra}") is None
    assert conversion.cache_info().currsize <= 256
    assert taker.conversion("ft") is not None


def test_another_value_under_the_same_time_is_another_reading_and_has_no_rate():
    taker = channel(rate_of_change=RateOfChange(0.02, 0.05))
    take(taker, 3.0, 10)
    free = taker.free(START.at + 10 * MICROSECONDS, None, 2.0)
    assert free == START.at + 10 * MICROSECONDS + 1
    second, _ = taker.take(2.0, free, None, START.at + 11 * MICROSECONDS, rated=False)
    assert (second.late, verdicts(second)) == (False, {"rate_of_change": "not_evaluated"})
    assert taker.free(START.at + 10 * MICROSECONDS, None, 3.0) is None
    assert taker.free(START.at + 10 * MICROSECONDS, None, 2.0) is None
    assert taker.free(START.at + 10 * MICROSECONDS, None, 1.0) == free + 1


def test_what_is_ahead_within_the_tolerance_makes_no_true_reading_old():
    taker = channel(rate_of_change=RateOfChange(0.02, 0.05))
    take(taker, 3.0, 0)
    ahead, _ = take(taker, 3.1, 65, 10)
    assert not ahead.late
    for second in range(11, 60):
        true, _ = take(taker, 3.0, second)
        assert not true.late
    assert (true.flag, taker.last) == (Flag.GOOD, true)


def test_what_is_overtaken_behind_a_clock_that_is_ahead_is_still_old():
    taker = channel()
    take(taker, 3.0, 22, 10)
    old, _ = take(taker, 9.0, 21, 10)
    assert old.late


def test_the_rate_behind_a_reading_that_was_ahead_counts_from_its_receipt():
    taker = channel(rate_of_change=RateOfChange(0.02, 0.05))
    take(taker, 3.0, 65, 10)
    reading, _ = take(taker, 5.0, 20)
    assert verdicts(reading) == {"rate_of_change": "fail"}


def test_remembered_readings_from_ahead_hide_no_true_one():
    taker = channel()
    taker.remember(StoredReading("tank1", "level", 9.0, START.at + 50 * MICROSECONDS, START.at, 5, 1, 0))
    true, _ = take(taker, 3.0, 10, seq=5)
    assert not true.late


def test_a_receipt_is_not_pushed_ahead_by_a_clock_that_is():
    taker = channel()
    take(taker, 3.0, 50, 0)
    assert taker.receipt(START.at + MICROSECONDS) == START.at + MICROSECONDS


def test_values_without_a_time_that_come_together_are_a_microsecond_apart():
    taker = channel()
    times = [taker.receipt(START.at) for _ in range(3)]
    assert times == [START.at, START.at + 1, START.at + 2]


def test_a_reading_is_settled_when_the_next_has_come_whichever_way_that_is_judged():
    taker = channel(spike=SPIKE)
    for seconds in (0, 10, 20):
        last, _ = take(taker, 3.0, seconds)
    assert not last.settled
    at = START.at + 30 * MICROSECONDS
    followed = taker.follow(3.0, at, None, at)
    assert followed is not None
    newest, before = followed
    assert (newest.settled, before, before.settled, before.flag) == (False, last, True, Flag.GOOD)


@pytest.mark.parametrize(("age", "late"), [(20.0, False), (40.0, True)])
def test_the_last_reading_of_a_former_run_was_late_where_it_was_old_on_arrival(age, late):
    taker = channel(freshness=Freshness(30.0))
    observed = START.at - round(age * MICROSECONDS)
    taker.remember(StoredReading("tank1", "level", 3.0, observed, START.at, None, int(Flag.GOOD), 0))
    assert taker.last is not None
    assert taker.last.late is late


def set_aside(taker: Channel, value, observed, received):
    return taker.set_aside(
        value, START.at + round(observed * MICROSECONDS), None, START.at + round(received * MICROSECONDS)
    )


@pytest.mark.parametrize(("ahead", "believed"), [(-3600, True), (0, True), (60, True), (60.001, False), (3600, False)])
def test_of_what_is_set_aside_only_what_is_of_the_future_is_disbelieved(ahead, believed):
    taker = channel(gross_range=GrossRange((0.0, 6.0)))
    reading = set_aside(taker, 3.0, ahead, 0)
    assert reading.late
    assert reading.flag == (Flag.GOOD if believed else Flag.SUSPECT)
    assert verdicts(reading)["gross_range"] == "good"
    assert taker.last is None, "it moves nothing"


@pytest.mark.parametrize(
    ("more", "goes_on"),
    [
        ({}, True),
        ({"interval_seconds": 60.0}, True),
        ({"unit": "cm"}, False),
        ({"quantity": "length", "unit": "m"}, False),
    ],
)
def test_a_sensor_that_is_declared_anew_goes_on_with_its_readings_where_they_are_of_the_same_unit(more, goes_on):
    before = channel(spike=SPIKE)
    for at in range(4):
        take(before, 3.0 + at / 100, 10.0 * at, seq=at)
    heir = Channel(sensor(**{"spike": SPIKE} | more), 60.0, 0.0)
    heir.succeed(before)
    assert heir.sequence is before.sequence
    assert (heir.heard_seconds, heir.stale) == (before.heard_seconds, before.stale)
    if goes_on:
        assert (heir.last.value, heir.judged.value) == (before.last.value, before.judged.value)
        _, settled = take(heir, 3.04, 40.0, seq=4)
        assert (settled.value, settled.flag) == (before.last.value, Flag.GOOD)
    else:
        assert (heir.last, heir.judged) == (None, None)
