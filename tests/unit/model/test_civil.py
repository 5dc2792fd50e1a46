"""Windows of the day in civil time: neither change of the clocks leaves one out or doubles it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.model.civil import DAYS, Occurrence, Window, is_zone, parse_days, spans, zone
from edge_agent.model.time import as_datetime, instant

EVERY_DAY = range(7)
BERLIN = zone("Europe/Berlin")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Asuncion", "Asia/Kathmandu"]
_minutes = st.integers(0, 24 * 60 - 1)
_windows = st.tuples(_minutes, _minutes).filter(lambda w: w[0] != w[1]).map(lambda w: f"{clock(w[0])}-{clock(w[1])}")


def clock(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}"


def at(text):
    return instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


def of_day(day, window, place, days=EVERY_DAY):
    """The windows that begin on a day, in hours and minutes of UTC."""
    noon = instant(datetime(day.year, day.month, day.day, 12, tzinfo=place))
    return [
        f"{as_datetime(span.begin):%d %H:%M} {as_datetime(span.end):%d %H:%M}"
        for span in spans(noon, [Window.parse(window)], days, place)
        if as_datetime(span.begin).astimezone(place).date() == day
    ]


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("00:00-24:00", (0, 1440)),
        ("22:00-06:00", (1320, 1800)),
        ("01:00-15:30", (60, 930)),
        ("23:59-00:00", (1439, 1440)),
    ],
)
def test_a_window_is_read(text, window):
    assert Window.parse(text) == window


@pytest.mark.parametrize(
    "text", ["", "1:00-2:00", "01:00", "01:00-01:00", "24:00-01:00", "01:60-02:00", "01:00 - 02:00"]
)
def test_what_is_no_window_is_refused(text):
    with pytest.raises(ValueError, match=r"no part of a day|ends when it begins"):
        Window.parse(text)


def test_days_are_read_over_the_end_of_the_week_too():
    assert sorted(parse_days("mon-fri")) == [0, 1, 2, 3, 4]
    assert sorted(parse_days("fri-mon")) == [0, 4, 5, 6]
    assert [sorted(parse_days(day)) for day in DAYS] == [[n] for n in range(7)]
    for wrong in ("", "monday", "mon-", "mon-fri-sat", "xyz"):
        with pytest.raises(ValueError, match="no day of the week"):
            parse_days(wrong)


def test_what_is_no_zone_is_refused():
    assert is_zone("Europe/Berlin")
    assert [is_zone(name) for name in ("Europe/Berlino", "", "../etc/passwd", "UTC\0")] == [False] * 4


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ("01:00-01:30", "29 00:00 29 00:30"),
        ("01:30-02:30", "29 00:30 29 01:00"),  # until the clock is set
        ("02:15-02:45", "29 01:00 29 01:30"),  # left out, and as long as ever
        ("02:30-03:15", "29 01:00 29 01:15"),
        ("02:30-03:00", "29 01:00 29 01:30"),
        ("22:00-02:30", "29 20:00 30 00:30"),
        ("03:00-24:00", "29 01:00 29 22:00"),
    ],
)
def test_where_the_clock_is_set_forward_no_window_is_left_out(window, found):
    assert of_day(date(2026, 3, 29), window, BERLIN) == [found]


@pytest.mark.parametrize(
    ("window", "found"),
    [
        ("02:15-02:45", "25 00:15 25 00:45"),  # of two the first
        ("01:00-02:30", "24 23:00 25 00:30"),
        ("02:30-04:00", "25 00:30 25 03:00"),
        ("00:00-24:00", "24 22:00 25 23:00"),
    ],
)
def test_where_the_clock_is_set_back_no_window_comes_twice(window, found):
    assert of_day(date(2026, 10, 25), window, BERLIN) == [found]


def test_a_window_belongs_to_the_day_on_which_it_begins():
    friday = [parse_days("fri")]
    night = spans(at("2026-11-28T02:00"), [Window.parse("22:00-06:00")], frozenset().union(*friday), zone("UTC"))
    assert night == [Occurrence(at("2026-11-27T22:00"), at("2026-11-28T06:00"))]


@settings(max_examples=60)
@given(st.sampled_from(ZONES), _windows, st.integers(2000, 2036))
def test_each_day_of_a_year_has_each_window_once(name, window, year):
    place, day, begins = zone(name), date(year, 1, 1), []
    while day.year == year:
        noon = instant(datetime(day.year, day.month, day.day, 12, tzinfo=place))
        yesterday, today, tomorrow = spans(noon, [Window.parse(window)], EVERY_DAY, place)
        assert yesterday.begin < today.begin < tomorrow.begin
        assert today.begin < today.end
        begins.append(today)
        day += timedelta(days=1)
    assert len(set(begins)) == len(begins)
    assert all(
        one.end <= other.begin or Window.parse(window).end - Window.parse(window).begin >= 23 * 60
        for one, other in pairwise(begins)
    )


@settings(max_examples=60)
@given(st.sampled_from(ZONES), _minutes, st.integers(2000, 2036), st.integers(0, 365 * 24 * 12))
def test_two_windows_that_share_the_day_leave_no_time_between(name, middle, year, step):
    place = zone(name)
    now = instant(datetime(year, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * step))
    minute = clock(middle or 1)
    both = [Window.parse(f"00:00-{minute}"), Window.parse(f"{minute}-24:00")]
    inside = [
        span for window in both for span in spans(now, [window], EVERY_DAY, place) if span.begin <= now < span.end
    ]
    assert len(inside) >= 1
