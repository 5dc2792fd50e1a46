"""QARTOD flags: precedence and packing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.quality import Flag, aggregate, flag_name
from edge_agent.monitor.tests.registry import LAYOUT

_flags = st.sampled_from(Flag)


def test_the_numbers_are_those_of_qartod():
    assert {flag_name(flag): int(flag) for flag in Flag} == {
        "good": 1,
        "not_evaluated": 2,
        "suspect": 3,
        "fail": 4,
        "missing": 9,
    }


@pytest.mark.parametrize(
    ("flags", "joined"),
    [
        ([], Flag.MISSING), ([9, 2], Flag.NOT_EVALUATED), ([9, 2, 1], Flag.GOOD), ([2, 1], Flag.GOOD),
        ([1, 1, 3], Flag.SUSPECT), ([1, 3, 4, 9, 2], Flag.FAIL),
    ],
)  # fmt: skip
def test_precedence(flags, joined):
    assert aggregate(flags) == joined


@given(st.lists(_flags, min_size=1), st.lists(_flags, min_size=1))
def test_an_aggregate_of_aggregates_is_the_aggregate(one, other):
    assert aggregate([*one, *other]) == aggregate([aggregate(other), aggregate(one)])


@given(st.dictionaries(st.sampled_from(list(LAYOUT.names.values())), _flags.map(flag_name)))
def test_packing_is_exact_both_ways(tests):
    assert LAYOUT.unpack(LAYOUT.pack(tests)) == tests


def test_unknown_tests_cannot_be_packed():
    with pytest.raises(KeyError):
        LAYOUT.pack({"smell": "good"})
