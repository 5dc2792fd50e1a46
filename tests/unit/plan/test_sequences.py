"""A sequence goes step by step, each after the proof of the one before, and the way back where one fails."""

from __future__ import annotations

import pytest
from support.plants import pump, state, status
from support.stageworks import conditions
from support.stations import QUICK, Station, group, runs, sequence, stages, works

PUMP, BYPASS, SPARE = "booster/pump", "booster/bypass", "spare/pump"
ON = [
    {"actuator": BYPASS, "action": "close", "until": f"{BYPASS} is closed", "within_seconds": 60},
    {"actuator": PUMP, "action": "start"},
]
OFF = [
    {"actuator": PUMP, "action": "stop", "until": f"{PUMP} is stopped", "within_seconds": 60},
    {"actuator": BYPASS, "action": "open"},
]
BOOST = sequence("boost", ON, OFF)
USE = stages((2.0, 4.0, "sequence boost"))


def booster(*plans, provisions=(BOOST,), more=(), connected=True):
    valve = pump(BYPASS, kind="valve", fail_safe="open", **QUICK)
    made = Station(works([pump(PUMP, **QUICK), valve, *more], provisions, *plans), connected=False)
    made.does[BYPASS] = True
    if connected:
        made.connect()
    return made


def test_it_goes_on_and_back_in_order():
    works = booster(USE)
    assert works.shows(1.5) == [f"{PUMP} stop", f"{BYPASS} close", f"{PUMP} start"]
    assert works.running == [PUMP]
    assert works.shows(4.5) == [f"{PUMP} stop", f"{BYPASS} open"]
    assert works.running == [BYPASS]


def test_a_plan_may_name_it_and_another_switch_it_off():
    go = conditions("go", "tank/level < 2", [("sequence boost", "on")])
    stop = conditions("stop", "tank/level > 4", [("sequence boost", "off")])
    works = booster(go, stop)
    works.passes(60, shows=1.5)
    works.passes(60, shows=3.0)
    assert works.running == [PUMP]
    works.passes(60, shows=4.5)
    assert works.running == [BYPASS]


def test_the_next_step_waits_for_the_proof():
    works = booster(USE)
    works.dead = {BYPASS}
    assert f"{PUMP} start" not in works.passes(50, shows=1.5)
    works.does[BYPASS] = False
    works.obey(works.turn(state("closed", of=BYPASS)))
    assert works.running == [PUMP]


def test_a_proof_that_does_not_come_in_time_is_a_failure_and_the_way_back():
    works = booster(USE)
    works.dead = {BYPASS}
    told = works.passes(100, shows=1.5)
    assert f"{PUMP} start" not in told
    assert told[-1] == f"{BYPASS} open"
    assert f"{BYPASS}:failed raised" in works.raised()
    [raised] = [event for turn in works.turns for event in turn.alarm_events if str(event.key) == f"{BYPASS}:failed"][
        :1
    ]
    works.passes(600, shows=1.5)
    assert PUMP not in works.running
    assert "was not proven within 60 s" in works.reasons(BYPASS)[-1]
    assert raised.event == "raised"


def test_what_is_unknown_is_no_proof():
    works = booster(USE, connected=False)
    works.turn(*(status(True, node) for node in works.site.nodes))
    works.dead = {PUMP, BYPASS}
    told = works.passes(300, shows=1.5)
    assert f"{PUMP} start" not in told


def test_after_a_failure_it_is_tried_again_when_it_is_asked_for_anew_or_a_person_resets_it():
    works = booster(USE)
    works.dead = {BYPASS}
    works.passes(200, shows=1.5)
    works.dead = set()
    works.passes(600, shows=1.5)
    assert PUMP not in works.running
    works.reset("sequence boost")
    works.passes(60, shows=1.5)
    assert works.running == [PUMP]
    assert f"{BYPASS}:failed cleared" in works.raised()


def test_after_a_failure_another_request_is_another_try():
    works = booster(USE)
    works.dead = {BYPASS}
    works.passes(200, shows=1.5)
    works.dead = set()
    works.passes(60, shows=4.5)
    works.passes(60, shows=1.5)
    assert works.running == [PUMP]


