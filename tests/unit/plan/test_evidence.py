"""What is not the fail-safe action needs good readings, lately, of all that its plan looks at."""

from __future__ import annotations

import pytest
from support.plandesk import (
    BACKUP,
    FILL,
    HIGH,
    INTAKE,
    LEVEL,
    LOW,
    PLANT,
    PUMP1,
    STOP,
    SUCTION,
    Desk,
    alarms,
    start,
)  # fmt: skip
from support.plants import START, plan, plant, pump, sensor

from edge_agent.model.evidence import Look, grace_seconds, missing, replaced
from edge_agent.plan.planstate import Ground, PlanState

BEGUN, ENDED = (PUMP1, "start", "fill"), (PUMP1, "stop", "fill")
CAREFUL = plan("fill", LOW, (PUMP1, "start"), unless=(SUCTION,))


def ground(desk, of="fill"):
    return desk.planner._states[of].ground


def test_a_plan_looks_at_every_sensor_and_node_it_names_once():
    many = plan("p", [LOW, HIGH, "tank1:offline", "station/pump1:failed"], unless=(SUCTION,))
    assert PlanState(many, PLANT, 0.0).looks == (Look(LEVEL, 300), Look("tank1", float("inf")), Look(INTAKE, 300))


@pytest.mark.parametrize(
    ("evidence", "interval", "within"), [(300, 10, 300), (300, 200, 600), (20, 10, 30), (60, 10, 60)]
)
def test_evidence_may_be_three_intervals_old_whatever_the_plan_says(evidence, interval, within):
    site = plant(sensors=[sensor(interval_seconds=interval)], actuators=[pump()])
    assert PlanState(plan("p", LOW, evidence_seconds=evidence), site, 0.0).looks == (Look(LEVEL, within),)


@pytest.mark.parametrize(("seen", "found"), [
    (None, "nothing good has been heard of a/b yet"), (9.9, "nothing good has been heard of a/b yet"),
    (10.0, None), (40.0, None), (39.9, "a/b has not been good for 60 s"),
])  # fmt: skip
def test_what_was_seen_before_the_start_or_too_long_ago_is_missing(seen, found):
    at = 100.0 if seen and seen > 30 else 60.0
    assert missing([Look("a/b", 60)], lambda _: seen, 10, at) == found


def test_an_alarm_is_looked_for_at_another_sensor():
    assert replaced(LOW, LEVEL, BACKUP) == "tank1/backup:low"
    assert replaced(SUCTION, LEVEL, BACKUP) == SUCTION


def test_of_nodes_alone_evidence_may_take_as_long_as_by_default():
    assert grace_seconds([Look("tank1", float("inf"))]) == grace_seconds([]) == 300
    assert grace_seconds([Look("tank1", float("inf")), Look(LEVEL, 60)]) == 60


@pytest.mark.parametrize("sensor", [LEVEL, INTAKE])
def test_nothing_starts_before_all_was_good_since_the_start(sensor):
    desk = Desk(CAREFUL)
    desk.silent(sensor, since=None)
    assert desk.decide(LOW) == []
    assert ground(desk) is Ground.AWAITED
    desk.silent(sensor, since=-1)  # of the former run
    assert desk.decide(LOW, at=1) == []
    desk.silent(sensor, since=2)
    assert desk.decide(LOW, at=2) == [BEGUN]


def test_the_next_reading_is_looked_at_in_its_own_turn():
    desk = Desk(FILL)
    desk.silent(LEVEL, since=None)
    assert desk.decide(LOW, at=0) == []
    desk.speaks(LEVEL)
    assert desk.decide(LOW, at=0.01) == [BEGUN]


def test_evidence_that_never_comes_starts_nothing_ever():
    desk = Desk(FILL)
    desk.silent(LEVEL, since=None)
    assert desk.wait(LOW, since=0, until=700) == []
    assert ground(desk) is Ground.BLIND


def test_a_fail_safe_step_needs_no_evidence():
    desk = Desk(STOP)
    desk.silent(LEVEL, since=None)
    assert desk.decide(HIGH) == [(PUMP1, "stop", "stop")]


