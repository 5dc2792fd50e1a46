"""Where nothing says that it has changed, only what waits for something is looked at again, and then it is."""

from __future__ import annotations

import pytest
from support.plandesk import FILL, HIGH, LEVEL, LOW, PUMP1, PUMP2, STOP, SUCTION, Desk, start
from support.plants import FILL as FILL_ALONE
from support.plants import START, Bench, plan, plant, state, status

from edge_agent.model.evidence import grace_seconds

FULL = plan("full", HIGH, (PUMP1, "stop"), priority=90)
TRIP = plan("dry", SUCTION, (PUMP1, "stop"), trip=True, latch=True)


def look_again(desk):
    """Let the equipment report something; return whether that is looked at at once."""
    desk.planner.look_again(desk.now)
    return desk.planner.next_seconds() == desk.now.seconds


@pytest.mark.parametrize(("doing", "given"), [(True, []), (False, [(PUMP1, "stop", "fill")])])
def test_what_a_former_run_left_waits_for_the_report_of_the_equipment(doing, given):
    desk = Desk(FILL, STOP, stands=[start()])
    assert desk.decide() == []
    assert desk.planner.unsure(PUMP1)
    assert desk.decide(at=1, changed=()) == []
    assert desk.planner.unsure(PUMP1)
    desk.doing[PUMP1] = doing
    assert look_again(desk)
    assert desk.decide(at=2, changed=()) == given
    assert not desk.planner.unsure(PUMP1)
    assert not look_again(desk), "nothing waits any more"


def test_what_stands_on_evidence_is_not_looked_at_for_a_report():
    desk = Desk(FILL, STOP)
    assert desk.decide(LOW) == [(PUMP1, "start", "fill")]
    assert not look_again(desk)


def returned():
    """A pump that runs, and whose node comes back with no reading since."""
    desk = Desk(FILL, STOP)
    desk.decide(LOW)
    desk.silent(LEVEL, since=99.5)
    desk.returned[PUMP1] = 100
    assert desk.decide(LOW, at=100, changed={"station"}) == []
    assert desk.planner.unsure(PUMP1)
    patience = grace_seconds(desk.planner.states["fill"].looks)
    assert desk.planner.arbiter.next_seconds() == START.seconds + 100 + patience
    return desk, 100 + patience


def test_a_return_waits_for_fresh_evidence_as_long_as_it_may_take_and_no_longer():
    desk, patience = returned()
    assert desk.decide(LOW, at=patience - 1, changed=()) == []
    assert desk.decide(LOW, at=patience, changed=()) == [(PUMP1, "stop", "fill")]
    assert list(desk.planner.blind) == [PUMP1]
    assert desk.planner.arbiter.next_seconds() == float("inf")


def test_fresh_evidence_ends_the_waiting():
    desk, patience = returned()
    desk.speaks(LEVEL)
    assert desk.decide(LOW, at=105, changed={LEVEL}) == []
    assert desk.planner.arbiter.next_seconds() == float("inf")
    assert not desk.planner.unsure(PUMP1)
    assert not look_again(desk)
    assert desk.decide(LOW, at=patience, changed=()) == []


def begins_again(desk, at):
    """Let the plan that fills begin once more; return which lost to which."""
    desk.decide(HIGH, at=at, changed={LOW})
    desk.decide(LOW, HIGH, at=at, changed={LOW})
    return desk.overruled


def test_that_a_plan_lost_is_recorded_once_a_minute_however_often_it_begins():
    desk = Desk(FILL, FULL)
    found = [at for at in range(125) if begins_again(desk, at) == [("fill", "full")]]
    assert found == [0, 60, 120]


def test_with_other_plans_it_is_recorded_anew():
    desk = Desk(FILL, FULL)
    assert begins_again(desk, 0) == [("fill", "full")]
    assert begins_again(desk, 1) == []
    desk.planner.adopt([FILL, FULL, plan("other", LOW, (PUMP2, "start"))])
    assert begins_again(desk, 2) == [("fill", "full")]


def test_a_trip_is_known_over_a_change_of_plans_and_ends_with_them():
    desk = Desk(FILL, TRIP)
    desk.decide(SUCTION)
    assert desk.planner.tripped == {PUMP1: "dry"}
    desk.planner.adopt([FILL, TRIP, STOP])
    assert desk.planner.tripped == {PUMP1: "dry"}
    desk.planner.adopt([FILL])
    desk.decide(at=1)
    assert desk.planner.tripped == {}


def test_a_start_waits_for_evidence_from_after_the_return_and_comes_with_it():
    desk = Desk(FILL, STOP)
    desk.decide()
    desk.silent(LEVEL, since=95)
    desk.returned[PUMP1] = 100
    desk.decide(at=100, changed={"station"})
    assert desk.decide(LOW, at=101, changed={LOW}) == []
    desk.speaks(LEVEL)
    assert desk.decide(LOW, at=105, changed={LEVEL}) == [(PUMP1, "start", "fill")]


@pytest.mark.parametrize(("plans", "given"), [((FILL_ALONE,), ["stop"]), ((FILL_ALONE, STOP), [])])
def test_what_no_plan_would_ever_end_ends_with_its_alarms(plans, given):
    bench = Bench(plant(plans=plans))
    bench.turn(status(True), state("stopped"), after=1)
    bench.level(1.0, 20)
    bench.turn(state("running"), after=20)
    for _ in range(5):
        bench.level(2.5, 20)
    assert list(dict.fromkeys(command.action for command in bench.commands)) == ["start", *given]
