"""A measure is one module and one registration: shown by adding one to a copy of the program."""

from __future__ import annotations

import pytest
from support.parttree import Part, Tree

STEP = '''
"""How far the value has moved since the reading before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from edge_agent.analyze.measures.spec import Measure


@dataclass(frozen=True, slots=True)
class Step(Measure):
    """The difference from the value before, divided by `unit_step`."""

    name: ClassVar[str] = "step"
    says: ClassVar[str] = "the change since the reading before"

    unit_step: Annotated[float, Field(gt=0, description="What counts as one.")] = 1.0

    def update(self, value: float, seconds: float, state: Any) -> tuple[Any, float | None]:
        return value, None if state is None else (value - state) / self.unit_step

    def subject(self, sensor: str) -> str:
        return f"the step of {sensor}"

    def unit(self, unit: str) -> str:
        return unit
'''
PART = Part("analyze/measures/step.py", STEP, "Step", "analyze/measures/registry.py", "MEASURES")
PLANT = """
[site]
id = "riverside"
[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 10
[nodes.tank1.sensors.level.thresholds]
high = {{ limit = 2, {} }}
"""
ALARM = """
import asyncio, sqlite3, sys
from pathlib import Path
from support.plants import Bench
from edge_agent.knowledge.policy.sealed import sealed, unsealed
from edge_agent.ports.policy import Edition, Issue
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.settings.plantfile import load_plant

plant = load_plant(Path(sys.argv[1]))

async def through_a_store():
    async with SqliteStore(Path(sys.argv[2])) as store:
        await store.apply(plant)
        return await store.policy()

policy = asyncio.run(through_a_store())
assert policy == plant.policy
issue = Issue(Edition(1, "one"), policy, None, b"k" * 32)
assert unsealed(sealed("riverside", issue), "riverside", issue.key).policy == policy
bench = Bench(plant)
for value in (1.0, 1.1, 1.4):
    bench.level(value, 10)
print(*(event.reason for turn in bench.turns for event in turn.alarm_events), sep="; ")
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
    assert tree.touched() == ["analyze/measures/registry.py", "analyze/measures/step.py"]


def test_a_threshold_of_it_is_kept_shared_and_raises_its_alarm(tree: Tree) -> None:
    file = plant_file(tree, 'of = "step", unit_step = 0.1')
    said = tree.run(ALARM, file, str(tree.folder / "store.db"))
    assert said == "the step of tank1/level (3.00 m) is above high (2.00 m)\n"


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        (
            "of = 'stop'",
            '"stop" is not allowed; expected one of "step", "value", "rate_per_hour", "time_to_limit"; did you mean',
        ),
        ("of = 'step', unit_step = 0", "high.unit_step: 0 is out of range; expected a number above 0"),
        ("unit_step = 1", 'high.unit_step: is nothing to "value"; expected of = "step"'),
    ],
)
def test_a_mistake_in_it_is_named_like_any_other(tree: Tree, more: str, wrong: str) -> None:
    assert wrong in tree.run(CHECK, plant_file(tree, more))
