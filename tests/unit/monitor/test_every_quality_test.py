"""One suite over all quality tests: what each promises to the fast path, to a restart, and to whoever reads of it."""

from __future__ import annotations

import json
from dataclasses import fields
from math import inf, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frozen import freeze

from edge_agent.knowledge.policy.digest import plain
from edge_agent.knowledge.policy.plant_rows import _sensor
from edge_agent.model.plant import Sensor
from edge_agent.model.quality import Flag, Quality, joined
from edge_agent.monitor.tests.registry import LAYOUT, MOST_NUMBER, TESTS, layout
from edge_agent.monitor.tests.spec import Seen
from edge_agent.runtime.freezing import thaw
from edge_agent.settings.schema import QUALITY_TABLES

_limit = st.floats(0.01, 100.0)
#: What each member of a test may be, by its name.
_MEMBERS = {
    "gross_range": {
        "fail": st.tuples(st.floats(-10, 0), st.floats(1, 10)),
        "suspect": st.none() | st.tuples(st.floats(-5, 0), st.floats(1, 5)),
    },
    "flat_line": {"tolerance": st.floats(0, 5), "suspect_seconds": st.none() | _limit, "fail_seconds": _limit},
    "freshness": {"fail_seconds": _limit, "suspect_seconds": st.none() | _limit},
}


def specs(test):
    """Any limits that a test may have."""
    members = _MEMBERS.get(test.name) or {member.name: st.none() | _limit for member in fields(test)}
    return st.builds(test, **members)


any_spec = st.one_of(*map(specs, TESTS))
_value = st.floats(-20, 20)
seen = st.builds(Seen, _value, st.just(100.0), st.floats(-5, 150), _value, st.just(90.0), st.just(10.0), _value)


def within(bounds, reading):
    """Whether a reading is quiet: the fast path does not ask then."""
    return (
        bounds.lowest <= reading.value <= bounds.highest
        and abs(reading.value - reading.last) / reading.apart_seconds <= bounds.rate
        and abs(reading.last - (reading.before + reading.value) / 2) <= bounds.height
        and reading.age_seconds <= bounds.age_seconds
        and abs(reading.value - reading.last) > bounds.still
    )


@given(any_spec, seen)
def test_what_is_within_its_bounds_it_finds_good_and_forgets(spec, reading):
    if within(spec.bounds, reading):
        assert spec.update(reading, None) == (None, Flag.GOOD)


@given(any_spec, st.lists(_value, min_size=2, max_size=12))
def test_its_state_survives_a_recording_and_goes_on_with_the_same_flags(spec, values):
    state, copy = None, None
    for place, value in enumerate(values):
        last = values[place - 1] if place else None
        reading = Seen(value, 10.0 * place, 0.0, last, None if last is None else 10.0 * (place - 1), 10.0)
        copy = thaw(json.loads(json.dumps(freeze(copy))))
        (state, flag), (copy, again) = spec.update(reading, state), spec.update(reading, copy)
        assert flag == again


@given(any_spec, seen)
def test_one_that_remembers_says_so(spec, reading):
    state, _ = spec.update(reading, None)
    assert state is None or spec.bounds.still >= abs(reading.value - reading.last)


@given(any_spec)
def test_the_store_gives_back_the_limits_it_was_given(spec):
    quality = json.dumps(plain(Quality([spec])))
    assert _sensor(("tank1", "level", "level", "m", 10.0, quality, None, None, None)) == Sensor(
        "tank1", "level", "level", "m", 10.0, Quality([spec])
    )


@given(any_spec)
def test_it_hashes_and_compares_by_its_limits(spec):
    twin = type(spec)(**{member.name: getattr(spec, member.name) for member in fields(spec)})
    assert (Quality([spec]), hash(Quality([spec]))) == (Quality([twin]), hash(Quality([twin])))


@pytest.mark.parametrize("test", TESTS)
def test_it_says_what_it_needs_where_it_is_weak_and_where_it_comes_from(test):
    text = test.__doc__
    assert all(word in text for word in ("arm-up", "Weakness:", "Source:", ">>>"))


@pytest.mark.parametrize("test", TESTS)
def test_its_keys_in_the_plant_file_are_its_members_and_each_is_described(test):
    table = QUALITY_TABLES[test.name]
    assert list(table.model_fields) == [member.name for member in fields(test)]
    assert all(field.description for field in table.model_fields.values())
    assert test.question.endswith("?")


def test_the_numbers_of_tests_in_stored_readings_stay_what_they_are():
    assert LAYOUT.names == {
        0: "gross_range",
        1: "rate_of_change",
        2: "spike",
        3: "flat_line",
        4: "freshness",
        5: "clock",
        14: "inputs",
    }


@pytest.mark.parametrize("number", [0, 5, 14, -1, MOST_NUMBER + 1])
def test_a_number_that_is_taken_or_does_not_fit_is_refused(number):
    other = type("Other", (TESTS[0],), {"name": "other", "number": number})
    with pytest.raises(ValueError, match="other cannot have the number"):
        layout((*TESTS, other))


def test_the_bounds_of_no_test_are_infinite_and_those_of_all_are_the_narrowest():
    assert joined([]) == (-inf, inf, inf, inf, inf, -inf)
    bounds = [spec.bounds for spec in (TESTS[0]((0.0, 6.0), (1.0, 5.0)), TESTS[1](0.5, 0.2), TESTS[4](60.0, 30.0))]
    assert joined(bounds) == (1.0, 5.0, 0.2, inf, 30.0, -inf)
    assert isfinite(joined(bounds).rate)
