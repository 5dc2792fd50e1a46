"""One change after the other in a copy of the project, each judged by the tests that reach it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mutants import reach
from mutants.chosen import CHOSEN
from mutants.forking import NOT_HERE, RESULTS, SURVIVED, TRIALS
from mutants.reaching import NOTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mutants.changes import Change
    from mutants.reach import Notes, Reach, Test

_COPIED = ("edge_agent", "tests", "config", "docs", "deploy", "mosquitto", "pyproject.toml", "README.md")
_KEPT = "var/mutants.json"
_NOTED_AT_ONCE = 3
#: The shortest tests come first, so many seconds of them; then the others, as long as that takes at the most.
_FIRST_SECONDS, _MOST_SECONDS = 4.0, 90.0
#: Tests that take so many times as long, and this besides, hang in a loop that the change has made endless.
_HANGS_TIMES, _HANGS_SECONDS = 4.0, 30.0
_FAILED, _NONE_CHOSEN = {1, 2}, 5


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one module of the core."""

    module: str
    change: Change

    def __str__(self) -> str:
        return f"{self.module}:{self.change.line}: {self.change}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tests said to a change: whether it was killed, and how many it was shown to in all."""

    mutant: Mutant
    killed: bool
    shown_to: int = 0


class Bench:
    """A copy of the project in which one change at a time is tried."""

    def __init__(self, project: Path, folder: Path) -> None:
        self._project = project
        self._copy = folder
        self._chosen = folder / "chosen.json"
        for name in _COPIED:
            source = project / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        self.sources = {
            str(path.relative_to(folder)): path.read_text("utf-8") for path in (folder / "edge_agent").rglob("*.py")
        }

    def notes(self, deadline: float, *, as_noted: bool) -> Notes:
        """Return which functions the tests call, by running those that have changed, or all where the program has.

        `as_noted`: what was noted of another state of the program counts. Raises RuntimeError where a test fails.
        """
        program = reach.digest(self._copy, ["edge_agent", "tests/support", "tests/conftest.py"])
        files = {file: [program, reach.digest(self._copy, [file])] for file in reach.judges(self._copy)}
        kept = reach.kept(self._project / _KEPT)
        kept = {file: one for file, one in kept.items() if one[0][as_noted:] == files.get(file, [])[as_noted:]}
        unknown = [file for file in files if file not in kept]
        for first in range(0, len(unknown), _NOTED_AT_ONCE):
            if time.perf_counter() > deadline:
                raise RuntimeError(f"the time is over; {len(unknown) - first} test modules are not known yet: go on")
            noted = self._note(unknown[first : first + _NOTED_AT_ONCE])
            kept |= {file: (files[file], notes) for file, notes in noted.items()}
            (self._project / _KEPT).parent.mkdir(exist_ok=True)
            (self._project / _KEPT).write_text(json.dumps(kept))
        return {name: note for _, notes in kept.values() for name, note in notes.items()}

    def _note(self, files: list[str]) -> dict[str, Notes]:
        written = self._copy / "notes.json"
        if self._run("mutants.reaching", {NOTES: str(written)}, files, None) != 0:
            raise RuntimeError(f"tests fail without any change, of {', '.join(files)}")
        noted = json.loads(written.read_text())
        return {file: {name: note for name, note in noted.items() if name.partition("::")[0] == file} for file in files}

    def judge(self, mutant: Mutant, known: Reach) -> Verdict:
        """Try one change, and take it back."""
        source = self.sources[mutant.module]
        importers = reach.importing(mutant.module, self.sources)
        tests = known.tests(mutant.module, source, mutant.change.line, importers)
        changed = self._copy / mutant.module
        changed.write_text(mutant.change.apply(source))
        try:
            return Verdict(mutant, any(self._fail(portion) for portion in _portions(tests)), len(tests))
        finally:
            changed.write_text(source)

    def judge_in_forks(self, mutants: list[Mutant], known: Reach, deadline: float) -> Iterator[Verdict]:
        """Try the changes that stand in functions, in forks of one process; those that cannot be are left out."""
        trials, files, shown = [], set(), {}
        for number, mutant in enumerate(mutants):
            source = self.sources[mutant.module]
            function = reach.enclosing(source, mutant.change.line)
            if function is None:
                continue
            tests = [
                test
                for portion in _portions(known.tests(mutant.module, source, mutant.change.line, ()))
                for test in portion
            ]
            shown[number] = len(tests)
            files |= {test.file for test in tests}
            seconds = round(_HANGS_SECONDS + _HANGS_TIMES * sum(test.seconds for test in tests))
            trials.append(
                {
                    "number": number,
                    "module": mutant.module,
                    "source": mutant.change.apply(source),
                    "function": function,
                    "tests": [test.name for test in tests],
                    "seconds": seconds,
                }
            )
        plan, results = self._copy / "trials.json", self._copy / "results.json"
        plan.write_text(json.dumps({"deadline": deadline, "trials": trials}))
        results.write_text("")
        self._run("mutants.forking", {TRIALS: str(plan), RESULTS: str(results)}, sorted(files), None)
        for line in results.read_text().splitlines():
            number, ended = json.loads(line)
            if ended != NOT_HERE:
                yield Verdict(mutants[number], ended != SURVIVED, shown[number])

    def _fail(self, tests: list[Test]) -> bool:
        self._chosen.write_text(json.dumps([test.name for test in tests]))
        seconds = _HANGS_SECONDS + _HANGS_TIMES * sum(test.seconds for test in tests)
        files = sorted({test.file for test in tests})
        ended = self._run("mutants.chosen", {CHOSEN: str(self._chosen)}, files, seconds)
        if ended not in {0, None, *_FAILED, _NONE_CHOSEN}:
            raise RuntimeError(f"pytest ended with {ended}")
        return ended is None or ended in _FAILED

    def _run(self, plugin: str, more: dict[str, str], files: list[str], seconds: float | None) -> int | None:
        """Run tests until the first fails; return how that ended, None where it did not in time."""
        command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "--quick", "-p", "no:cacheprovider"]
        environment = os.environ | {"PYTHONPATH": f"{self._copy}:{self._copy / 'tests'}"} | more
        try:
            ended = subprocess.run(
                [*command, "-p", plugin, "--hypothesis-seed=0", *files],
                cwd=self._copy,
                env=environment,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return ended.returncode


def _portions(tests: list[Test]) -> list[list[Test]]:
    """Divide tests into those that are tried first, and the others."""
    first: list[Test] = []
    rest: list[Test] = []
    seconds = 0.0
    for test in tests:
        seconds += test.seconds
        if seconds <= _FIRST_SECONDS or not first:
            first.append(test)
        elif seconds <= _MOST_SECONDS:
            rest.append(test)
    return [portion for portion in (first, rest) if portion]
