"""Times as files of others write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import UsageError
from edge_agent.model.time import rfc3339
from edge_agent.series.times import NoTimeError, NoZoneError, TimeReader


def read(*texts, zone=None):
    reader = TimeReader(zone)
    return [rfc3339(reader.read(text)) for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T06:00:00Z",
        "2026-03-01t06:00:00z",
        "2026-03-01 07:00:00+01:00",
        "1772344800",
        "1772344800.0",
        "1772344800000",
    ],
)
def test_a_time_that_says_where_it_stands_needs_no_zone(text):
    assert read(text) == ["2026-03-01T06:00:00.000Z"]


@pytest.mark.parametrize("text", ["2026-03-01 07:00", "2026-03-01T07:00:00", "01.03.2026 07:00", "2026/03/01 07:00:00"])
def test_a_civil_time_needs_its_zone(text):
    assert read(text, zone="Europe/Berlin") == ["2026-03-01T06:00:00.000Z"]
    with pytest.raises(NoZoneError, match=r"--timezone"):
        read(text)


def test_the_hour_that_comes_twice_is_told_by_the_order():
    texts = ["2026-10-25 02:30", "2026-10-25 02:50", "2026-10-25 02:10", "2026-10-25 02:50", "2026-10-25 03:00"]
    found = read(*texts, zone="Europe/Berlin")
    assert [text[11:16] for text in found] == ["00:30", "00:50", "01:10", "01:50", "02:00"]


def test_an_hour_that_clocks_were_set_over_is_no_time():
    with pytest.raises(NoTimeError, match="does not exist in Europe/Berlin"):
        read("2026-03-29 02:30", zone="Europe/Berlin")


@pytest.mark.parametrize("text", ["", "soon", "12", "-1", "1e300", "2026-13-01T00:00:00Z", "inf", "nan"])
def test_what_is_no_time_is_told(text):
    with pytest.raises(NoTimeError):
        read(text, zone="UTC")


@pytest.mark.parametrize("zone", ["Middle/Earth", "../etc/passwd", ""])
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(UsageError, match="there is no time zone"):
        TimeReader(zone)


@given(st.text(max_size=40), st.sampled_from([None, "UTC", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_any_text_is_a_time_or_is_told(text, zone):
    reader = TimeReader(zone)
    try:
        reader.read(text)
    except NoTimeError as error:
        told = str(error)
    else:
        told = "is a time"
    assert told