@pytest.mark.parametrize("active", [(), (LOW,)])
@pytest.mark.parametrize("sensor", [LEVEL, INTAKE])
def test_a_request_ends_when_its_evidence_does(sensor, active):
    desk = Desk(CAREFUL)
    assert desk.decide(LOW) == [BEGUN]
    desk.silent(sensor)
    assert desk.wait(*active, since=1, until=300) == []
    assert desk.decide(*active, at=301) == [ENDED]
    assert desk.planned.requests[0].reason == f"no evidence: {sensor} has not been good for 301 s"
    assert desk.planner.blind == {PUMP1: f"no evidence: {sensor} has not been good for 301 s"}
    assert desk.wait(*active, since=302, until=900) == []


def test_evidence_that_is_back_begins_it_again_and_ends_the_alarm():
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.silent(LEVEL)
    desk.wait(LOW, since=1, until=400)
    desk.speaks(LEVEL)
    assert desk.decide(LOW, at=401) == [BEGUN]
    assert desk.planner.blind == {}


def test_evidence_that_is_back_without_need_ends_only_the_alarm():
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.silent(LEVEL)
    desk.wait(since=1, until=400)
    desk.speaks(LEVEL)
    assert desk.decide(at=401) == []
    assert desk.planner.blind == {}


def test_a_plan_of_actuators_alone_needs_no_sensor():
    desk = Desk(plan("next", "station/pump2:failed", (PUMP1, "start")))
    desk.silent(LEVEL, INTAKE, since=None)
    assert desk.decide("station/pump2:failed") == [(PUMP1, "start", "next")]
    assert desk.wait(since=1, until=1000) == []


def test_a_node_must_have_spoken_once():
    desk = Desk(plan("instead", "tank1:offline", (PUMP1, "start")))
    desk.silent("tank1", since=None)
    assert desk.decide("tank1:offline") == []
    desk.speaks("tank1")
    assert desk.decide("tank1:offline", at=1) == [(PUMP1, "start", "instead")]
    assert desk.wait(since=2, until=1000) == []


def test_doubt_moves_fail_safe_steps_only():
    both = plan("both", HIGH, (PUMP1, "stop"), ("station/pump2", "start"))
    desk = Desk(both, FILL)
    assert desk.decide(doubted=[HIGH, LOW]) == [(PUMP1, "stop", "both")]
    assert desk.planned.requests[0].reason == f"doubtful readings lie beyond {HIGH}"
    assert desk.decide(HIGH, at=1) == [("station/pump2", "start", "both")]


def test_doubt_is_no_reason_to_let_a_fail_safe_step_be():
    desk = Desk(plan("stop", HIGH, (PUMP1, "stop"), unless=(SUCTION,)))
    assert desk.decide(HIGH, SUCTION) == []
    assert desk.decide(HIGH, doubted=[SUCTION], at=1) == [(PUMP1, "stop", "stop")]


def test_a_nodes_return_needs_newer_evidence():
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.returned[PUMP1] = 100.0
    desk.silent(LEVEL, since=99)
    assert desk.decide(LOW, at=101) == []
    assert desk.planner.unsure(PUMP1)
    desk.silent(LEVEL, since=102)
    assert desk.decide(LOW, at=102) == []
    assert not desk.planner.unsure(PUMP1)


def test_without_newer_evidence_a_nodes_return_ends_the_request():
    desk = Desk(FILL)
    desk.decide(LOW)
    desk.returned[PUMP1] = 100.0
    desk.silent(LEVEL, since=99)
    assert desk.wait(LOW, since=101, until=600) == [(400, "stop")]
    assert PUMP1 in desk.planner.blind


def test_a_nodes_return_holds_no_new_request_without_newer_evidence():
    desk = Desk(FILL)
    desk.returned[PUMP1] = 100.0
    desk.silent(LEVEL, since=99)
    assert desk.decide(LOW, at=101) == []
    desk.silent(LEVEL, since=101)
    assert desk.decide(LOW, at=102) == [BEGUN]


def test_an_actuator_asks_for_no_more_than_its_own_node():
    desk = Desk(FILL, plan("other", LOW, ("station/pump2", "start")), stands=[start()])
    desk.returned["station/pump2"] = 100.0
    desk.silent(LEVEL, since=99)
    assert desk.decide(LOW, at=101) == [BEGUN]


def test_the_desk_gives_alarms_their_names():
    assert list(alarms(LOW)) == [LOW]
    assert START.sure
