"""A recording may begin in the middle: what plans of every kind know is frozen, and goes on as it would have."""

from __future__ import annotations

from dataclasses import asdict

from support.frozen import freeze
from support.plants import later, sensor
from support.stageworks import LEVEL, PUMP1, PUMP2, Tank, conditions, stages, timetable

from edge_agent.plan.planning import Planner
from edge_agent.runtime.freezing import thaw

SUCTION = "station/suction"
PLANS = (
    conditions("a", f"{LEVEL} < 2 for 25 s", ((PUMP1, "start"),), until=[f"{LEVEL} > 4"], unless=(f"{SUCTION} < 0.5",)),
    stages((3.0, 5.0, PUMP2), identity="b"),
    timetable("10:02-10:05", do=((PUMP1, "start"),), identity="c", priority=10),
    conditions("d", f"{LEVEL} > 5.5", ((PUMP1, "stop"),), trip=True, latch=True),
)
COURSE = (3.5, 2.9, 1.9, 1.9, 1.9, 1.9, 2.5, 4.5, 4.5, 5.2, 4.0, 4.0, 5.6, 3.0, 3.0, 1.0, 1.0, 1.0, 1.0)


def test_frozen_in_any_turn_they_go_on_as_they_would_have():
    for place in range(1, len(COURSE), 3):
        benches = [Tank(*PLANS, sensors=[sensor(LEVEL), sensor(SUCTION, "pressure", "bar")]) for _ in range(2)]
        for bench in benches:
            bench.level(1.0, of=SUCTION)
            for value in COURSE[:place]:
                bench.shows(value)
        frozen = thaw(freeze(benches[1].knowledge))
        frozen.analyzer.reindex()
        benches[1].knowledge = frozen
        assert isinstance(frozen.planner, Planner)
        for value in COURSE[place:]:
            assert benches[0].shows(value) == benches[1].shows(value)
            assert asdict(benches[0].turns[-1]) == asdict(benches[1].turns[-1])


def test_nothing_is_looked_at_before_its_time():
    bench = Tank(stages((3.0, 5.0, PUMP2), identity="b"), timetable("10:30-11:00", identity="c"))
    bench.shows(4.0)
    bench.passes(1)
    planner = bench.knowledge.planner
    assert planner.next_seconds() >= bench.now.seconds + 250
    before = {name: state.asked for name, state in planner._states.items()}
    bench.passes(200, 1)
    assert all(state.asked is before[name] for name, state in planner._states.items())
    bench.now = later(1700, bench.now)
    bench.passes(1)
    assert planner._states["c"].applies


def test_however_often_plans_are_looked_at_few_times_are_kept():
    bench = Tank(
        stages((3.0, 5.0, PUMP2), identity="b"), conditions("d", f"{LEVEL} > 5.5 for 100 s", ((PUMP1, "stop"),))
    )
    for place in range(200):
        bench.shows(6.0 if place % 2 else 4.0, 1.0)
    assert len(bench.knowledge.planner._lookout._times) <= 8
