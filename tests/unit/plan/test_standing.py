"""What stands over restarts and edits of plans, and what a trip holds."""

from __future__ import annotations

import pytest
from support.plandesk import FILL, HIGH, LEVEL, LOW, PLANT, PUMP1, PUMP2, STOP, SUCTION, VALVE, Desk, alarms, start
from support.plants import START, later, plan, plant, pump

from edge_agent.model.inbox import Operation
from edge_agent.model.remembered import PlanMemory
from edge_agent.plan.situation import Situation

TRIP = plan("dry", SUCTION, (PUMP1, "stop"), priority=10, trip=True, latch=True)
URGENT = plan("fill", LOW, (PUMP1, "start"), priority=100)


def ended(by="fill", action="start"):
    return f"plan {by} does not ask for {action} any more"


# Restarts -------------------------------------------------------------------------------------------------------


def test_a_remembered_request_keeps_running_what_runs():
    desk = Desk(FILL, stands=[start()])
    desk.doing[PUMP1] = True
    assert desk.decide() == []
    assert not desk.planner.unsure(PUMP1)


def test_a_remembered_request_is_not_sure_before_the_evidence():
    desk = Desk(FILL, stands=[start()])
    desk.doing[PUMP1] = True
    desk.silent(LEVEL, since=-1)
    assert desk.wait(LOW, since=0, until=200) == []
    assert desk.planner.unsure(PUMP1)
    desk.speaks(LEVEL)
    assert desk.wait(since=201, until=210) == []
    assert not desk.planner.unsure(PUMP1)


def test_a_remembered_request_waits_for_the_report_of_the_equipment():
    desk = Desk(FILL, stands=[start()])
    assert desk.wait(since=0, until=10) == []
    assert desk.planner.unsure(PUMP1)
    desk.doing[PUMP1] = True
    assert desk.decide(at=11) == []
    assert not desk.planner.unsure(PUMP1)


def test_a_remembered_request_starts_nothing():
    desk = Desk(FILL, stands=[start()])
    desk.doing[PUMP1] = False
    assert desk.decide() == [(PUMP1, "stop", "fill")]
    assert desk.planned.requests[0].reason == "it was requested before the agent started, and is not being done"
    assert desk.planner.blind == {}


def test_a_remembered_request_that_is_needed_still_stands_on_the_new_evidence():
    desk = Desk(FILL, stands=[start()])
    desk.doing[PUMP1] = False
    assert desk.decide(LOW) == [(PUMP1, "start", "fill")]
    assert desk.wait(LOW, since=1, until=10) == []


def test_a_remembered_request_whose_evidence_never_comes_ends_with_an_alarm():
    desk = Desk(FILL, stands=[start()])
    desk.doing[PUMP1] = True
    desk.silent(LEVEL, since=-1)
    assert desk.wait(LOW, since=0, until=900) == [(300, "stop")]
    assert desk.planner.blind == {PUMP1: "no evidence: nothing good has been heard of tank1/level yet"}


def test_a_remembered_fail_safe_request_is_sure_and_stands():
    desk = Desk(STOP, stands=[start(by="stop", action="stop")])
    desk.silent(LEVEL, since=None)
    assert desk.wait(since=0, until=400) == []
    assert not desk.planner.unsure(PUMP1)


@pytest.mark.parametrize("by", ["gone", None])
def test_a_remembered_request_of_nobody_ends(by):
    desk = Desk(FILL, stands=[start(by=by)])
    desk.doing[PUMP1] = True
    assert desk.decide() == [(PUMP1, "stop", by)]


def test_what_has_no_request_is_not_unsure():
    assert not Desk(FILL).planner.unsure(PUMP1)


# Edits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plans", [
    (), (STOP,), (plan("fill", LOW, (PUMP2, "stop")),), (plan("fill", HIGH, (PUMP1, "set", 0.5)),),
])  # fmt: skip
@pytest.mark.parametrize("active", [(), (LOW,)])
def test_a_request_ends_when_its_plan_does_not_ask_for_it_any_more(plans, active):
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.planner.adopt(plans)
    assert (PUMP1, "stop", "fill") in desk.decide(*active, at=0.1)
    assert desk.planner.arbiter._standing[PUMP1].request.action == "stop"
    assert desk.planner.arbiter._standing[PUMP1].request.reason == ended()
    assert desk.planner.blind == {}


def test_the_pump_of_an_edit_takes_over_from_the_first():
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.planner.adopt([plan("fill", LOW, (PUMP2, "start"))])
    assert desk.decide(LOW, at=0.1) == [(PUMP2, "start", "fill"), (PUMP1, "stop", "fill")]


