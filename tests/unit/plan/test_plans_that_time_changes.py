"""A plan says when time alone may change it: who looks only then decides the same as who looks every second."""

from __future__ import annotations

from math import ceil

import pytest
from support.plandesk import BACKUP, FILL, HIGH, INTAKE, LEVEL, LOW, PUMP1, STOP, SUCTION, Desk, start
from support.plants import START, plan

from edge_agent.model.plant import Fallback

LAST = 800
TIMED = Fallback(run_seconds=20, every_seconds=100, at_most_seconds=250)
USE = Fallback(use=BACKUP)
OPENS = plan("fill", LOW, (PUMP1, "start"), without_evidence=(USE, TIMED), unless=(SUCTION,))


def fill(*steps, **more):
    return plan("fill", LOW, (PUMP1, "start"), without_evidence=steps, **more)


def started(*plans, active=(LOW,), **silent):
    """A pump that was started at 0; then sensors fall silent at the times that are told."""
    desk = Desk(*plans, STOP)
    desk.decide(*active)
    for name, since in silent.items():
        desk.silent({"level": LEVEL, "backup": BACKUP, "intake": INTAKE}[name], since=since)
    return desk


def cooling():
    """A plan that has applied, does so no more, and would again while it still rests."""
    desk = Desk(plan("fill", LOW, (PUMP1, "start"), cooldown_seconds=600), STOP)
    desk.decide(LOW)
    desk.decide(HIGH, at=1)
    desk.decide(at=2)
    return desk


def awaited():
    """An agent that has just begun, with what ran before; nothing is heard of the level."""
    desk = Desk(FILL, STOP, stands=[start()])
    desk.doing[PUMP1] = True
    desk.silent(LEVEL, since=None)
    desk.decide()
    return desk


CASES = {
    "evidence ends": lambda: started(FILL, level=0),
    "evidence ends early": lambda: started(fill(evidence_seconds=60.0), level=0),
    "timed": lambda: started(fill(TIMED), level=0),
    "timed without an end": lambda: started(fill(Fallback(run_seconds=20, every_seconds=100)), level=0),
    "another sensor": lambda: started(fill(USE, TIMED), level=0, backup=400),
    "unknown in unless": lambda: started(OPENS, level=0, backup=0, intake=500),
    "unless alone": lambda: started(OPENS, intake=100),
    "cooldown": cooling,
    "the start of the agent": awaited,
}


def every_second(desk, active):
    return [(at, word) for at in range(3, LAST) for _, word, _ in desk.decide(*active, at=at)]


def when_due(desk, active):
    """Look at first, and then only when the planner says that it is due."""
    found, looks, at = [], 0, 3
    while at < LAST:
        found += [(at, word) for _, word, _ in desk.decide(*active, at=at, changed=() if looks else None)]
        looks += 1
        due = desk.planner.next_seconds() - START.seconds
        at = LAST if due == float("inf") else max(at + 1, ceil(due))
    return found, looks


@pytest.mark.parametrize("active", [(LOW,), ()])
@pytest.mark.parametrize("case", CASES)
def test_looking_when_it_is_due_is_enough(case, active):
    found, looks = when_due(CASES[case](), active)
    assert found == every_second(CASES[case](), active)
    assert looks < 120


def test_the_cases_are_not_idle():
    said = {case: every_second(make(), (LOW,)) for case, make in CASES.items()}
    assert said["evidence ends"] == [(301, "stop")]
    assert said["evidence ends early"] == [(61, "stop")]
    assert [at for at, _ in said["cooldown"]] == [600]
    assert len(said["timed"]) == 5
    assert len(said["timed without an end"]) > 9
    assert said["another sensor"] == [(701, "stop")]
    assert said["the start of the agent"] == [(300, "stop")]
    assert len(said["unknown in unless"]) == 5
