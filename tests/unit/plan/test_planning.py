"""When a plan applies, whose request counts, and what is kept over changes and restarts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plandesk import FILL, HIGH, LOW, PUMP1, PUMP2, STOP, SUCTION, Desk, start
from support.plants import later, plan

from edge_agent.model.remembered import PlanMemory

VALVE = "station/valve"


def test_a_request_goes_out_when_its_alarm_begins_and_only_then():
    desk = Desk(FILL)
    assert desk.decide() == []
    assert desk.decide(LOW, at=1) == [(PUMP1, "start", "fill")]
    [request] = desk.planned.requests
    assert (request.priority, request.value, request.reason) == (50, None, f"{LOW} is so")
    assert [str(alarm.key) for alarm in request.alarms] == [LOW]
    assert desk.decide(LOW, at=2) == []
    assert desk.decide(LOW, HIGH, at=3) == []
    assert desk.decide(at=4) == []
    assert desk.decide(LOW, at=5) == []  # it stands still


def test_all_of_when_and_none_of_unless():
    desk = Desk(plan("careful", [LOW, HIGH], (PUMP1, "start"), unless=(SUCTION,)))
    assert desk.decide(LOW) == []
    assert desk.decide(LOW, HIGH, SUCTION, at=1) == []
    assert desk.decide(LOW, HIGH, at=2) == [(PUMP1, "start", "careful")]
    assert [alarm.key.threshold for alarm in desk.planned.requests[0].alarms] == ["low", "high"]
    assert desk.decide(LOW, HIGH, SUCTION, at=3) == []
    assert [memory[:2] for memory in desk.memories] == [("careful", False)]


def test_a_plan_may_do_several_things():
    desk = Desk(plan("both", LOW, (PUMP1, "set", 0.8), (PUMP2, "stop")))
    assert desk.decide(LOW) == [(PUMP1, "set", "both"), (PUMP2, "stop", "both")]
    assert desk.planned.requests[0].value == 0.8


@pytest.mark.parametrize("order", [1, -1])
def test_the_higher_priority_wins(order):
    plans = [FILL, plan("protect", SUCTION, (PUMP1, "stop"), priority=90)]
    desk = Desk(*plans[::order])
    assert desk.decide(LOW, SUCTION) == [(PUMP1, "stop", "protect")]
    assert desk.overruled == [("fill", "protect")]


@pytest.mark.parametrize("order", [1, -1])
def test_at_equal_priority_the_fail_safe_action_wins(order):
    desk = Desk(*[FILL, plan("aaa", SUCTION, (PUMP1, "stop"))][::order])
    assert desk.decide(LOW, SUCTION) == [(PUMP1, "stop", "aaa")]
    valve = Desk(*[
        plan("aaa", LOW, (VALVE, "close")),
        plan("zzz", LOW, (VALVE, "open")),
    ][::order])  # fmt: skip
    assert valve.decide(LOW) == [(VALVE, "open", "zzz")]


@pytest.mark.parametrize("order", [1, -1])
def test_among_equals_the_name_decides(order):
    plans = [plan("half", LOW, (PUMP1, "set", 0.5)), plan("full", LOW, (PUMP1, "set", 1.0))]
    assert Desk(*plans[::order]).decide(LOW) == [(PUMP1, "set", "full")]


def test_two_plans_of_one_mind_do_not_overrule_each_other():
    desk = Desk(FILL, plan("flush", HIGH, (PUMP1, "start"), priority=90))
    assert desk.decide(LOW, HIGH) == [(PUMP1, "start", "flush")]
    assert desk.overruled == []


def test_a_weaker_plan_that_begins_later_is_overruled_once():
    desk = Desk(FILL, plan("protect", SUCTION, (PUMP1, "stop"), priority=90))
    desk.decide(SUCTION)
    assert desk.decide(SUCTION, LOW, at=1) == []
    assert desk.overruled == [("fill", "protect")]
    assert desk.decide(SUCTION, LOW, at=2) == []
    assert desk.overruled == []


def test_a_weaker_plan_takes_over_when_the_stronger_one_ends():
    desk = Desk(FILL, plan("protect", SUCTION, (PUMP1, "stop"), priority=90))
    desk.decide(SUCTION, LOW)
    assert desk.decide(LOW, at=1) == [(PUMP1, "start", "fill")]


def test_the_end_of_the_last_plan_takes_no_request_back():
    desk = Desk(FILL)
    desk.decide(LOW)
    assert desk.decide(at=1) == []


def test_a_plan_does_not_begin_again_before_its_cooldown_is_over():
    desk = Desk(plan("fill", LOW, (PUMP1, "start"), cooldown_seconds=100), STOP)
    assert desk.decide(LOW, at=0) == [(PUMP1, "start", "fill")]
    assert desk.decide(HIGH, at=10) == [(PUMP1, "stop", "stop")]
    assert desk.decide(LOW, at=20) == []
    assert desk.decide(LOW, at=99) == []
    assert desk.decide(LOW, at=100) == [(PUMP1, "start", "fill")]


def test_cooldown_never_delays_a_fail_safe_step():
    desk = Desk(FILL, plan("stop", HIGH, (PUMP1, "stop"), cooldown_seconds=3600))
    for at in range(0, 50, 10):
        assert desk.decide(HIGH, at=at) == [(PUMP1, "stop", "stop")]
        assert desk.decide(LOW, at=at + 5) == [(PUMP1, "start", "fill")]


def test_a_plan_that_applies_is_not_ended_by_its_cooldown():
    desk = Desk(plan("fill", LOW, (PUMP1, "start"), cooldown_seconds=100))
    desk.decide(LOW)
    desk.decide(LOW, at=150)
    assert desk.memories == []


def test_the_memory_of_a_plan_is_when_it_began():
    desk = Desk(FILL)
    desk.decide(LOW, at=7)
    assert desk.memories == [("fill", True, later(7).at)]
    desk.decide(at=9)
    assert desk.memories == [("fill", False, later(7).at)]


def test_a_restart_keeps_the_cooldown():
    cooling = plan("fill", LOW, (PUMP1, "start"), cooldown_seconds=100)
    desk = Desk(cooling, memories=[PlanMemory("fill", False, later(-40).at)])
    assert desk.decide(LOW, at=59) == []
    assert desk.decide(LOW, at=60) == [(PUMP1, "start", "fill")]


def test_a_plan_that_ended_while_the_agent_was_away_has_ended():
    desk = Desk(FILL, memories=[PlanMemory("fill", True, later(-40).at)], stands=[start()])
    assert desk.decide() == []
    assert desk.memories == [("fill", False, later(-40).at)]


def test_a_changed_plan_begins_anew_and_an_unchanged_one_does_not():
    desk = Desk(FILL, plan("other", LOW, (PUMP2, "start")))
    desk.decide(LOW)
    desk.planner.adopt([plan("fill", LOW, (PUMP1, "set", 0.5)), plan("other", LOW, (PUMP2, "start"))])
    assert desk.decide(LOW, at=1) == [(PUMP1, "set", "fill")]


def test_a_new_plan_is_in_force_at_once():
    desk = Desk(STOP)
    desk.decide(LOW)
    desk.planner.adopt([FILL])
    assert desk.decide(LOW, at=1) == [(PUMP1, "start", "fill")]


def test_the_end_of_a_stronger_plan_by_removal_hands_over():
    protect = plan("protect", SUCTION, (PUMP1, "stop"), priority=90)
    desk = Desk(FILL, protect)
    desk.decide(LOW, SUCTION)
    desk.planner.adopt([FILL])
    assert desk.decide(LOW, SUCTION, at=1) == [(PUMP1, "start", "fill")]


_plans = st.lists(
    st.builds(
        plan,
        st.sampled_from("abcdef"),
        st.sampled_from([LOW, HIGH, SUCTION]),
        st.tuples(st.sampled_from([PUMP1, PUMP2]), st.sampled_from(["start", "stop"])),
        priority=st.sampled_from([10, 50, 90]),
    ),
    unique_by=lambda p: p.id,
    max_size=6,
)


@given(_plans, st.lists(st.sets(st.sampled_from([LOW, HIGH, SUCTION])), max_size=10))
def test_the_standing_request_is_always_that_of_the_strongest_plan(plans, days):
    desk, standing = Desk(*plans), {}
    for at, active in enumerate(days):
        standing |= {actuator: (action, name) for actuator, action, name in desk.decide(*sorted(active), at=at)}
        for actuator in (PUMP1, PUMP2):
            claims = [(p, p.do[0].action) for p in plans if p.when[0] in active and p.do[0].actuator == actuator]
            if claims:
                best, action = min(claims, key=lambda c: (-c[0].priority, c[1] != "stop", c[0].id))
                assert standing[actuator] == (action, best.id)


@given(_plans, st.lists(st.sets(st.sampled_from([LOW, HIGH, SUCTION])), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_plan_file_decides_nothing(plans, days, chance):
    shuffled = list(plans)
    chance.shuffle(shuffled)
    one, other = Desk(*plans), Desk(*shuffled)
    for at, active in enumerate(days):
        assert sorted(one.decide(*sorted(active), at=at)) == sorted(other.decide(*sorted(active), at=at))
