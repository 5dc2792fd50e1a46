"""Figures as text: read, written, in which unit they come out, and in which order they are computed."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_agent.expressions.dimensions import factor, sensors
from edge_agent.expressions.grammar import ExpressionError, parse_figure
from edge_agent.expressions.order import circle, in_order
from edge_agent.expressions.quantities import Calculated, Function, Number, Shows
from edge_agent.model.units import QUANTITIES

UNITS = {
    "well1/flow": "m3/h",
    "well2/flow": "m3/h",
    "mains/flow": "L/s",
    "pump/power": "kW",
    "tank/level": "m",
    "tank/volume": "m3",
    "meter/energy": "kWh",
    "air/temperature": "C",
    "station/suction": "bar",
    "station/discharge": "bar",
}
_figures = st.recursive(
    st.one_of(st.floats(-1e6, 1e6).map(Number), st.sampled_from(sorted(UNITS)).map(Shows)),
    lambda inner: st.one_of(
        st.builds(Calculated, inner, st.sampled_from("+-*/"), inner),
        st.builds(Function, st.sampled_from(["min", "max", "avg"]), st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Function, st.just("abs"), st.tuples(inner)),
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(_figures)
def test_what_is_written_is_read_back(figure):
    assert parse_figure(str(figure)) == figure


@settings(max_examples=400)
@given(st.text(max_size=40) | st.lists(st.sampled_from([*UNITS, *"+-*/(),", "min(", "2.5", "é"])).map(" ".join))
@example("(" * 900)
@example("1" * 400)
@example("well1/flow < 3")
def test_any_text_is_a_figure_or_the_one_error(text):
    figure, error = attempt(parse_figure, text)
    if error is None:
        assert parse_figure(text) == figure
    else:
        assert 1 <= error.column <= len(text) + 1
        assert error.expected


def attempt(reads, *given):
    try:
        return reads(*given), None
    except ExpressionError as error:
        return None, error


@settings(max_examples=300)
@given(_figures, st.sampled_from(sorted({unit for units in QUANTITIES.values() for unit in units})))
def test_any_figure_comes_out_in_a_unit_or_says_why_not(figure, unit):
    found, error = attempt(factor, str(figure), UNITS, unit)
    assert found > 0 if error is None else 1 <= error.column <= len(str(figure))


class Values(dict):
    value = dict.get


def test_it_is_calculated_as_everybody_would():
    shown = Values({"well1/flow": 12.0, "well2/flow": 8.0})
    assert parse_figure("well1/flow + well2/flow * 2 - 1").figured()(shown) == 27.0
    assert parse_figure("abs(well2/flow - well1/flow) / 2").figured()(shown) == 2.0
    assert parse_figure("avg(well1/flow, well2/flow, 1)").figured()(shown) == 7.0


def test_what_is_divided_by_nothing_or_made_of_nothing_known_is_unknown():
    assert (
        parse_figure("well1/flow / (well2/flow - 8)").figured()(Values({"well1/flow": 1.0, "well2/flow": 8.0})) is None
    )
    assert parse_figure("well1/flow + well2/flow").figured()(Values({"well1/flow": 1.0})) is None


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("well1/flow + well2/flow", "m3/h", 1.0),
        ("well1/flow + well2/flow - 5", "m3/h", 1.0),
        ("well1/flow + well2/flow", "L/s", 1 / 3.6),
        ("max(station/suction, station/discharge)", "kPa", 100.0),
        ("pump/power / well1/flow", "kWh/m3", 1.0),
        ("pump/power / mains/flow", "kWh/m3", 1 / 3.6),
        ("meter/energy / tank/volume", "kWh/m3", 1.0),
        ("well1/flow / well2/flow", "%", 100.0),
        ("(station/discharge - station/suction) * well1/flow", "kW", 1 / 36),
        ("tank/level * 380", "m3", 1.0),  # who multiplies by an area means it
        ("mains/flow * 3.6", "m3/h", 1.0),  # who has converted means it
        ("mains/flow * 3.6 + well1/flow", "m3/h", 1.0),
        ("air/temperature", "C", 1.0),
    ],
)
def test_the_unit_follows_from_the_sensors(text, unit, expected):
    assert factor(text, UNITS, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("well1/flow", "m3", 1.0),
        ("mains/flow", "m3", 3.6),
        ("pump/power", "kWh", 1.0),
        ("pump/power", "MWh", 0.001),
        ("0.5 * pump/power", "kWh", 1.0),
    ],
)
def test_what_is_added_up_over_time_is_in_hours(text, unit, expected):
    assert factor(text, UNITS, unit, summed=True) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "unit", "said", "column"),
    [
        ("well1/flow + mains/flow", "m3/h", "well1/flow in m3/h and mains/flow in L/s", 14),
        ("min(well1/flow, pump/power)", "m3/h", "well1/flow in m3/h and pump/power in kW", 17),
        ("well1/flow + tank/level", "m3/h", "well1/flow in m3/h and tank/level in m", 14),
        ("well1/flow", "kW", 'what is in m3/h comes to no "kW"', 1),
        ("well1/flow * well2/flow", "m3/h", 'comes to no "m3/h"', 1),
        ("air/temperature", "K", 'what is in C comes to no "K"', 1),
        ("2 + 3", "m3/h", "there is no sensor in it", 1),
    ],
)
def test_units_that_do_not_go_together_are_told_with_their_place(text, unit, said, column):
    with pytest.raises(ExpressionError) as caught:
        factor(text, UNITS, unit)
    assert said in str(caught.value)
    assert caught.value.column == column


def test_within_a_quantity_it_is_converted_as_everywhere():
    assert factor("station/discharge - station/suction", UNITS, "m", "pressure") == pytest.approx(10.197, abs=0.001)
    with pytest.raises(ExpressionError, match='comes to no "m"'):
        factor("station/discharge", UNITS, "m", "level")
    with pytest.raises(ExpressionError, match='comes to no "F"'):
        factor("air/temperature", UNITS, "F", "temperature")


def test_a_sum_of_what_is_no_rate_is_told():
    with pytest.raises(ExpressionError, match=r'what is in m, added up over time, comes to no "m"'):
        factor("tank/level", UNITS, "m", summed=True)


def test_the_sensors_are_named_in_their_order_each_once():
    assert sensors("b/x + a/x * (b/x - 1)") == ("b/x", "a/x")


def test_a_circle_is_named_and_what_uses_it_is_left_out():
    made_of = {"a/x": ("b/x",), "b/x": ("c/x",), "c/x": ("a/x", "raw/x"), "d/x": ("c/x",), "e/x": ("raw/x",)}
    assert circle(made_of) == ("a/x", "b/x", "c/x", "a/x")
    assert in_order(made_of) == ["e/x"]
    assert circle({"a/x": ("a/x",)}) == ("a/x", "a/x")
    assert circle({"a/x": ("b/x",)}) == ()


@given(st.dictionaries(st.sampled_from("abcdefg"), st.sets(st.sampled_from("abcdefgxyz")), max_size=7))
def test_each_comes_after_what_it_is_made_of(made_of):
    found = in_order(made_of)
    assert all(part not in made_of or part in found[: found.index(name)] for name in found for part in made_of[name])
    if not circle(made_of):
        assert sorted(found) == sorted(made_of)
