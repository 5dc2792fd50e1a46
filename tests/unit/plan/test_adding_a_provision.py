"""A kind of provision is one module and one registration: shown by adding one to a copy of the program."""

from __future__ import annotations

import pytest
from support.parttree import Part, Tree

CREW = '''
"""Who is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from edge_agent.plan.steps import no_actuator
from edge_agent.plan.provisions.spec import ProvisionKind
from edge_agent.plan.scene import Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew(ProvisionKind):
    """Who looks after which equipment."""

    name: ClassVar[str] = "crew"
    table: ClassVar[str] = "crews"
    says: ClassVar[str] = "who is called"

    members: Annotated[tuple[str, ...], Field(strict=False, min_length=1, title="a list", description="Who.")]
    cares_for: Annotated[str, Field(description="Which actuator.")]
    within_seconds: Annotated[float, Field(gt=0, description="How soon.")] = 3600.0

    @classmethod
    def conflicts(cls, given, known: Known):
        if isinstance(given.get("cares_for"), str) and given["cares_for"] not in known.actuators:
            yield no_actuator(("cares_for",), given["cares_for"], known)
'''
PART = Part("plan/provisions/crew.py", CREW, "Crew", "plan/provisions/registry.py", "PROVISIONS")
PLANT = """
[site]
id = "riverside"
[nodes.station.actuators.pump1]
kind = "pump"
fail_safe = "stop"
[crews.day]
{}
"""
GIVEN = 'members = ["fitter", "foreman"]\ncares_for = "station/pump1"\nwithin_seconds = 3600'
KEPT = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from edge_agent.knowledge.policy.digest import digest
from edge_agent.knowledge.policy.sealed import sealed, unsealed
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.plant import Provision
from edge_agent.plan.fitness import misfits
from edge_agent.plan.provisions.registry import provision_of
from edge_agent.ports.policy import Edition, Issue
from edge_agent.settings.plantfile import load_plant

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
[crew] = policy.provisions
print(crew.name, crew.parameters, provision_of(crew).within_seconds)
assert digest(plant) != digest(replace(plant, policy=replace(policy, provisions=())))
assert misfits(plant, policy) == []
for wrong in (
    replace(crew, parameters=crew.parameters.replace("pump1", "pump9")),
    replace(crew, parameters="{}"),
    replace(crew, kind="crowd"),
):
    print(*misfits(plant, replace(policy, provisions=(wrong,))), sep="; ")
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


def plant_file(tree: Tree, given: str) -> str:
    path = tree.folder / "plant.toml"
    path.write_text(PLANT.format(given), "utf-8")
    return str(path)


def test_it_touches_its_module_and_the_registry(tree: Tree) -> None:
    assert tree.touched() == ["plan/provisions/crew.py", "plan/provisions/registry.py"]


def test_one_of_it_is_kept_shared_and_has_to_fit(tree: Tree) -> None:
    said = tree.run(KEPT, plant_file(tree, GIVEN), str(tree.folder / "store.db")).splitlines()
    assert said[0] == 'crew day {"cares_for":"station/pump1","members":["fitter","foreman"]} 3600.0'
    assert said[1].startswith('crews.day.cares_for: "station/pump9" is no actuator of this plant')
    assert said[2].startswith("crews.day: 2 validation errors")
    assert said[3].startswith("provisions.crowd day: is of no kind that this agent knows")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (GIVEN.replace("pump1", "pump3"), 'crews.day.cares_for: "station/pump3" is no actuator of this plant'),
        (f"{GIVEN}0.5\nwhen = 3", "crews.day.when: is not a known key; expected one of members, cares_for"),
        ("members = []", "crews.day.members: is an empty list; expected a list"),
        ("members = []", "crews.day.cares_for: is missing; expected text"),
    ],
)
def test_a_mistake_in_it_is_named_like_any_other(tree: Tree, given: str, wrong: str) -> None:
    assert wrong in tree.run(CHECK, plant_file(tree, given))
