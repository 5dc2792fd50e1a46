"""Conditions as text: read, written, and true, false or unknown."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.plants import START, later

from edge_agent.expressions.grammar import MOST_CHARACTERS, ExpressionError
from edge_agent.expressions.quantities import Calculated, Function, Number, Shows
from edge_agent.model.units import QUANTITIES
from edge_agent.plan.conditions.circumstances import Circumstances
from edge_agent.plan.conditions.clauses import ActuatorIs, Compared, DayIs, Joined, NodeIs, Not, Raised, TimeIs
from edge_agent.plan.conditions.meaning import alarms, asserted, compiled, elsewhere, misfits, named, places
from edge_agent.plan.conditions.text import ACTUATOR_WORDS, is_plain, parse
from edge_agent.plan.scene import Gauge, Known, Scene

SENSORS = ("tank1/level", "tank2/level", "station/suction")
_numbers = st.floats(-1e6, 1e6).map(Number)
_quantities = st.recursive(
    st.one_of(_numbers, st.sampled_from(SENSORS).map(Shows)),
    lambda inner: st.one_of(
        st.builds(Calculated, inner, st.sampled_from("+-*/"), inner),
        st.builds(Function, st.sampled_from(["min", "max", "avg"]), st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Function, st.just("abs"), st.tuples(inner)),
    ),
    max_leaves=4,
)
_atoms = st.one_of(
    st.builds(
        Compared,
        _quantities,
        st.sampled_from(["<", "<=", ">", ">="]),
        _quantities,
        st.sampled_from(["", "m", "bar", "m3/h", "%"]),
        st.sampled_from([0.0, 3.0, 0.25, 86_400.0]),
    ),
    st.sampled_from(["tank1/level:low", "station:offline", "station/pump1:failed"]).map(Raised),
    st.builds(ActuatorIs, st.just("station/pump1"), st.sampled_from(ACTUATOR_WORDS)),
    st.builds(NodeIs, st.just("station"), st.sampled_from(["online", "offline"])),
    st.sampled_from(["22:00-06:00", "00:00-24:00"]).map(TimeIs),
    st.sampled_from(["mon-fri", "sun"]).map(DayIs),
)
_clauses = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        inner.map(Not),
        st.builds(Joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)


@settings(max_examples=300)
@given(_clauses)
def test_what_is_written_is_read_back(clause):
    assert parse(str(clause)) == clause
    assert parse(f"( {clause} )") == clause


WORDS = [
    *(
        "tank1/level",
        "tank1/level:low",
        "station",
        "is",
        "running",
        "and",
        "or",
        "not",
        "(",
        ")",
        "<",
        ">=",
        "2.5",
        "m",
    ),
    *("m3/h", "for", "10 s", "+", "-", "*", "/", "min(", ",", "time is 22:00-06:00", "day is mon", "é", "\0"),
    "99:99-10:00",
]


@settings(max_examples=500)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)))
@example("(" * 900)
@example("not " * 240 + "a:b")
@example("1" * 400 + " < a/b")
@example("tank1/level < 1e999")
def test_any_text_is_a_condition_or_the_one_error(text):
    clause, error = read(text)
    if error is not None:
        assert 1 <= error.column <= len(text) + 1
        assert error.expected
    elif len(str(clause)) <= MOST_CHARACTERS:
        assert parse(str(clause)) == clause


def read(text):
    try:
        return parse(text), None
    except ExpressionError as error:
        return None, error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tank1/level <", "it ends too early at column 14; expected \"(\", a number, a sensor or an actuator or min"),
        ("tank1/level < 2 bananas", '"bananas" is not understood at column 17; expected'),
        ("tank1/level is happy", '"happy" is not understood at column 16; expected one of running, stopped'),
        ("time is 25:00-26:00", "'25:00-26:00' is no part of a day at column 9; expected a part of the day"),
        ("tank1/level < 2 for 3", "it ends too early at column 22; expected s, min or h"),
        ("day is someday", '"someday" is not understood at column 8; expected days, such as mon-fri'),
        ("abs(a/b, c/d) > 1", "abs() takes one figure at column 1; expected one"),
        ("", "it ends too early at column 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_was_expected(text, said):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert str(caught.value).startswith(said)


def around(values=None, *, active=(), equipment=None, online=None, at=START, since=None, doubt=False, **doubtful):
    gauges = {name: Gauge(value, None, "m", trusted=value is not None) for name, value in (values or {}).items()}
    gauges |= {name: gauge._replace(doubtful=doubtful["suspect"]) for name, gauge in gauges.items() if doubtful}
    scene = Scene(active, (), at, lambda _: None, lambda name: gauges.get(name, Gauge()),
                  lambda name: (equipment or {}).get(name, {}), (online or {}).get)  # fmt: skip
    return Circumstances(scene, "UTC", {} if since is None else since, doubt=doubt)


A, B = "tank1/level", "tank2/level"


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        (f"{A} < 2.5", True),
        (f"{A} < 2", False),
        (f"{A} <= 2", True),
        (f"{A} > 1999 mm", True),
        (f"{A} > 2001 mm", False),
        (f"{A} > {B}", None),
        (f"{A} > 1 or {B} > 1", True),
        (f"{A} > 3 and {B} > 1", False),
        (f"{A} > 1 and {B} > 1", None),
        (f"not {B} > 1", None),
        (f"not {A} > 3", True),
        (f"{A} / 0 > 1", None),
        (f"{A} * 2 + 1 > 4.9", True),
        (f"avg({A}, 4) >= 3", True),
        (f"min({A}, {B}) > 0", None),
        (f"abs(0 - {A}) < 2.1", True),
        (f"{A} - 3 < -0.9", True),
        ("tank1/level:low", True),
        ("not tank1/level:high", True),
        ("pump/p is running", True),
        ("pump/p is stopped", False),
        ("pump/p is open", None),
        ("pump/q is running", None),
        ("station is online", True),
        ("station is offline", False),
        ("tank9 is online", None),
        ("time is 10:00-11:00", True),
        ("time is 11:00-10:00", False),
        ("day is sun", True),
        ("day is mon-sat", False),
    ],
)
def test_it_is_true_false_or_unknown(text, truth):
    known = {"pump/p": {"running": True, "stopped": False}}
    found = around({A: 2.0}, active=("tank1/level:low",), equipment=known, online={"station": True})
    assert compiled(text)(found) is truth


@pytest.mark.parametrize(("hours", "sunday"), [(-10.1, False), (-10, True), (13.99, True), (14, False), (14.3, False)])
def test_a_day_begins_and_ends_at_midnight(hours, sunday):
    at = later(3600 * hours)  # from 10:00 of a Sunday
    assert compiled("day is sun")(around(at=at)) is sunday
    assert compiled("not day is sun")(around(at=at)) is not sunday


def test_of_a_clock_that_may_be_wrong_nothing_is_known():
    unsure = around(at=START._replace(sure=False))
    assert compiled("time is 00:00-24:00")(unsure) is None
    assert compiled("not day is mon")(unsure) is None


def test_a_doubtful_reading_is_unknown_and_counts_where_doubt_does():
    assert compiled(f"{A} < 2.5")(around({A: 2.0}, suspect=3.0)) is None
    assert compiled(f"{A} > 2.5")(around({A: 2.0}, suspect=3.0, doubt=True)) is True


def test_it_is_true_when_it_has_been_for_as_long_as_it_says():
    held, since = compiled(f"{A} < 2.5 for 10 s"), {}

    def at(seconds, value):
        now = around({A: value}, at=START._replace(seconds=START.seconds + seconds), since=since)
        return held(now), now.due - now.seconds

    assert at(0, 2.0) == (False, 10.0)
    assert at(9, 2.0) == (False, 1.0)
    assert at(10, 2.0)[0] is True
    assert at(11, 3.0)[0] is False
    assert at(12, 2.0) == (False, 10.0)
    assert at(21, None)[0] is None
    assert at(23, 2.0) == (False, 10.0)


_truths = st.sampled_from([True, False, None])


@given(_truths, _truths, _truths)
def test_the_laws_of_three_valued_logic_hold(one, other, third):
    def read(text):
        words = {"a": one, "b": other, "c": third}
        equipment = {f"n/{name}": {} if truth is None else {"running": truth} for name, truth in words.items()}
        for name in words:
            text = text.replace(f"<{name}>", f"n/{name} is running")
        return compiled(text)(around(equipment=equipment))

    def order(truth):
        return {False: 0, None: 1, True: 2}[truth]

    assert order(read("<a> and <b>")) == min(order(one), order(other))
    assert order(read("<a> or <b>")) == max(order(one), order(other))
    assert order(read("not <a>")) == 2 - order(one)
    for left, right in [
        ("not (<a> and <b>)", "not <a> or not <b>"), ("not (<a> or <b>)", "not <a> and not <b>"),
        ("<a> and <b>", "<b> and <a>"), ("(<a> or <b>) or <c>", "<a> or (<b> or <c>)"), ("not not <a>", "<a>"),
        ("<a> and (<b> or <c>)", "<a> and <b> or <a> and <c>"), ("<a> or <a> and <b>", "<a>"),
    ]:  # fmt: skip
        assert read(left) == read(right)


@pytest.mark.parametrize("lasting", ["0 s", "31536000 s", "525600 min", "8760 h"])
def test_a_comparison_may_have_to_last_a_year(lasting):
    assert parse(f"{A} > 2 for {lasting}")


@pytest.mark.parametrize("lasting", ["31536001 s", "525601 min", "8761 h"])
def test_a_comparison_lasts_no_longer_than_a_year(lasting):
    with pytest.raises(ExpressionError, match="is out of range"):
        parse(f"{A} > 2 for {lasting}")


def test_what_it_names_is_found():
    texts = [f"{A} > 2 and not station/suction:low_low", "station is online", "station/pump1 is tripped", f"{B}:high"]
    assert alarms(texts) == ("station/suction:low_low", f"{B}:high")
    assert named(texts) == (A, "station")
    assert places(texts) == ("station/suction", B, A, "station")
    assert list(asserted(["not a/b:stale or not not c/d:stale"])) == ["c/d:stale"]
    assert elsewhere(f"{A} > 2 and {A}:low and {A}2 > 1", A, B) == f"{B} > 2 and {B}:low and {A}2 > 1"
    assert is_plain("tank1/level:low")
    assert not is_plain("tank1/level > 2")


KNOWN = Known(
    {"tank1/level:low": "value", "station:offline": ""},
    {A: "level", B: "level", "station/suction": "pressure"},
    {"station/pump1": "pump"},
    {A: (0.0, 6.0)},
    {A: "m", B: "ft", "station/suction": "bar"},
)


@pytest.mark.parametrize(
    ("text", "wrong", "expected"),
    [
        ("tank1/levl > 2", '"tank1/levl" is no sensor of this plant', "did you mean tank1/level?"),
        ("station/pump2 is open", '"station/pump2" is no actuator of this plant', "station/pump1"),
        ("statio is online", '"statio" is no node of this plant', "declared"),
        ("not tank1/level:lo", '"tank1/level:lo" is no alarm of this plant', "did you mean tank1/level:low?"),
        (f"{A} > 2 bar", '"bar" is not a unit of level', "one of m, cm"),
        (f"{A} > {B}", "tank1/level is in m and tank2/level is in ft", "sensors in one unit"),
        (f"{A} + station/suction > 2", "tank1/level is in m and station/suction is in bar", "one unit"),
        (f"{A} > 6", "no good reading of tank1/level lies above 6", "one between 0 and 6"),
        (f"{A} > 700 cm", "no good reading of tank1/level lies above 7", "one between 0 and 6"),
        (f"{A} < 0", "no good reading of tank1/level lies below 0", "one between 0 and 6"),
        (f"{A} < -1", "no good reading of tank1/level lies below -1", "one between 0 and 6"),
        ("1 > 2", '"1 > 2" is about no sensor', "a sensor in it"),
        (f"{A} > ", f'"{A} > ": it ends too early at column 15', "a number"),
    ],
)
def test_what_a_plant_cannot_fulfil_is_named(text, wrong, expected):
    found = list(misfits(("when", 0), text, KNOWN))
    assert [one.wrong for one in found] == [wrong]
    assert expected in found[0].expected


def test_what_is_right_is_not_named():
    right = (f"{A} > 2 m and station is online", f"{A} * station/suction > 3", "station/pump1 is available")
    for text in (*right, f"{A} < 3", f"{A} > 0", f"{A} < 6"):
        assert list(misfits(("when", 0), text, KNOWN)) == []


@pytest.mark.parametrize(
    "text", ["not " * 248 + "a:b", "(" * 80 + "a:b and x:y" + ")" * 80, "(a/b + " * 60 + "1" + ")" * 60 + " > 2"]
)
def test_the_deepest_condition_is_found_out_too(text):
    found = around(active=("a:b",))
    assert compiled(text)(found) in {True, False, None}
    assert places((text,))
    assert list(misfits(("when", 0), text, KNOWN))


def test_every_unit_may_stand_in_a_condition():
    for units in QUANTITIES.values():
        for unit in units:
            if unit != "1":
                assert parse(f"a/b > 2 {unit} for 3 s").unit == unit


def test_the_parser_is_loaded_only_where_a_condition_is_used():
    script = (
        "import sys; from edge_agent.settings import plantfile; from edge_agent.plan.conditions.text import parse;"
        "parse('tank1/level:low'); print('lark' in sys.modules); parse('a/b > 1'); print('lark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("operator", ["+", "-", "*", "/"])
def test_what_is_reckoned_with_something_unknown_is_unknown(operator):
    for text in (f"{A} {operator} {B} > -9", f"{B} {operator} {A} > -9"):
        assert compiled(text)(around({A: 2.0})) is None
        assert compiled(text)(around({A: 2.0, B: 1.0})) is True
