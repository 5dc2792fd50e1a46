"""100,000 limits that change in the store, all of them or one, hold the loop for no time that anybody notices."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from support.deadline import wait_until

from edge_agent.container.retuned import Retuned
from edge_agent.knowledge.policy.inforce import PolicyInForce
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.known import Knowledge
from edge_agent.model.inbox import PlantChange, PolicyChange
from edge_agent.model.plant import Node, Plant, Policy, Sensor, Threshold
from edge_agent.model.remembered import Remembered
from edge_agent.runtime.clock import SystemClock
from edge_agent.runtime.inbox import BoundedInbox
from edge_agent.runtime.policywatch import PolicyWatch
from edge_agent.turn import run_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from edge_agent.model.turn import Turn

NODES, SENSORS = 2_500, 10
LIMITS = (("high", 5.0), ("high_high", 6.0), ("low", 2.0), ("low_low", 1.0))
#: What the loop may work at a stretch; and how long others may keep it from working, on a machine that is busy.
MOST_SECONDS, MOST_WALL_SECONDS = 0.1, 0.5


def _plant() -> Plant:
    nodes = {}
    for name in (f"node{number}" for number in range(NODES)):
        nodes[name] = Node(name, {f"s{each}": Sensor(name, f"s{each}", "level", "m") for each in range(SENSORS)})
    found = [
        Threshold(node, sensor, limit, value)  # type: ignore[arg-type] # a name of a threshold
        for node in nodes
        for sensor in nodes[node].sensors
        for limit, value in LIMITS
    ]
    return Plant("riverside", nodes, Policy(tuple(sorted(found, key=lambda threshold: threshold.alarm))))


@dataclass
class Beats:
    """The longest time between two beats of the loop: of its own work, and by the clock on the wall."""

    work: float = 0.0
    wall: float = 0.0

    async def run(self) -> None:
        while True:
            wall, work = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0)
            self.work = max(self.work, time.thread_time() - work)
            self.wall = max(self.wall, time.perf_counter() - wall)
            await asyncio.sleep(0.002)


@dataclass
class Station:
    path: Path
    watch: PolicyWatch
    inbox: BoundedInbox
    knowledge: Knowledge
    clock: SystemClock

    async def turn_on(self, turns: list[Turn]) -> None:
        """Run turns as the loop does."""
        while True:
            taken, _ = await self.inbox.take(0.2)
            turns.append(run_turn(self.knowledge, taken, self.clock.now()))

    def change(self, statement: str) -> None:
        """Change limits as any client of the store does."""
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute(statement)

    def in_force(self) -> Policy:
        found = [each for some in self.knowledge.analyzer.thresholds(1000) for each in some]
        return Policy(tuple(sorted(found, key=lambda threshold: threshold.alarm)))


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    plant, clock, path = _plant(), SystemClock(), tmp_path / "store.db"
    async with SqliteStore(path, plant=plant) as store:
        await store.apply(plant)
        inbox = BoundedInbox(1000, clock.steady)
        knowledge = Knowledge(plant, plant.policy, Remembered(epoch=1), clock.now(), agent="gateway-1", mode="auto")
        in_force = PolicyInForce(store, plant)
        plant = await in_force.begin()
        watch = PolicyWatch(
            Retuned(in_force),
            plant,
            lambda revision: inbox.report(PolicyChange(revision)),
            equip=lambda changed: inbox.report(PlantChange(changed)),
        )
        await watch.look()
        yield Station(path, watch, inbox, knowledge, clock)


ALL = "UPDATE thresholds SET limit_value = limit_value + 0.25"
ONE = "UPDATE thresholds SET limit_value = limit_value + 0.25 WHERE node = 'node77' AND sensor = 's9' AND name = 'low'"


@pytest.mark.parametrize(("change", "changed"), [(ALL, NODES * SENSORS * len(LIMITS)), (ONE, 1)], ids=["all", "one"])
async def test_the_loop_goes_on_while_a_hundred_thousand_limits_come(
    station: Station, change: str, changed: int
) -> None:
    before, beats, turns = station.in_force().thresholds, Beats(), []
    raised = {each.alarm: replace(each, limit=each.limit + 0.25) for each in before}
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        tasks = [group.create_task(beats.run()), group.create_task(station.turn_on(turns))]
        station.change(change)
        await station.watch.look()
        seen = len(turns)
        await wait_until(lambda: len(turns) > seen + 1 and not station.knowledge.revising, 30)
        for task in tasks:
            task.cancel()
    after = station.in_force().thresholds
    differing = [new for old, new in zip(before, after, strict=True) if old != new]
    assert len(differing) == changed
    assert differing == [raised[each.alarm] for each in differing]
    assert beats.work < MOST_SECONDS, f"the loop worked {beats.work:.3f} s at a stretch"
    assert beats.wall < MOST_WALL_SECONDS, f"the loop stood still for {beats.wall:.3f} s"
