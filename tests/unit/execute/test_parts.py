"""The parts of a control: pauses, the hand at the panel, what explains a change, and what a part says of itself."""

from __future__ import annotations

import pytest
from support.plants import START

from edge_agent.execute.causes import Causes
from edge_agent.execute.pace import Pace, longest_pause
from edge_agent.execute.panel import Hand, Panel


def test_pauses_double_up_to_what_the_request_bears_and_never_fall_below_the_timeout():
    pace, pauses = Pace(5.0, 0.0), []
    for _ in range(5):
        pauses.append(pace.pause_seconds)
        pace.slow_down(30.0)
    assert pauses == [5.0, 10.0, 20.0, 30.0, 30.0]
    pace.slow_down(1.0)
    assert pace.pause_seconds == 5.0


@pytest.mark.parametrize(
    ("safe", "trip", "longest"), [(False, False, 450.0), (True, False, 60.0), (True, True, 10.0), (False, True, 10.0)]
)
def test_what_is_urgent_bears_short_pauses_only(safe, trip, longest):
    assert longest_pause(900.0, safe=safe, trip=trip) == longest


def test_a_try_is_hastened_and_never_put_off_by_that():
    pace = Pace(5.0, 100.0)
    pace.hasten(50.0)
    pace.hasten(70.0)
    assert pace.due_seconds == 50.0


def test_a_person_who_releases_it_in_local_does_not_take_it_from_the_panel():
    panel = Panel(retries=1)
    assert (panel.retry(), panel.retry()) == (True, False)
    panel.take(Hand.LOCAL)
    panel.forgive()
    assert (panel.hand, panel.retry()) == (Hand.LOCAL, True)
    panel.give_back()
    assert not panel.taken


@pytest.mark.parametrize(
    ("remembered", "hand"), [("local", Hand.LOCAL), (None, Hand.AUTO), ("a later word", Hand.AUTO)]
)
def test_a_hand_is_remembered_as_far_as_it_is_known(remembered, hand):
    panel = Panel(retries=0)
    panel.recall(remembered)
    assert panel.hand is hand
    assert panel.memory == (None if hand is Hand.AUTO else str(hand))


def test_a_return_of_the_node_explains_one_report():
    causes = Causes()
    causes.away()
    assert (causes.came_back(), causes.came_back()) == (True, False)


def test_an_overtaken_command_explains_what_it_asked_for_a_while():
    causes = Causes()
    causes.overtake(10.0, on=True)
    assert causes.explain(on=True, seconds=9.0)
    assert not causes.explain(on=False, seconds=9.0)
    assert not causes.explain(on=True, seconds=10.0)


def test_every_part_says_what_state_it_is_in(desk):
    desk.done("start")
    executor, control = desk.executor, desk.control
    assert repr(control) == "<Control station/pump1: start, fulfilled>"
    assert repr(control.panel) == "<Panel: auto>"
    assert repr(control.lock_out) == "<LockOut: 0 of 3 failures, free>"
    assert repr(control.pace) == f"<Pace: due at {START.seconds + 10:g}, then every 5 s>"
    assert repr(control.newest).endswith("closed, report heard>")
    assert repr(control.contradiction) == "<Contradiction since None, restored 0 times, proof given>"
    assert repr(control.held_back) == "<HeldBack by nothing>"
    assert repr(executor) == (
        "<Executor: <Authority of gateway-1: auto, epoch 7, 1 commands>, "
        "<Roster: 1 in the plant, 0 on their way out>, <OpenCommands: 0 open>>"
    )
