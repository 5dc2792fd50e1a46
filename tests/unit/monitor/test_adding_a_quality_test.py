"""A quality test is one module and one registration: shown by adding one to a copy of the program."""

from __future__ import annotations

import json

import pytest
from support.parttree import Part, Tree

ATTENUATED = '''
"""QARTOD test 9, attenuated signal: the value moves less than it always does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from edge_agent.model.fitness import Misfit
from edge_agent.model.quality import Bounds, Flag
from edge_agent.monitor.tests.spec import Above, Duration, QualityTest, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Attenuated(QualityTest):
    """How much the values must move within `window_seconds`."""

    name: ClassVar[str] = "attenuated"
    number: ClassVar[int] = 6
    question: ClassVar[str] = "Does it still move?"

    least: Annotated[Above, Field(description="Values that move less are doubted.")]
    window_seconds: Annotated[Duration, Field(description="How long they are watched.")] = 3600.0

    @property
    def bounds(self) -> Bounds:
        """It has to see every reading."""
        return Bounds(still=float("inf"))

    def update(self, seen: Seen, state: Any) -> tuple[Any, Flag]:
        kept = [pair for pair in state or [] if pair[0] > seen.seconds - self.window_seconds]
        kept.append((seen.seconds, seen.value))
        full = len(kept) > 1 and len(kept) <= len(state or [])
        values = [value for _, value in kept]
        if not full:
            return kept, Flag.NOT_EVALUATED
        return kept, Flag.SUSPECT if max(values) - min(values) < self.least else Flag.GOOD

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        if given.get("least") == given.get("window_seconds"):
            yield Misfit(("least",), "is the window", "a width in the sensor's unit")
'''
PART = Part("monitor/tests/attenuated.py", ATTENUATED, "Attenuated", "monitor/tests/registry.py", "TESTS")
PLANT = """
[site]
id = "riverside"
[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 10
quality = {{ attenuated = {} }}
"""
FLAGS = """
import sys
from pathlib import Path
from support.plants import Bench
from edge_agent.knowledge.policy.digest import plain
from edge_agent.knowledge.policy.plant_rows import _row, _sensor
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.settings.plantfile import load_plant

plant = load_plant(Path(sys.argv[1]))
sensor = plant.sensors[0]
assert _sensor(_row(sensor)) == sensor
bench = Bench(plant)
values = (3.0, 3.5, 3.0, 3.01, 3.0, 3.01, 3.0)
print([LAYOUT.unpack(bench.level(value, 10).readings[0].tests)["attenuated"] for value in values])
print(bench.turns[-1].alarm_events[0].reason)
"""
CHECK = """
import json, sys
from pathlib import Path
from edge_agent.settings.check import check
from edge_agent.settings.schema import PlantTable

for problem in check(None, Path(sys.argv[1]), {}):
    print(problem)
print(json.dumps(PlantTable.model_json_schema()["$defs"]["AttenuatedTable"]["properties"]["least"]))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("part"), PART)


def plant_file(tree: Tree, members: str) -> str:
    path = tree.folder / "plant.toml"
    path.write_text(PLANT.format(members), "utf-8")
    return str(path)


def test_it_touches_its_module_and_the_registry(tree: Tree) -> None:
    assert tree.touched() == ["monitor/tests/attenuated.py", "monitor/tests/registry.py"]


def test_readings_are_flagged_by_it_stored_under_its_name_and_named_in_the_alarm(tree: Tree) -> None:
    flags, reason = tree.run(FLAGS, plant_file(tree, "{ least = 0.1, window_seconds = 25 }")).splitlines()
    assert flags == str(["not_evaluated"] * 3 + ["good"] + ["suspect"] * 3)
    assert reason == "tank1/level (3.00 m) is suspect by the attenuated test"


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        (
            "{ leest = 0.1 }",
            "quality.attenuated.least: is missing",
        ),
        ("{ least = -1 }", "quality.attenuated.least: -1 is out of range; expected a number above 0"),
        ("{ least = 5, window_seconds = 5 }", "quality.attenuated.least: is the window; expected a width"),
    ],
)
def test_a_mistake_in_it_is_named_like_any_other(tree: Tree, members: str, wrong: str) -> None:
    assert wrong in tree.run(CHECK, plant_file(tree, members))


def test_the_schema_of_the_plant_file_describes_it(tree: Tree) -> None:
    *_, schema = tree.run(CHECK, plant_file(tree, "{ least = 1 }")).splitlines()
    assert json.loads(schema)["description"] == "Values that move less are doubted."
