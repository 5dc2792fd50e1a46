"""A kind of plan is one module and one registration: shown by adding one to a copy of the program."""

from __future__ import annotations

import pytest
from support.parttree import Part, Tree

from edge_agent.errors import PolicyRefusedError
from edge_agent.knowledge.store.sqlite import SqliteStore

MIRROR = '''
"""As another actuator fares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from edge_agent.model.plant import Step
from edge_agent.plan.kinds.spec import Asked, PlanKind
from edge_agent.plan.steps import no_actuator
from edge_agent.plan.scene import Known, Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror(PlanKind):
    """It starts one actuator while another has failed, and stops it after `turns` turns."""

    name: ClassVar[str] = "mirror"
    says: ClassVar[str] = "while another has failed"

    of: Annotated[str, Field(description="Which one.")]
    by: Annotated[str, Field(description="What takes its place.")]
    turns: Annotated[int, Field(ge=1, le=9, description="How long.")] = 9

    def steps(self, find) -> tuple[Step, ...]:
        return Step(self.by, "start"), Step(self.by, "stop")

    @property
    def alarms(self) -> tuple[str, ...]:
        return (f"{self.of}:failed",)

    @property
    def looks(self) -> tuple[str, ...]:
        return ()

    def ask(self, scene: Scene, state: Any) -> tuple[Any, Asked]:
        state = (state or 0) + 1 if f"{self.of}:failed" in scene.active else 0
        step = self.steps(scene.find)[1 if state > self.turns else 0]
        return state, Asked((step,), (step,), why=f"{self.of} has failed") if state else Asked()

    def instead(self, sensor: str, by: str) -> Self:
        return self

    @classmethod
    def conflicts(cls, given, known: Known):
        for key in ("of", "by"):
            if isinstance(given.get(key), str) and given[key] not in known.actuators:
                yield no_actuator((key,), given[key], known)
'''
PART = Part("plan/kinds/mirror.py", MIRROR, "Mirror", "plan/kinds/registry.py", "KINDS")
PLANT = """
[site]
id = "riverside"
[nodes.station.actuators.pump1]
kind = "pump"
fail_safe = "stop"
[nodes.station.actuators.pump2]
kind = "pump"
fail_safe = "stop"
[plans.stand_in]
priority = 60
{}
"""
GIVEN = 'kind = "mirror"\nof = "station/pump1"\nby = "station/pump2"\nturns = 2'
STORED = """
import asyncio, sys
from pathlib import Path
from edge_agent.knowledge.policy.differences import catalogue
from edge_agent.knowledge.policy.sealed import sealed, unsealed
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.ports.policy import Edition, Issue
from edge_agent.settings.plantfile import load_plant
from support.plandesk import Situation, Planner, START, Station, alarms, later

plant = load_plant(Path(sys.argv[1]))

async def through_a_store():
    async with SqliteStore(Path(sys.argv[2])) as store:
        await store.apply(plant)
        assert await store.apply(plant) == []
        return await store.policy()

policy = asyncio.run(through_a_store())
assert policy == plant.policy
issue = Issue(Edition(1, "one"), policy, None, b"k" * 32)
assert unsealed(sealed("riverside", issue), "riverside", issue.key).policy == policy
[plan] = policy.plans
print(plan.kind, plan.parameters)
planner, now = Planner(plant, policy.plans, [], START), START
for active in ((), ("station/pump1:failed",), (), *3 * [("station/pump1:failed",)]):
    now = later(2, now)
    facts = Situation(alarms(*active), {}.get, lambda _: Station(0.0, None))
    for request in planner.decide(facts, now).requests:
        print(request.actuator, request.action, request.priority, request.reason)
"""
CHECK = """
import sys
from pathlib import Path
from edge_agent.settings.check import check

for problem in check(None, Path(sys.argv[1]), {}):
    print(problem)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("part"), PART)


def plant_file(tree: Tree, more: str) -> str:
    path = tree.folder / "plant.toml"
    path.write_text(PLANT.format(more), "utf-8")
    return str(path)


def test_it_touches_its_module_and_the_registry(tree: Tree) -> None:
    assert tree.touched() == ["plan/kinds/mirror.py", "plan/kinds/registry.py"]


def test_a_plan_of_it_is_kept_shared_and_asks_for_what_it_says(tree: Tree) -> None:
    file = plant_file(tree, GIVEN)
    said = tree.run(STORED, file, str(tree.folder / "store.db"))
    assert said.splitlines() == [
        'mirror {"by":"station/pump2","of":"station/pump1","turns":2}',
        "station/pump2 start 60 station/pump1 has failed",
        "station/pump2 stop 60 station/pump1 has failed",
    ]


async def test_an_agent_that_does_not_know_it_refuses_the_policy(tree: Tree) -> None:
    path = tree.folder / "other.db"
    tree.run(STORED, plant_file(tree, GIVEN), str(path))
    async with SqliteStore(path) as store:
        with pytest.raises(PolicyRefusedError, match=r"plan that makes no sense.*stand_in"):
            await store.policy()


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ('kind = "miror"', 'plans.stand_in.kind: "miror" is not allowed; expected one of "mirror", "condition'),
        ('kind = "miror"', "did you mean mirror?"),
        ("kind = 3", "plans.stand_in.kind: 3 is not allowed; expected one of"),
        ("kind = []", "plans.stand_in.kind: a list of 0 is not allowed; expected one of"),
        ('kind = "mirror"\nof = "station/pump1"', "plans.stand_in.by: is missing; expected text"),
        (f"{GIVEN}0", "plans.stand_in.turns: 20 is out of range; expected a whole number from 1 to 9"),
        (f"{GIVEN}\nwhen = []", "plans.stand_in.when: is not a known key; expected one of kind, priority"),
        (GIVEN.replace("pump1", "pump3"), 'plans.stand_in.of: "station/pump3" is no actuator of this plant'),
        ("without_evidence = 3", "plans.stand_in.do: is missing; expected a list of at least one step"),
    ],
)
def test_a_mistake_in_it_is_named_like_any_other(tree: Tree, more: str, wrong: str) -> None:
    assert wrong in tree.run(CHECK, plant_file(tree, more))
