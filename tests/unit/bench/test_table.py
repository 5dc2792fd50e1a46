"""The benchmark's table: figures as they are written, bars that are met or not, nothing left out silently."""

from __future__ import annotations

import pytest
from bench.plot import draw
from bench.table import Report, Row, markdown, percentile, terminal, written


@pytest.mark.parametrize(
    ("figure", "text"),
    [(0.1234, "0.123"), (4.557, "4.56"), (78.94, "78.9"), (1234.4, "1,234"), (0.0, "0"), (-12.3, "-12.3")],
)
def test_a_figure_has_the_digits_that_count(figure, text):
    assert written(figure) == text


@pytest.mark.parametrize(("share", "found"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(share, found):
    assert percentile(range(100, 0, -1), share) == found


def test_a_percentile_of_one_sample_is_that_sample():
    assert [percentile([7.0], share) for share in (0.0, 0.5, 1.0)] == [7.0] * 3


def test_the_median_of_the_rounds_decides_whether_a_bar_is_met():
    assert Row("t", "w", [1, 30, 20], most=22).met == "yes"
    assert Row("t", "w", [1, 30, 23], most=22).met == "NO"
    assert Row("t", "w", [4.9], least=5).met == "NO"
    assert Row("t", "w", [5.0], least=5).met == "yes"
    assert Row("t", "w", [5.0]).met == ""


def test_what_was_not_measured_has_a_row_that_says_why():
    report = Report(say=lambda _: None)
    report.add(Row("cpu", "edge-agent", [22.4, 21.0, 25.0], "µs", most=22))
    report.add(Row("cpu", "Node-RED", unit="µs", most=1, note="npm is not installed"))
    text = terminal(report)
    assert text.splitlines()[1] == "cpu"
    assert [line.split() for line in text.splitlines()[3:]] == [
        ["edge-agent", "22.4", "21.0", "25.0", "µs", "≤", "22.0", "NO"],
        ["Node-RED", "—", "≤", "1.00", "not", "measured", "npm", "is", "not", "installed"],
    ]
    assert "| Node-RED | — |  |  |  | ≤ 1.00 | not measured | npm is not installed |" in markdown(report)


def test_the_plot_has_a_bar_for_each_figure_in_microseconds_and_cuts_what_dwarfs_the_others():
    report = Report(say=lambda _: None)
    for what, figure in (("edge-agent & co: CPU a message", 20.0), ("near", 25.0), ("far", 900.0)):
        report.add(Row("cpu", what, [figure], "µs", most=22))
    report.add(Row("cpu", "absent", unit="µs"))
    report.add(Row("cpu", "a share", [0.5], "ratio"))
    drawing = draw(report)
    assert drawing.count("<rect") == 1 + 3
    assert "edge-agent &amp; co<" in drawing
    assert "900 (cut)" in drawing
    assert "25.0 (cut)" not in drawing
    assert "absent" not in drawing