@pytest.mark.parametrize("edited", [
    plan("fill", LOW, (PUMP1, "start"), priority=60),
    plan("fill", LOW, (PUMP1, "start"), (PUMP2, "stop")),
    plan("fill", HIGH, (PUMP1, "start")),
    plan("fill", LOW, (PUMP1, "start"), cooldown_seconds=3600),
])  # fmt: skip
@pytest.mark.parametrize("active", [(), (LOW,)])
def test_an_edited_plan_that_asks_for_the_same_keeps_it_without_a_new_request(edited, active):
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.decide(*active, at=1)
    desk.planner.adopt([edited])
    assert [request for request in desk.decide(*active, at=1.1) if request[0] == PUMP1] == []
    standing = desk.planner.arbiter._standing[PUMP1]
    assert (standing.request.action, standing.sure) == ("start", True)


def test_an_edit_that_looks_at_what_is_silent_ends_the_request():
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.silent("station/suction", since=None)
    desk.planner.adopt([plan("fill", LOW, (PUMP1, "start"), unless=(SUCTION,))])
    assert desk.wait(LOW, since=1, until=400) == [(300, "stop")]


def test_an_untouched_plan_knows_nothing_of_an_edit_of_another():
    other = plan("other", LOW, (PUMP2, "start"))
    desk = Desk(FILL, other)
    desk.decide(LOW)
    desk.planner.adopt([FILL, plan("other", LOW, (PUMP2, "set", 0.5))])
    assert desk.decide(LOW, at=1) == [(PUMP2, "set", "other")]


def test_another_plan_of_one_mind_takes_a_request_over():
    desk = Desk(FILL, plan("again", LOW, (PUMP1, "start"), priority=10))
    desk.decide(LOW)
    desk.planner.adopt([plan("again", LOW, (PUMP1, "start"), priority=10)])
    assert desk.decide(LOW, at=1) == [(PUMP1, "start", "again")]


# Trips ----------------------------------------------------------------------------------------------------------


def test_a_trip_ranks_above_every_priority():
    desk = Desk(URGENT, TRIP)
    assert desk.decide(LOW) == [(PUMP1, "start", "fill")]
    assert desk.decide(LOW, SUCTION, at=1) == [(PUMP1, "stop", "dry")]
    assert desk.planned.requests[0].trip
    assert desk.planner.tripped == {PUMP1: "dry"}


def test_a_trip_ranks_by_its_fail_safe_steps_only():
    odd = plan("odd", SUCTION, (PUMP1, "start"), (VALVE, "open"), priority=10, trip=True)
    desk = Desk(plan("stop", HIGH, (PUMP1, "stop"), (VALVE, "close"), priority=90), odd)
    assert desk.decide(HIGH, SUCTION) == [(PUMP1, "stop", "stop"), (VALVE, "open", "odd")]
    assert [request.trip for request in desk.planned.requests] == [False, True]
    assert desk.planner.tripped == {VALVE: "odd"}


def test_a_trip_that_does_not_latch_ends_with_its_reason():
    desk = Desk(URGENT, plan("dry", SUCTION, (PUMP1, "stop"), trip=True))
    desk.decide(LOW, SUCTION)
    assert desk.decide(LOW, at=1) == [(PUMP1, "start", "fill")]
    assert desk.planner.tripped == {}


def test_a_trip_is_news_though_the_same_was_requested_already():
    desk = Desk(STOP, TRIP)
    desk.decide(HIGH)
    assert desk.decide(HIGH, SUCTION, at=1) == [(PUMP1, "stop", "dry")]
    assert desk.decide(HIGH, SUCTION, at=2) == []


def test_doubt_is_enough_for_a_trip():
    assert Desk(TRIP).decide(doubted=[SUCTION]) == [(PUMP1, "stop", "dry")]


@pytest.mark.parametrize("target", ["dry", PUMP1])
def test_a_latched_trip_holds_until_a_person_resets_it(target):
    desk = Desk(URGENT, TRIP)
    desk.decide(LOW, SUCTION)
    assert desk.wait(LOW, since=1, until=3000) == []
    assert not desk.planner.reset("other")
    assert desk.wait(LOW, since=3001, until=3010) == []
    assert desk.planner.reset(target)
    assert desk.decide(LOW, at=3010.1) == [(PUMP1, "start", "fill")]
    assert not desk.planner.reset(target)


