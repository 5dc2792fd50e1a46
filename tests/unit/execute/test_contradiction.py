"""How long reports may contradict a request before it is said, and what is left to a hand at the panel."""

from __future__ import annotations

import pytest

from edge_agent.execute.contradiction import Contradiction
from edge_agent.model.agenda import NEVER


def contradicted(*, proven, restored, since=100.0):
    found = Contradiction()
    if proven:
        found.prove()
    else:
        found.command()
    found.since, found.restored = since, restored
    return found


@pytest.mark.parametrize(
    ("proven", "restored", "lasting"),
    [(True, 0, 130.0), (False, 0, 100.0), (True, 1, 100.0), (False, 2, 100.0)],
)
def test_what_was_proven_once_is_given_the_time_of_a_report_and_nothing_else_is(proven, restored, lasting):
    assert contradicted(proven=proven, restored=restored).lasting_seconds(30.0) == lasting


def test_what_nothing_contradicts_never_lasts():
    assert Contradiction().lasting_seconds(30.0) == NEVER


@pytest.mark.parametrize("restored", [0, 1])
def test_what_a_hand_did_is_left_to_it_after_one_try(restored):
    found = contradicted(proven=True, restored=restored)
    assert not found.left_to_the_hand()
    found.by_hand()
    assert not found.left_to_the_hand(), "one try is made"
    found.restored += 1
    assert found.left_to_the_hand()
    found.begin_anew()
    assert (found.left_to_the_hand(), found.since, found.restored) == (False, None, 0)


def test_what_does_as_requested_contradicts_no_more():
    found = contradicted(proven=True, restored=2)
    found.by_hand()
    found.restored = 2
    found.prove()
    assert (found.since, found.restored, found.left_to_the_hand()) == (None, 0, False)
    assert found.lasting_seconds(30.0) == NEVER
