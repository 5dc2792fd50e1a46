"""Files of columns as they come: any delimiter, any names, gaps and mistakes told by their line."""

from __future__ import annotations

from math import isnan

import pytest

from edge_agent.errors import UsageError
from edge_agent.model.time import rfc3339
from edge_agent.series.table import SeriesFile


@pytest.fixture
def rows(tmp_path):
    """Write a file and read it; return (line, time, value, what is wrong) of each row."""

    def read(text, **how):
        path = tmp_path / "series.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return [
            (row.line, row.at and rfc3339(row.at)[11:19], row.value, row.wrong)
            for row, _ in SeriesFile(path, **how).rows()
        ]

    return read


TWO = [(2, "06:00:00", 3.2, ""), (3, "06:00:10", 3.25, "")]


@pytest.mark.parametrize(
    "text",
    [
        "time,level\n2026-03-01T06:00:00Z,3.2\n2026-03-01T06:00:10Z,3.25\n",
        "level;observed_at\n3,2;2026-03-01T06:00:00Z\n3,25;2026-03-01T06:00:10Z\n",
        "Datum\tPegel\n1772344800\t3.2\n1772344810\t3.25",
        "a|when|b\nx|2026-03-01T06:00:00Z|3.2\ny|2026-03-01T06:00:10Z|3.25\n",
        '"time","note","level"\r\n"2026-03-01T06:00:00Z","a, b","3.2"\r\n"2026-03-01T06:00:10Z","","3.25"\r\n',
        b"\xef\xbb\xbftime,level\n2026-03-01T06:00:00Z,3.2\n2026-03-01T06:00:10Z,3.25\n",
    ],
    ids=["comma", "semicolon and decimal comma", "tab", "bar and text", "quoted", "byte order mark"],
)
def test_columns_are_found(rows, text):
    assert rows(text) == TWO


def test_a_file_without_header_has_columns_by_number(rows):
    assert rows("2026-03-01T06:00:00Z,1,3.2\n", value="3") == [(1, "06:00:00", 3.2, "")]


def test_columns_are_named_where_several_hold_numbers(rows):
    text = "time,level,flow\n2026-03-01T06:00:00Z,3.2,7\n2026-03-01T06:00:10Z,3.25,8\n"
    assert rows(text, time="time", value="level") == TWO
    with pytest.raises(UsageError, match="several columns hold numbers; name one with --value"):
        rows(text)
    with pytest.raises(UsageError, match="has no column 'leve'; there are time, level, flow"):
        rows(text, value="leve")


@pytest.mark.parametrize("text", ["", "time,level\n", "a,b\nx,y\nx,y\n", "time,level\n2026-03-01T06:00:00Z,x\n"])
def test_a_file_that_holds_no_series_is_refused(rows, text):
    with pytest.raises(UsageError):
        rows(text)


def test_a_row_that_cannot_be_read_is_told_and_costs_itself_alone(rows):
    good = "".join(f"2026-03-01T06:{minute:02}:00Z,3.2\n" for minute in range(60))
    found = rows(f"time,level\n{good}2026-03-01T07:00:00Z,broken\nsoon,3.3\n2026-03-01T07:00:20Z\n\n{good}")
    wrong = [(line, text) for line, _, _, text in found if text]
    assert wrong == [
        (62, "'broken' is not a number"),
        (63, wrong[1][1]),
        (64, "has 1 columns"),
    ]
    assert wrong[1][1].startswith("'soon' is no time")
    assert len(found) == 123


@pytest.mark.parametrize("word", ["", "NaN", "null", "n/a", "-", "inf"])
def test_a_value_that_is_not_there_is_missing_and_no_mistake(rows, word):
    found = rows(f"time,level\n2026-03-01T06:00:00Z,3.2\n2026-03-01T06:00:10Z,{word}\n2026-03-01T06:00:20Z,3.2\n")
    assert [isnan(value) for _, _, value, _ in found] == [False, True, False]
    assert not any(wrong for *_, wrong in found)


def test_times_without_offset_and_zone_end_it_with_the_line(rows):
    with pytest.raises(UsageError, match=r"series.csv: line 2: '2026-03-01 06:00' has no offset"):
        rows("time,level\n2026-03-01 06:00,3.2\n")
