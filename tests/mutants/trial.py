"""One change after the other in a copy of the project, each judged by the unit tests of its room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mutants.changes import Change

#: The rooms of the core; a change that the tests of its own room let pass is shown to those of the others.
ROOMS = ("monitor", "analyze", "plan", "execute")
#: Beside the rooms' own tests: what turns of the whole core do, without a server.
TURNS = (
    "tests/unit/model",
    "tests/unit/turn",
    "tests/unit/container/test_plant_watch.py",
    "tests/unit/knowledge/test_rows_read_back.py",
    "tests/scenarios/test_restarts.py",
    "tests/scenarios/test_trust.py",
    "tests/scenarios/test_returns_of_nodes.py",
    "tests/scenarios/test_nodes_that_misbehave.py",
    "tests/scenarios/test_a_plant_that_changes.py",
    "tests/scenarios/test_filling.py",
    "tests/scenarios/test_clock_steps.py",
)
_COPIED = ("edge_agent", "tests", "config", "docs", "deploy", "mosquitto", "pyproject.toml", "README.md")
#: A test that runs this long with a change hangs in a loop that the change has made endless.
_HANGS_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one module of the core."""

    module: str
    change: Change

    @property
    def room(self) -> str:
        """Return the folder of the module, or "" for the turn itself."""
        parts = Path(self.module).parts
        return parts[1] if len(parts) > 2 else ""

    def __str__(self) -> str:
        return f"{self.module}:{self.change.line}: {self.change}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tests said to a change: killed by those of its `room`, of the `core`, or not at all (None)."""

    mutant: Mutant
    killed_by: str | None


class Bench:
    """A copy of the project in which one change at a time is tried."""

    def __init__(self, project: Path, folder: Path) -> None:
        self._project = project
        self._copy = folder
        for name in _COPIED:
            source = project / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)

    def sound(self) -> bool:
        """Return whether all tests that judge pass on the unchanged copy."""
        return self._pass([*(f"tests/unit/{room}" for room in ROOMS), *TURNS])

    def judge(self, mutant: Mutant) -> Verdict:
        """Try one change, and take it back."""
        changed = self._copy / mutant.module
        source = (self._project / mutant.module).read_text()
        changed.write_text(mutant.change.apply(source))
        try:
            return Verdict(mutant, self._killer(mutant.room))
        finally:
            changed.write_text(source)

    def _killer(self, room: str) -> str | None:
        if room and not self._pass([f"tests/unit/{room}"]):
            return "room"
        others = [f"tests/unit/{other}" for other in ROOMS if other != room]
        return None if self._pass([*others, *TURNS]) else "core"

    def _pass(self, tests: list[str]) -> bool:
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header"]
        environment = os.environ | {"PYTHONPATH": f"{self._copy}:{self._copy / 'tests'}"}
        try:
            ended = subprocess.run(
                [*command, "--hypothesis-seed=0", *tests],
                cwd=self._copy,
                env=environment,
                capture_output=True,
                timeout=_HANGS_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return ended.returncode == 0
