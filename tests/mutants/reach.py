"""Which tests a change has to be shown to: those that call the function it stands in, the shortest first."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: What runs the core without a server, and not for minutes.
JUDGES = (
    *("tests/unit/monitor", "tests/unit/analyze", "tests/unit/plan", "tests/unit/execute"),
    *("tests/unit/model", "tests/unit/turn", "tests/unit/dialects", "tests/unit/expressions", "tests/unit/accounts"),
    "tests/unit/test_doctests.py",
    "tests/unit/container/test_plant_watch.py",
    *("tests/unit/settings/test_plant_file.py", "tests/unit/settings/test_what_technicians_write.py"),
    *("tests/unit/settings/test_check_of_files.py", "tests/unit/settings/test_lines_of_keys.py"),
    *("tests/unit/settings/test_plans_of_all_kinds.py", "tests/unit/settings/test_devices_in_plant_files.py"),
    "tests/unit/knowledge/policy",
    "tests/scenarios",
)
LONG = {
    *("test_ctown_day.py", "test_net1_day.py", "test_days_of_random_faults.py", "test_weeks_without_alarms.py"),
    *("test_boots_with_a_wrong_clock.py", "test_a_level_that_jumps.py", "test_safety_cases_of_sensors.py"),
}
#: By test: how long it takes, and what it calls, each as `edge_agent/turn.py:run_turn`.
Notes: TypeAlias = dict[str, tuple[float, list[str]]]


class Test(NamedTuple):
    """A test by its name, and how long it takes."""

    name: str
    seconds: float

    @property
    def file(self) -> str:
        """Return the module it is in."""
        return self.name.partition("::")[0]


class Reach:
    """What was noted of the tests, asked by what they call."""

    def __init__(self, notes: Notes) -> None:
        self._of: defaultdict[str, set[Test]] = defaultdict(set)
        self._every = {Test(name, seconds) for name, (seconds, _) in notes.items()}
        for name, (seconds, calls) in notes.items():
            for call in calls:
                self._of[call].add(Test(name, seconds))
                self._of[call.partition(":")[0]].add(Test(name, seconds))

    def tests(self, module: str, source: str, line: int, importers: Iterable[str]) -> list[Test]:
        """Return the tests that call the function in this line; of what is in none, those of the module's users."""
        function = enclosing(source, line)
        found = self._of[f"{module}:{function}"] if function else set()
        if not function:
            found = set().union(*(self._of[each] for each in (module, *importers)))
        return sorted(found or self._every, key=lambda test: (test.seconds, test.name))


def enclosing(source: str, line: int) -> str | None:
    """Name the outermost function, or method of a class, around a line; None where there is none."""
    for first, last, name in _functions(source):
        if first <= line <= last:
            return name
    return None


@cache
def _functions(source: str) -> list[tuple[int, int, str]]:
    found, bodies = [], [("", ast.parse(source).body)]
    for prefix, body in bodies:
        for node in body:
            if isinstance(node, ast.ClassDef):
                bodies.append((f"{prefix}{node.name}.", node.body))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((node.lineno, node.end_lineno or node.lineno, f"{prefix}{node.name}"))
    return found


def importing(module: str, sources: dict[str, str]) -> list[str]:
    """Return the modules that import from one."""
    room, _, name = module.removesuffix(".py").replace("/", ".").rpartition(".")
    pattern = re.compile(rf"^ *from (?:{room}\.{name} import|{room} import [\w, ]*\b{name}\b)", re.MULTILINE)
    return [path for path, source in sources.items() if path != module and pattern.search(source)]


def judges(project: Path) -> list[str]:
    """Return the test files that judge."""
    places = [project / place for place in JUDGES]
    files = [file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("test_*.py")))]
    return [str(file.relative_to(project)) for file in files if file.name not in LONG]


def digest(project: Path, paths: Iterable[str]) -> str:
    """Return what tells the content of files and folders from any other."""
    found = hashlib.sha256()
    for path in paths:
        place = project / path
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()[:24]


def kept(file: Path) -> dict[str, tuple[list[str], Notes]]:
    """Return the notes of before by test module, each with the digests of the program and the module then."""
    return json.loads(file.read_text()) if file.is_file() else {}
