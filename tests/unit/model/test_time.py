"""Instants and moments: exact, aware, and back again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plants import START, later

from edge_agent.model.commands import ActuatorMemory
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import Moment, as_datetime, instant, parse_rfc3339, rfc3339

_instants = st.integers(instant(datetime(1, 1, 1, tzinfo=UTC)), instant(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)))


@given(_instants)
def test_rfc3339_is_exact_both_ways(at):
    text = rfc3339(at)
    assert text.endswith("Z")
    assert parse_rfc3339(text) == at
    assert instant(as_datetime(at)) == at


@given(_instants, _instants)
def test_written_instants_sort_as_they_are_where_the_precision_is_the_same(one, other):
    one, other = one - one % 1000, other - other % 1000
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


@pytest.mark.parametrize(
    ("at", "text"),
    [(START.at, "2026-11-22T10:00:00.000Z"), (START.at + 250_000, "2026-11-22T10:00:00.250Z"),
     (START.at + 1, "2026-11-22T10:00:00.000001Z"), (0, "1970-01-01T00:00:00.000Z")],
)  # fmt: skip
def test_milliseconds_unless_there_is_more(at, text):
    assert rfc3339(at) == text


@given(st.datetimes(), st.integers(-840, 840))
def test_offsets_from_utc_are_taken_off(naive, minutes):
    aware = naive.replace(tzinfo=UTC)
    text = f"{naive.isoformat()}{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    assert parse_rfc3339(text) == instant(aware) - timedelta(minutes=minutes) // timedelta(microseconds=1)


@pytest.mark.parametrize("text", ["2026-11-22T10:00:00", "2026-11-22", "soon", ""])
def test_a_time_without_an_offset_is_none(text):
    with pytest.raises(ValueError, match=r"offset|Invalid"):
        parse_rfc3339(text)


@given(st.integers(-(10**9), 10**9).map(lambda n: n / 1000))
def test_the_two_scales_of_a_moment_agree(seconds):
    assert START.at_seconds(START.seconds + seconds) == later(seconds).at
    assert START.seconds_at(later(seconds).at) == pytest.approx(START.seconds + seconds, abs=1e-6)


def test_a_recorded_instant_keeps_its_distance_over_a_restart():
    restarted = Moment(later(3600).at, 17.0)
    assert restarted.seconds_at(START.at) == 17.0 - 3600


@pytest.mark.parametrize(
    ("boot", "sure_then", "sure_now", "known"),
    [("one", False, False, True), ("two", True, True, True), ("two", True, False, False), ("two", False, True, False)],
)
def test_how_long_ago_something_was_is_known_within_a_boot_or_between_right_clocks(boot, sure_then, sure_now, known):
    now = Moment(later(60).at, 500.0, boot, sure_now)
    assert now.recall(START.at, "one", later(60).at / 1e6 - 500.0, sure=sure_then) == (440.0 if known else None)


@pytest.mark.parametrize(
    ("now", "same"),
    [
        (Moment(later(60).at, 100.0, "one", sure=False), True),
        (Moment(later(60).at, 100.0, "two", sure=False), False),
        (Moment(later(60).at, 100.0, "two"), True),
        (Moment(later(63).at, 100.0, "one", sure=False), False),  # it was set meanwhile
        (Moment(later(60).at, 100.0, "", sure=False), False),
    ],
)
def test_wall_times_of_a_former_run_count_where_the_clock_is_sure_or_was_not_set_within_the_boot(now, same):
    memory = ActuatorMemory("station/pump1", boot="one", offset=later(60).at / 1e6 - 100.0, sure=False)
    assert Remembered(actuators=[memory]).same_clock(now) is same
    assert Remembered().same_clock(now) is now.sure


def test_an_instant_a_little_ahead_was_just_now():
    """Two processes begin their counts a little apart, however soon one follows the other."""
    now = START
    assert now.recall(later(0.4).at, now.boot, now.offset) == now.seconds
    named = now._replace(boot="one")
    assert named.recall(later(0.4).at, "one", named.offset) == named.seconds
    assert named.recall(later(5.0).at, "one", named.offset) is None
