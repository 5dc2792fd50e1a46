"""Sequence numbers: gaps, restarts, what comes late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.monitor.sequence import Sequence


def gaps(*numbers):
    sequence = Sequence()
    return [sequence.update(seq, newer=newer) for seq, newer in numbers]


def test_the_first_number_misses_nothing():
    assert gaps((4711, True)) == [0]


def test_what_is_missing_between_two_numbers_is_counted():
    assert gaps((1, True), (2, True), (5, True), (6, True)) == [0, 0, 2, 0]


def test_a_restarted_node_begins_anew_without_a_gap():
    assert gaps((4711, True), (0, True), (1, True), (3, True)) == [0, 0, 0, 1]


def test_a_number_that_comes_late_is_no_restart():
    assert gaps((1, True), (4, True), (2, False), (5, True)) == [0, 2, 0, 0]


def test_the_same_number_again_misses_nothing():
    sequence = Sequence()
    sequence.update(7, newer=True)
    assert sequence.repeats(7)
    assert not sequence.repeats(8)
    assert sequence.update(7, newer=True) == 0


@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_of_a_growing_sequence_exactly_the_lost_are_missing(arrived):
    sequence = Sequence()
    found = sum(sequence.update(seq, newer=True) for seq, there in enumerate(arrived) if there)
    there = [seq for seq, it in enumerate(arrived) if it]
    assert found == (there[-1] - there[0] + 1 - len(there) if there else 0)
