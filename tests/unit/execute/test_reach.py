"""Which nodes are there, as far as they and the dispatch have said, and that those that are gone are forgotten."""

from __future__ import annotations

import pytest

from edge_agent.execute.reach import Reach


@pytest.fixture
def reach():
    found = Reach()
    for node in ("station", "well"):
        found.note(node, 0.0, online=True)
    return found


def test_what_was_said_of_a_node_ends_with_it_and_of_others_stays(reach):
    for node in ("station", "well"):
        reach.note(node, 10.0, online=False)
        reach.note_breaker(node, "half_open")
    reach.keep({"station"})
    assert (reach.breaker("station"), reach.breaker("well")) == ("half_open", "closed")
    assert list(reach.trying) == ["station"]
    assert reach.offline == {"station"}
    assert reach.online == {"station": False}
    assert reach.gone_seconds == {"station": 10.0}


def test_since_when_a_node_is_gone_is_known_until_it_comes_back(reach):
    for seconds in (10.0, 20.0):
        reach.note("well", seconds, online=False)
    assert reach.gone_seconds == {"well": 10.0}
    reach.note("well", 30.0, online=True)
    assert reach.gone_seconds == {}


def test_a_node_that_tries_no_more_is_waited_for_no_more(reach):
    reach.note_breaker("well", "half_open")
    reach.note_breaker("station", "half_open")
    reach.note_breaker("well", "open")
    assert list(reach.trying) == ["station"]


@pytest.mark.parametrize(
    ("online", "breaker", "can"),
    [(True, "closed", True), (True, "half_open", True), (True, "open", False), (False, "closed", False)],
)
def test_a_node_can_be_asked_while_neither_its_status_nor_its_breaker_speaks_against_it(reach, online, breaker, can):
    reach.note("well", 10.0, online=online)
    reach.note_breaker("well", breaker)
    assert reach.can_be_asked("well") is can


def test_a_node_that_was_never_heard_can_be_asked(reach):
    assert reach.can_be_asked("lake")
    assert reach.node_check("lake", safe=False) == ("node", True, "never heard")


@pytest.mark.parametrize("safe", [False, True])
def test_only_the_fail_safe_action_goes_to_a_node_that_is_offline(reach, safe):
    assert reach.note("well", 10.0, online=False) is True
    assert reach.node_check("well", safe=safe) == ("node", safe, "offline")
    assert reach.node_check("station", safe=safe) == ("node", True, "online")
