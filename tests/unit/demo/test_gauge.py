from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from edge_agent.demo.gauge import Span, bar, marks, span_of

if TYPE_CHECKING:
    from edge_agent.model.plant import Threshold

SPAN = Span(0.0, 5.0)


@pytest.mark.parametrize("width", [10, 29, 80])
def test_every_threshold_has_its_line_in_the_bar(thresholds: tuple[Threshold, ...], width: int) -> None:
    drawn = bar(3.0, SPAN, thresholds, width).plain
    assert len(drawn) == width + 2
    lines = [column - 1 for column, character in enumerate(drawn) if character == "│"]
    assert lines == [SPAN.column(threshold.limit, width) for threshold in thresholds]


@pytest.mark.parametrize(("value", "cells"), [(None, 0), (-1.0, 0), (0.0, 0), (2.5, 20), (5.0, 40), (9.0, 40)])
def test_the_bar_is_as_full_as_the_tank(value: float | None, cells: int) -> None:
    assert bar(value, SPAN, (), 40).plain.count("█") == cells


def test_marks_say_as_much_as_there_is_room_for(thresholds: tuple[Threshold, ...]) -> None:
    assert marks(SPAN, thresholds, 100).plain.split() == [
        "low_low",
        "1.8",
        "low",
        "2.5",
        "high",
        "3.6",
        "high_high",
        "4.4",
    ]
    assert marks(SPAN, thresholds, 50).plain.split() == ["low_low", "low", "high", "high_high"]
    assert marks(SPAN, thresholds, 30).plain.split() == ["LL", "L", "H", "HH"]
    assert marks(SPAN, thresholds, 5).plain == " " * 5


@pytest.mark.parametrize("width", [20, 30])
def test_marks_stand_under_their_lines(thresholds: tuple[Threshold, ...], width: int) -> None:
    drawn = marks(SPAN, thresholds, width).plain
    assert len(drawn) == width
    for threshold, label in zip(thresholds, re.finditer(r"\S+", drawn), strict=True):
        assert abs((label.start() + label.end() - 1) / 2 - SPAN.column(threshold.limit, width)) <= 1


def test_a_span_shows_every_threshold(thresholds: tuple[Threshold, ...]) -> None:
    assert span_of(thresholds, Span(2.0, 4.0)) == (1.8, 4.4)
    narrow = span_of(thresholds)
    assert narrow.low < 1.8
    assert narrow.high > 4.4
    assert span_of(()) == (0.0, 1.0)