@pytest.mark.parametrize("how", ["hand", "trip", "plan", "local"])
def test_what_stops_one_of_it_takes_it_the_way_back(how):
    stop = conditions("other", "tank/level > 2.5", [(PUMP, "stop")], trip=how == "trip", priority=90)
    works = booster(USE, *([stop] if how in {"trip", "plan"} else []))
    works.passes(60, shows=1.5)
    if how in {"hand", "local"}:
        works.hand(PUMP, on=False, control="local" if how == "local" else "remote")
    works.passes(60, shows=2.8)
    assert works.running == [BYPASS]
    assert works.told[-1] == f"{BYPASS} open"


def test_it_does_not_begin_while_one_of_it_is_in_hand():
    works = booster(USE)
    works.obey(works.turn(state("open", of=BYPASS, control="local")))
    assert f"{PUMP} start" not in works.passes(300, shows=1.5)
    assert "booster/bypass:failed raised" not in works.raised()
    works.obey(works.turn(state("open", of=BYPASS, control="remote")))
    works.passes(60, shows=1.5)
    assert works.running == [PUMP]


def test_without_evidence_it_goes_the_way_back_in_order_and_says_so():
    works = booster(USE)
    works.passes(60, shows=1.5)
    told = works.passes(400)
    assert told[-2:] == [f"{PUMP} stop", f"{BYPASS} open"]
    assert f"{PUMP}:no_evidence raised" in works.raised()


def test_a_deleted_plan_takes_it_the_way_back():
    works = booster(USE)
    works.passes(60, shows=1.5)
    policy = works.site.policy.__class__((), (), works.site.policy.provisions)
    assert works.obey(works.turn(policy=policy)) == [f"{PUMP} stop", f"{BYPASS} open"]


def test_after_a_restart_it_goes_by_what_is_reported():
    works = booster(USE)
    works.passes(60, shows=1.5)
    works.restart(10)
    works.connect()
    assert not [word for word in works.passes(60, shows=2.5) if word.endswith(("stop", "open"))]
    assert works.running == [PUMP]
    assert works.shows(4.5) == [f"{PUMP} stop", f"{BYPASS} open"]


@pytest.mark.parametrize("level", [1.5, 3.0])
def test_after_a_restart_in_the_middle_it_goes_the_way_back_first(level):
    works = booster(USE)
    works.dead = {PUMP}
    works.passes(20, shows=1.5)
    works.dead = set()
    works.does |= {BYPASS: False, PUMP: False}
    works.restart(10)
    works.connect()
    told = works.passes(60, shows=level)
    assert told[0] in {f"{PUMP} stop", f"{BYPASS} open"}
    assert told.index(f"{BYPASS} open") < told.index(f"{PUMP} start") if level < 2 else f"{PUMP} start" not in told
    assert works.running == ([PUMP] if level < 2 else [BYPASS])


def test_after_a_restart_nothing_begins_before_evidence():
    works = booster(USE)
    works.passes(60, shows=1.5)
    works.restart(10)
    works.does |= {BYPASS: True, PUMP: False}
    works.connect()
    assert not [word for word in works.passes(200) if word.endswith(("start", "close"))]


def test_in_a_group_it_counts_as_one_and_the_next_takes_over_where_it_fails():
    both = group("s1", ["sequence boost", SPARE])
    works = booster(
        runs("go", "tank/level < 2", 1),
        runs("stop", "tank/level > 4", 0),
        provisions=[both, BOOST],
        more=[pump(SPARE, **QUICK)],
    )
    works.passes(30, shows=1.5)
    assert works.running == [PUMP]
    works.passes(30, shows=4.5)
    works.dead = {BYPASS}
    works.does[BYPASS] = True
    works.obey(works.turn(state("open", of=BYPASS)))
    works.passes(200, shows=1.5)
    assert SPARE in works.running
    assert PUMP not in works.running
    assert "sequence boost has failed" in works.reasons(SPARE)[-1]
