"""What a plan falls back on without evidence, in the order it says: another sensor, timed running, the fail-safe."""

from __future__ import annotations

import pytest
from support.plandesk import BACKUP, FILL, HIGH, INTAKE, LEVEL, LOW, PUMP1, STOP, SUCTION, Desk
from support.plants import plan

from edge_agent.model.plant import Fallback
from edge_agent.plan.planstate import Ground

LOW2, HIGH2 = f"{BACKUP}:low", f"{BACKUP}:high"
USE, TIMED = Fallback(use=BACKUP), Fallback(run_seconds=20, every_seconds=100)
ENOUGH = Fallback(run_seconds=20, every_seconds=100, at_most_seconds=250)
DO = Fallback(do="fail_safe")


def fill(*steps, **more):
    return plan("fill", LOW, (PUMP1, "start"), without_evidence=steps, **more)


def lost(*plans, at=301, active=(LOW,)):
    """A desk whose level was good for the last time at 0, and whose pump was started then."""
    desk = Desk(*plans)
    assert [action for _, action, _ in desk.decide(LOW)] == ["start"]
    desk.silent(LEVEL)
    assert desk.wait(*active, since=1, until=300) == []
    return desk


def ground(desk):
    return desk.planner._states["fill"].ground


def test_another_sensor_keeps_it_running():
    desk = lost(fill(USE))
    assert desk.wait(LOW2, since=301, until=900) == []
    assert ground(desk) is Ground.INSTEAD
    assert desk.planner.blind == {}


def test_another_sensor_starts_it_by_its_own_alarm():
    desk = Desk(fill(USE), STOP)
    desk.silent(LEVEL)
    desk.decide()
    assert desk.wait(LOW, since=301, until=310) == []  # what the silent one said last counts for nothing
    assert desk.decide(LOW2, at=311) == [(PUMP1, "start", "fill")]
    assert [str(alarm.key) for alarm in desk.planned.requests[0].alarms] == [LOW2]


def test_another_sensor_stops_it_and_so_does_the_first():
    stop = plan("stop", HIGH, (PUMP1, "stop"), without_evidence=(USE,))
    for name in (HIGH, HIGH2):
        desk = lost(fill(USE), stop, active=())
        assert desk.decide(name, at=301) == [(PUMP1, "stop", "stop")]


def test_another_sensor_that_is_silent_too_is_none():
    desk = lost(fill(USE))
    desk.silent(BACKUP)
    assert desk.decide(LOW, LOW2, at=301) == [(PUMP1, "stop", "fill")]


def test_another_sensor_stands_for_one_only():
    desk = lost(fill(USE, unless=(SUCTION,)))
    desk.silent(INTAKE)
    assert desk.decide(LOW2, at=301) == [(PUMP1, "stop", "fill")]


def test_the_first_sensor_is_looked_at_again_when_it_is_back():
    desk = lost(fill(USE))
    desk.decide(LOW2, at=301)
    desk.speaks(LEVEL)
    desk.decide(at=303)
    assert ground(desk) is Ground.SEEN


def test_a_nodes_return_needs_newer_evidence_of_the_other_sensor_too():
    desk = lost(fill(USE))
    desk.decide(LOW2, at=301)
    desk.silent(BACKUP, since=320)
    desk.returned[PUMP1] = 330.0
    assert desk.decide(LOW2, at=331) == []
    assert desk.planner.unsure(PUMP1)
    desk.speaks(BACKUP)
    assert desk.decide(LOW2, at=332) == []
    assert not desk.planner.unsure(PUMP1)


def test_timed_running_rests_first_and_ends_with_the_evidence():
    desk = lost(fill(TIMED))
    assert desk.wait(LOW, since=301, until=620) == [
        (301, "stop"), (381, "start"), (401, "stop"), (481, "start"), (501, "stop"), (581, "start"), (601, "stop"),
    ]  # fmt: skip
    assert desk.planner.blind == {}
    desk.speaks(LEVEL)
    assert desk.wait(since=621, until=800) == []
    assert ground(desk) is Ground.SEEN


def test_timed_running_says_why():
    desk = lost(fill(TIMED))
    desk.wait(LOW, since=301, until=380)
    desk.decide(LOW, at=381)
    assert desk.planned.requests[0].reason.startswith("timed running without evidence: tank1/level has not been good")


def test_timed_running_lasts_no_longer_than_it_may():
    desk = lost(fill(ENOUGH))
    desk.wait(LOW, since=301, until=480)
    assert desk.wait(LOW, since=481, until=550) == [(481, "start"), (501, "stop")]
    assert desk.planner.blind == {}, "it rests, and may still run"
    assert desk.wait(LOW, since=551, until=1200) == []
    assert ground(desk) is Ground.BLIND
    assert PUMP1 in desk.planner.blind


@pytest.mark.parametrize("name", [HIGH, HIGH2])
def test_a_plan_that_stops_is_heard_during_timed_running(name):
    stop = plan("stop", HIGH, (PUMP1, "stop"), without_evidence=(USE,))
    desk = lost(fill(TIMED), stop)
    desk.wait(LOW, since=301, until=385)
    assert desk.decide(LOW, name, at=386) == [(PUMP1, "stop", "stop")]


def test_what_the_plan_must_not_do_it_must_not_do_timed_either():
    desk = lost(fill(TIMED, unless=(SUCTION,)))
    assert desk.wait(LOW, SUCTION, since=301, until=900) == [(301, "stop")]


def test_unknown_in_unless_blocks_timed_running():
    desk = lost(fill(TIMED, unless=(SUCTION,)))
    desk.silent(INTAKE)
    assert desk.wait(LOW, since=301, until=900) == [(301, "stop")]
    assert PUMP1 in desk.planner.blind


def test_nothing_is_timed_before_the_first_evidence():
    desk = Desk(fill(TIMED))
    desk.silent(LEVEL, since=None)
    assert desk.wait(LOW, since=0, until=900) == []


def test_the_steps_follow_in_their_order():
    desk = lost(fill(USE, ENOUGH, DO))
    desk.wait(LOW2, since=301, until=400)
    assert ground(desk) is Ground.INSTEAD
    desk.silent(BACKUP, since=400)
    desk.decide(LOW2, at=701)
    assert ground(desk) in {Ground.RUNNING, Ground.RESTING, Ground.BLIND}
    assert desk.wait(LOW2, since=702, until=1500)[-1:] in ([], [(702, "stop")])
    assert ground(desk) is Ground.BLIND


def test_the_fail_safe_step_ends_the_list():
    desk = lost(fill(DO, USE))
    assert desk.decide(LOW, LOW2, at=301) == [(PUMP1, "stop", "fill")]
    assert PUMP1 in desk.planner.blind


def test_an_edited_plan_goes_on_running_timed():
    desk = lost(fill(TIMED))
    desk.wait(LOW, since=301, until=385)
    desk.planner.adopt([fill(TIMED, priority=60)])
    assert desk.wait(LOW, since=386, until=410) == [(401, "stop")]


def test_without_steps_it_is_the_fail_safe_at_once():
    desk = lost(FILL)
    assert desk.decide(LOW, at=301) == [(PUMP1, "stop", "fill")]
