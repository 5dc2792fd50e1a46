"""What a plan or an actuator says for itself, at the moment somebody asks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.plants import FILL, STOP, Bench, ack, later, plan, plant, pump, reading, sensor, state, status, threshold
from support.stageworks import LEVEL, PUMP1, PUMP2, Tank, conditions, stages, timetable

from edge_agent.accounts import actuator_account, plan_accounts
from edge_agent.model.accounts import READING
from edge_agent.observe.accounted import actuator_json, plan_json


def accounts(bench, at=None):
    return {one.plan: one for one in plan_accounts(bench.knowledge, lambda: at or bench.now)}


def why(bench, actuator=PUMP1, at=None):
    found = actuator_account(bench.knowledge, actuator, at or bench.now)
    assert found is not None
    return found


def test_a_plan_says_whether_it_applies_and_what_it_asks_for():
    bench = Bench()
    bench.level(1.2)
    found = accounts(bench)
    assert (found["fill_tank1"].applies, found["fill_tank1"].asks) == (True, (f"start {PUMP1}",))
    assert found["fill_tank1"].why == (f"when {LEVEL}:low: holds",)
    assert (found["stop_filling"].applies, found["stop_filling"].asks) == (False, ())
    assert found["stop_filling"].why == (f"when {LEVEL}:high: does not hold",)


def test_the_evidence_is_that_of_now_and_not_of_when_the_plan_began():
    bench = Bench()
    bench.level(1.2)
    bench.level(1.3, after=3600)
    (seen,) = accounts(bench, later(20, bench.now))["fill_tank1"].evidence
    assert (seen.name, seen.value, seen.flag, seen.age_seconds, seen.good_seconds) == (LEVEL, 1.3, "good", 20, 20)
    assert seen.enough


def test_a_silent_sensor_is_named_with_how_long_it_has_been_silent():
    bench = Bench()
    bench.level(1.2)
    bench.wait(400, 10)
    found = accounts(bench)["fill_tank1"]
    assert not found.applies
    assert f"{LEVEL} has not been good for 400 s: no evidence: nothing but the fail-safe action" in found.why
    assert not found.evidence[0].enough


def test_before_the_first_reading_nobody_knows():
    found = accounts(Bench())["fill_tank1"]
    assert found.why[0].startswith(f"nothing good has been heard of {LEVEL} yet: evidence is awaited")
    assert found.evidence[0].flag == "missing"


def test_each_condition_says_how_it_is():
    held = conditions("fill", [f"{LEVEL} < 2 for 60 s", f"{PUMP2} is available"], until=[f"{LEVEL} > 4"])
    tank = Tank(held)
    tank.shows(1.0)
    assert accounts(tank)["fill"].why[0] == f"when {LEVEL} < 2 for 60 s: does not hold"
    tank.shows(1.0, after=60)
    assert accounts(tank)["fill"].why == (
        "it has begun, and goes on until it ends",
        f"when {LEVEL} < 2 for 60 s: holds",
        f"when {PUMP2} is available: holds",
        f"until {LEVEL} > 4: does not hold",
    )


def test_what_is_unknown_is_said_to_be():
    tank = Tank(replace(conditions("fill", f"{LEVEL} < 2"), unless=(f"{PUMP2} is running",)))
    tank.shows(1.0)
    assert f"unless {PUMP2} is running: nobody knows" in accounts(tank)["fill"].why
    assert not accounts(tank)["fill"].applies


def test_stages_say_which_are_on():
    tank = Tank(stages((2.0, 4.0, PUMP1), (1.0, 3.0, PUMP2)))
    tank.shows(1.5)
    assert accounts(tank)["fill"].why == (
        f"stage 1 ({PUMP1}): on; {LEVEL} below 2 m switches it on, above 4 m off",
        f"stage 2 ({PUMP2}): off; {LEVEL} below 1 m switches it on, above 3 m off",
    )


def test_a_timetable_says_until_when():
    tank = Tank(timetable("09:00-11:00"))
    tank.shows(1.5)
    (sentence,) = accounts(tank)["lake"].why
    assert sentence == "09:00-11:00 on mon-sun (UTC): it is time, until 2026-11-22T11:00:00.000Z at least"
    (unsure,) = accounts(tank, tank.now._replace(sure=False))["lake"].why
    assert unsure.endswith("nobody knows whether the clock is right")


def test_a_cooldown_says_when_it_is_over():
    bench = Bench(plant(plans=(replace(FILL, cooldown_seconds=600), STOP)))
    bench.level(1.2)
    bench.level(2.0, after=10)
    bench.level(1.2, after=10)
    assert "it may begin again in 580 s (cooldown_seconds 600)" in accounts(bench)["fill_tank1"].why


def test_a_latched_trip_waits_for_a_person():
    trip = replace(plan("dry", f"{LEVEL}:low", (PUMP1, "stop")), trip=True, latch=True)
    bench = Bench(plant(plans=(trip,)))
    bench.level(1.2)
    bench.level(3.0, after=10)
    found = accounts(bench)["dry"]
    assert found.applies
    assert found.why[0] == "it has latched: until a person resets it"


def test_who_asks_for_what_and_who_wins():
    urgent = plan("urgent", f"{LEVEL}:low", (PUMP1, "stop"), priority=90)
    bench = Bench(plant(plans=(FILL, urgent)))
    bench.level(1.2)
    found = why(bench)
    assert [(one.plan, one.action, one.wins) for one in found.requests] == [
        ("urgent", "stop", True),
        ("fill_tank1", "start", False),
    ]
    assert (found.action, found.plan, found.fail_safe) == ("stop", "urgent", "stop")
    assert f"{LEVEL} (1.20 m) is below low" in found.reason
    assert [one.plan for one in found.plans] == ["fill_tank1", "urgent"]


def test_what_holds_a_command_back_is_named_with_its_end():
    bench = Bench(plant(actuators=[pump(min_off_seconds=120.0)]))
    bench.turn(state("running"))
    bench.turn(state("stopped"), after=10)
    bench.level(1.2, after=10)
    found = why(bench, at=later(5, bench.now))
    assert [(one.what, one.detail) for one in found.hindrances] == [("min_off", "stopped for 15 s of 120 s")]
    assert found.until == later(110, bench.now).at
    assert (found.progress, found.state) == ("held", "stopped")


def test_a_hand_and_a_node_that_is_away_are_named():
    bench = Bench()
    bench.turn(state("stopped", control="local"))
    bench.level(1.2)
    assert [one.what for one in why(bench).hindrances] == ["hand"]
    away = Bench()
    away.turn(status(online=False))
    away.level(1.2)
    assert ("node", "offline") in [tuple(one) for one in why(away).hindrances]


def test_a_pump_that_fails_again_and_again_says_so():
    bench = Bench(plant(actuators=[pump(lock_out_after=1)]))
    bench.level(1.2)
    bench.turn(ack(bench.commands[0], "failed", "motor protection"))
    (hindrance,) = why(bench).hindrances
    assert hindrance.what == "lock_out"
    assert "motor protection" in hindrance.detail


def test_in_advisory_it_says_who_would_win_and_that_nobody_commands():
    bench = Bench(mode="advisory")
    bench.level(1.2)
    found = why(bench)
    assert (found.action, found.plan) == ("start", "fill_tank1")
    assert [tuple(one) for one in found.hindrances] == [("mode", "advisory: plans command nothing")]


def test_nothing_is_asked_of_what_no_plan_names():
    tank = Tank(stages((2.0, 4.0, PUMP1)))
    assert why(tank, PUMP2)[5:9] == (None, None, None, "nothing has been requested of it")
    assert actuator_account(tank.knowledge, "station/none", tank.now) is None


@pytest.mark.parametrize("kind", ["alarms", "stages", "conditions"])
def test_to_look_changes_nothing(kind):
    plans = {"alarms": FILL, "stages": stages((2.0, 4.0, PUMP1)), "conditions": conditions("fill", f"{LEVEL} < 2")}
    looked, left = (Tank(plans[kind]) for _ in range(2))
    for value in (1.0, 1.9, 4.5, 1.0, 2.5):
        for tank in (looked, left):
            tank.shows(value, after=60)
        accounts(looked, later(500, looked.now))
        why(looked, at=later(500, looked.now))
        assert looked.knowledge.next_seconds() == left.knowledge.next_seconds()
    assert [replace(one, id="") for one in looked.commands] == [replace(one, id="") for one in left.commands]


def test_all_of_it_is_json():
    bench = Bench()
    bench.level(1.2)
    told = json.loads(json.dumps(actuator_json(why(bench)), allow_nan=False))
    assert told["plans"][0] == json.loads(json.dumps(plan_json(accounts(bench)["fill_tank1"])))
    assert told["requests"][0]["wins"] is True
    assert told["plans"][0]["evidence"][0]["enough"] is True


# The readings behind a command -----------------------------------------------------------------------------------


def readings_of(turn):
    return [check for decision in turn.decisions for check in decision.checks if check.name == READING]


@pytest.mark.parametrize("kind", ["alarms", "stages", "conditions"])
def test_a_command_shows_the_reading_that_its_plan_rests_on(kind):
    plans = {"alarms": FILL, "stages": stages((2.0, 4.0, PUMP1)), "conditions": conditions("fill", f"{LEVEL} < 2")}
    bench = Bench(plant(plans=(plans[kind],), thresholds=[threshold("low", 1.5)]))
    turn = bench.turn(reading(1.2, bench.now, 7))
    (check,) = readings_of(turn)
    assert check.passed
    instant = "2026-11-22T10:00:00.000Z"
    assert check.detail == f"{LEVEL} 1.20 m, flag good, observed {instant}, received {instant}, seq 7"


def test_a_renewal_shows_the_reading_of_then():
    bench = Bench(plant(actuators=[pump(lease_seconds=60.0)]))
    bench.level(1.2)
    bench.turn(ack(bench.commands[0], "done"), state("running"))
    bench.level(1.3, after=20)
    (check,) = readings_of(bench.turn(after=15))
    assert "1.30 m" in check.detail


def test_a_stop_for_want_of_evidence_says_which_reading_was_the_last_good_one():
    bench = Bench(plant(sensors=[sensor()]))
    bench.level(1.2)
    bench.turn(ack(bench.commands[0], "done"), state("running"))
    checks = [check for turn in bench.wait(400, 10) for check in readings_of(turn)]
    assert not checks[-1].passed
    assert "1.20 m" in checks[-1].detail
    assert checks[-1].detail.endswith("; the newest is missing")