def test_a_reset_while_the_reason_lasts_lets_nothing_start():
    desk = Desk(URGENT, TRIP)
    desk.decide(LOW, SUCTION)
    assert desk.planner.reset("dry")
    assert desk.decide(LOW, SUCTION, at=1) == []
    assert desk.wait(LOW, since=2, until=10) == []
    assert desk.planner.tripped == {PUMP1: "dry"}


def test_a_latched_trip_survives_a_restart():
    memory = PlanMemory("dry", False, later(-100).at, latched=True)
    desk = Desk(URGENT, TRIP, memories=[memory])
    assert desk.decide(LOW) == [(PUMP1, "stop", "dry")]
    assert desk.planned.requests[0].reason == "trip dry has latched"
    assert desk.wait(LOW, since=1, until=10) == []


def test_what_has_latched_and_its_reset_are_remembered():
    desk = Desk(TRIP)
    desk.decide(SUCTION)
    assert desk.planned.memories[0].latched
    assert desk.decide(at=1) == []
    assert [m.latched for m in desk.planned.memories] == [True]
    desk.planner.reset("dry")
    desk.decide(at=2)
    assert [m.latched for m in desk.planned.memories] == [False]
    assert not any(m.latched for m in desk.planner.memories(later(2)))
    assert START.sure


def test_an_edit_does_not_reset_a_latched_trip():
    desk = Desk(URGENT, TRIP)
    desk.decide(LOW, SUCTION)
    desk.planner.adopt([URGENT, plan("dry", SUCTION, (PUMP1, "stop"), trip=True, latch=True, priority=20)])
    assert desk.wait(LOW, since=1, until=10) == []
    desk.planner.adopt([URGENT, plan("dry", SUCTION, (PUMP1, "stop"), trip=True)])
    assert desk.decide(LOW, at=11) == [(PUMP1, "start", "fill")]


def test_a_reset_counts_in_the_same_turn_though_no_alarm_changes():
    desk = Desk(URGENT, TRIP)
    desk.decide(LOW, SUCTION)
    desk.wait(LOW, since=1, until=10)
    situation = Situation(alarms(LOW), desk._sight, desk._station, frozenset())
    for at in (10.1, 10.2):
        assert desk.planner.decide(situation, later(at)).requests == ()
    reset = Operation("reset", "dry", "ada", "because")
    [request] = desk.planner.decide(situation._replace(resets=[reset]), later(10.3)).requests
    assert (request.actuator, request.action, request.plan) == (PUMP1, "start", "fill")


def test_a_node_that_has_just_returned_holds_up_its_own_pump_and_no_other():
    desk = Desk(plan("fill", LOW, (PUMP1, "start"), (PUMP2, "start")))
    desk.returned[PUMP2] = 5.0
    desk.silent(LEVEL, since=4)
    assert desk.decide(LOW, at=6) == [(PUMP1, "start", "fill")]
    desk.silent(LEVEL, since=7)
    assert desk.wait(LOW, since=7, until=9)[0][1] == "start"


def test_what_runs_for_a_plan_is_told_and_what_rests_for_one_is_not():
    desk = Desk(FILL, STOP)
    assert list(desk.planner.standing()) == []
    desk.decide(LOW)
    assert [(standing.request.action, plan.id) for standing, plan in desk.planner.standing()] == [("start", "fill")]
    desk.decide(HIGH, at=1)
    assert list(desk.planner.standing()) == []


def test_that_evidence_is_missing_outlives_a_change_of_the_plant_and_ends_with_the_actuator():
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.silent(LEVEL)
    desk.decide(LOW, at=301)
    assert list(desk.planner.blind) == [PUMP1]
    desk.planner.renew(PLANT, [FILL], ())
    assert list(desk.planner.blind) == [PUMP1]
    desk.planner.renew(plant(sensors=PLANT.sensors, actuators=[pump(PUMP2)]), [], ())
    assert desk.planner.blind == {}


def test_what_stands_is_safe_or_not_by_the_fail_safe_action_of_the_plant_as_it_is():
    desk = Desk(FILL)
    desk.decide(LOW)
    assert [standing.request.actuator for standing, _ in desk.planner.standing()] == [PUMP1]
    turned = [pump(fail_safe="start"), pump(PUMP2)]
    desk.planner.renew(plant(sensors=PLANT.sensors, actuators=turned), [FILL], ())
    assert list(desk.planner.standing()) == []
    desk.planner.renew(PLANT, [FILL], ())
    assert [standing.request.actuator for standing, _ in desk.planner.standing()] == [PUMP1]
