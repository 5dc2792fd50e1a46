"""A kind of store is one module and one registration: shown by adding one of each sort to a copy of the program."""

from __future__ import annotations

import json
import re

import pytest
from support.parttree import Part, Tree

DRIVE = '''
"""A drive that all gateways of a utility reach, as its store: one file a site, and one more for each batch."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.knowledge.kinds.spec import Migrated, UtilityKind
from edge_agent.knowledge.policy.differences import catalogue, differences
from edge_agent.knowledge.policy.digest import digest
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import Plant, Policy
from edge_agent.ports.policy import Change, Edition, Issue
from edge_agent.ports.stores import Absorbed


class _Site:
    def __init__(self, folder: Path, site: str) -> None:
        self._folder, self._site = folder, site
        self.trouble: str | None = "not asked yet"
        self.note: str | None = None

    def _load(self) -> tuple[int, str | None, Plant | None]:
        if not self._folder.is_dir():
            self.trouble = f"{self._folder} cannot be reached."
            raise StoreUnavailableError(self.trouble)
        self.trouble, file = None, self._folder / self._site
        return pickle.loads(file.read_bytes()) if file.exists() else (0, None, None)

    async def plant(self) -> Plant:
        plant = self._load()[2]
        if plant is None:
            raise StoreError("No plant was applied to the store.")
        return plant

    async def policy(self) -> Policy:
        plant = self._load()[2]
        return Policy() if plant is None else plant.policy

    async def version(self) -> Edition:
        revision, applied, _ = self._load()
        return Edition(revision, str(applied))

    async def issue(self) -> Issue:
        return Issue(await self.version(), await self.policy(), await self.applied(), b"k" * 32)

    async def applied(self) -> str | None:
        return self._load()[1]

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]:
        revision, _, before = self._load()
        if not dry_run:
            (self._folder / self._site).write_bytes(pickle.dumps((revision + 1, digest(plant), plant)))
        return differences({} if before is None else catalogue(before), catalogue(plant))

    async def changes(self) -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()

    async def maintain(self) -> int:
        return 0

    async def absorb(self, batch: Any) -> Absorbed:
        self._load()
        batches = len(list(self._folder.glob("batch-*")))
        (self._folder / f"batch-{batches}").write_text(repr(batch.readings))
        return Absorbed(0)


@dataclass(frozen=True)
class Drive(UtilityKind):
    """A drive that the gateways of a utility share."""

    name: ClassVar[str] = "drive"
    title: ClassVar[str] = "The drive"
    where: ClassVar[str] = "folder"

    folder: Annotated[SecretStr | None, Field(description="Its folder; rather use `folder_file`.")] = None
    keep_days: Annotated[int, Field(ge=1, le=365, description="How long it keeps what was recorded.")] = 30

    @asynccontextmanager
    async def open(self, site: str) -> AsyncIterator[_Site]:
        yield _Site(Path(self.address), site)

    async def migrate(self) -> Migrated:
        folder = Path(self.address)
        before = folder.is_dir()
        folder.mkdir(exist_ok=True)
        return Migrated(() if before else (1,), 1)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        folder = given.get("folder")
        if isinstance(folder, str) and not folder.startswith("/"):
            yield Misfit(("folder",), "is no whole path", "a folder from the root on")
'''
BOARD = '''
"""A file as the cache that gateways share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from edge_agent.knowledge.kinds.spec import CacheKind


class _Board:
    trouble: str | None = None
    note: str | None = "it hangs in the hall"

    def __init__(self, file: Path) -> None:
        self._file = file

    async def read(self) -> bytes | None:
        return self._file.read_bytes() if self._file.exists() else None

    async def write(self, data: bytes) -> None:
        self._file.write_bytes(data)


@dataclass(frozen=True)
class Board(CacheKind):
    """A file that the gateways share."""

    name: ClassVar[str] = "board"
    title: ClassVar[str] = "The board"
    where: ClassVar[str] = "file"

    file: Annotated[SecretStr | None, Field(description="Which file.")] = None

    @asynccontextmanager
    async def open(self, site: str) -> AsyncIterator[_Board]:
        yield _Board(Path(f"{self.address}-{site}"))
'''
REGISTRY = "knowledge/kinds/registry.py"
UTILITY = Part("knowledge/kinds/drive.py", DRIVE, "Drive", REGISTRY, "STORES")
CACHE = Part("knowledge/kinds/board.py", BOARD, "Board", REGISTRY, "STORES")
PLANT = """
[site]
id = "riverside"
[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 10
[nodes.tank1.sensors.level.thresholds]
low = { limit = LIMIT }
"""
#: An agent's stores at work: what is recorded arrives, what governs is in force, and the cache has it too.
WORK = """
import asyncio
from contextlib import suppress
from pathlib import Path
from support.plants import Bench
from edge_agent.container.stores import open_stores
from edge_agent.runtime.clock import SystemClock
from edge_agent.runtime.drain import Drain
from edge_agent.settings.agent import load_settings
from edge_agent.settings.plantfile import load_plant

class Enough(Exception):
    pass

async def until(stores, done):
    async with asyncio.timeout(30):
        while not done():
            await asyncio.sleep(0)
    raise Enough

async def work(settings, plant):
    async with open_stores(settings, plant) as stores:
        print(stores.troubles())
        await stores.policy.version()
        print("in force:", [threshold.limit for threshold in (await stores.policy.plant()).policy.thresholds])
        await stores.embedded.begin("gateway-1")
        await stores.embedded.write([Bench(plant).level(3.5, 10)])
        drive = Path(stores.utility._folder)
        with suppress(*[Enough, BaseExceptionGroup]):
            async with asyncio.TaskGroup() as group:
                group.create_task(Drain(stores.embedded, stores.utility, clock=SystemClock(), chance=lambda: 0.5).run())
                group.create_task(stores.upkeep())
                board = drive.parent / "board-riverside"
                await until(stores, lambda: not stores.embedded.spooled_rows and board.exists())
        print(stores.embedded.spooled_rows, "3.5" in (drive / "batch-0").read_text(), stores.troubles(), stores.notes())

asyncio.run(work(load_settings(Path("agent.toml"), {}), load_plant(Path("plant.toml"))))
"""
COMMAND = """
import contextlib, sys
from edge_agent.cli.main import main

with contextlib.redirect_stderr(sys.stdout):
    print(main(sys.argv[1:]))
"""
CHECK = """
import sys, tomllib
from edge_agent.errors import ConfigurationError
from edge_agent.settings.agent import settings_from

for written in sys.argv[1:]:
    try:
        settings_from(tomllib.loads(written), "agent.toml", {})
    except ConfigurationError as error:
        print(*error.problems)
"""
SETTINGS = """
import json
from edge_agent.settings.agent import Settings
from edge_agent.settings.environment import every_setting

print(json.dumps(Settings.model_json_schema()["$defs"]["DriveSection"]))
print([f"{setting.variable}: {setting.wanted}" for setting in every_setting(Settings) if setting.path[0] == "drive"])
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("part"), UTILITY, CACHE)


def told(tree: Tree, settings: str, *arguments: str, limit: float = 1.5) -> str:
    """Give a command, with settings and a plant file, and return what it says and its exit code."""
    (tree.folder / "agent.toml").write_text(settings, "utf-8")
    (tree.folder / "plant.toml").write_text(PLANT.replace("LIMIT", str(limit)), "utf-8")
    command, *others = arguments
    said = tree.run(COMMAND, command, "--config", "agent.toml", *others)
    return re.sub(r"\nnote: .*", "", said)


def test_each_touches_its_module_and_the_registry(tmp_path) -> None:
    drive, board = Tree(tmp_path / "drive", UTILITY), Tree(tmp_path / "board", CACHE)
    assert drive.touched() == ["knowledge/kinds/drive.py", "knowledge/kinds/registry.py"]
    assert board.touched() == ["knowledge/kinds/board.py", "knowledge/kinds/registry.py"]


def test_what_was_recorded_goes_there_what_it_says_is_in_force_and_the_health_tells_of_it(tree: Tree) -> None:
    drive = f'store.path = "{tree.folder}/store.db"\ndrive.folder = "{tree.folder}/drive"\n'
    settings = f'{drive}board.file = "{tree.folder}/board"\n'
    assert told(tree, settings, "migrate") == "the schema has version 1 now\n0\n"
    assert told(tree, settings, "migrate") == "nothing to do: the schema has version 1\n0\n"
    assert "threshold tank1/level:low" in told(tree, settings, "apply", "plant.toml", limit=2.5)
    (tree.folder / "plant.toml").write_text(PLANT.replace("LIMIT", "1.5"), "utf-8")
    assert tree.run(WORK).splitlines() == [
        "{'drive': 'not asked yet', 'board': None}",
        "in force: [2.5]",
        "0 True {'drive': None, 'board': None} {'board': 'it hangs in the hall'}",
    ]


def test_mistakes_in_its_section_are_named_like_any_others(tree: Tree) -> None:
    mistakes = {
        "drive.foldr = '/d'": "drive.foldr: is not a known key; expected one of folder, folder_file, keep_days",
        "drive.keep_days = 0": "drive.keep_days: 0 is out of range; expected a whole number from 1 to 365",
        "drive.folder = 'd'": "drive.folder: is no whole path; expected a folder from the root on",
        "drive.folder_file = '/none'": 'drive.folder_file: "/none" cannot be read: no such file or directory',
        "drive = {folder = '/d', folder_file = '/none'}": "drive.folder: is given as well as drive.folder_file",
        "postgres.dsn = 'host=db'\ndrive.folder = '/d'": (
            "postgres.dsn: is given as well as drive.folder; expected one store of the utility"
        ),
        "redis.url = 'redis://cache'\nboard.file = '/b'": (
            "redis.url: is given as well as board.file; expected one cache"
        ),
    }
    told_of = tree.run(CHECK, *mistakes).splitlines()
    for said, wrong in zip(told_of, mistakes.values(), strict=True):
        assert said.startswith(f"agent.toml: {wrong}")


def test_where_it_is_may_lie_in_a_file_and_is_shown_nowhere(tree: Tree) -> None:
    (tree.folder / "secret").write_text("s3cret\n", "utf-8")
    said = told(tree, f'drive.folder_file = "{tree.folder}/secret"', "check", "--plant", "plant.toml")
    assert "drive.folder: is no whole path" in said
    assert "s3cret" not in said


def test_the_schema_and_the_variables_describe_it(tree: Tree) -> None:
    schema, variables = tree.run(SETTINGS).splitlines()
    section = json.loads(schema)
    assert section["description"] == "A drive that the gateways of a utility share."
    assert section["properties"]["keep_days"]["maximum"] == 365
    assert section["properties"]["folder"]["description"] == "Its folder; rather use `folder_file`."
    assert variables == str(
        [
            "EDGE_AGENT_DRIVE__FOLDER: text",
            "EDGE_AGENT_DRIVE__FOLDER_FILE: a path",
            "EDGE_AGENT_DRIVE__KEEP_DAYS: a whole number from 1 to 365",
        ]
    )


def test_to_migrate_names_every_place_that_could_be_set(tree: Tree) -> None:
    assert told(tree, "", "migrate") == (
        "there is nothing to migrate: neither drive.folder nor drive.folder_file nor postgres.dsn "
        "nor postgres.dsn_file is set\n2\n"
    )
