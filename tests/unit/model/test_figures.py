from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.model.figures import apart, figure, short

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def sign(first: float, second: float) -> int:
    return (first > second) - (first < second)


@given(NUMBERS, NUMBERS, st.sampled_from([figure, short]))
@example(950.41, 950.4100001, figure)
@example(0.0999999, 0.1, figure)
@example(1e-300, 1.0001e-300, short)
def test_two_numbers_read_in_the_order_in_which_they_are(value, limit, write):
    shown = apart(value, limit, write)

    assert sign(float(shown[0]), float(shown[1])) == sign(value, limit)


@given(NUMBERS)
def test_the_number_next_to_another_is_told_from_it(value):
    from math import inf, nextafter  # noqa: PLC0415 - of this test only

    beside = nextafter(value, inf)
    if beside != inf:
        first, second = apart(value, beside)
        assert float(first) < float(second)


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (1.42, 1.5, ("1.42", "1.50")),
        (950.40999, 950.41, ("950.40999", "950.41000")),
        (950.406, 950.41, ("950.406", "950.410")),
        (0.0123456, 0.02, ("0.0123", "0.02")),
        (5.0, 5.0, ("5.00", "5.00")),
    ],
)
def test_no_more_decimals_are_written_than_it_takes(value, limit, shown):
    assert apart(value, limit) == shown
