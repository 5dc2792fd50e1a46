"""A copy of the program with one part more: who adds one writes a module and a line where such parts are registered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from filecmp import dircmp
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = "edge_agent"


class Part(NamedTuple):
    """A new part: its module and text, and the registry with the name of its tuple."""

    module: str
    text: str
    name: str
    registry: str
    tuple_name: str


class Tree:
    """The program with a part, or several, in a folder of its own."""

    def __init__(self, folder: Path, *parts: Part) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / PACKAGE, folder / PACKAGE, ignore=ignored)
        for part in parts:
            (folder / PACKAGE / part.module).write_text(part.text, "utf-8")
            self._register(part)

    def _register(self, part: Part) -> None:
        """Add the part to its tuple, and the import that this takes."""
        registry = self.folder / PACKAGE / part.registry
        dotted = ".".join((PACKAGE, *Path(part.module).with_suffix("").parts))
        before, opening, after = registry.read_text("utf-8").partition(f"{part.tuple_name}: ")
        head, bracket, members = after.partition("= (\n")
        assert opening
        assert bracket
        imported = before.replace("\nfrom edge_agent", f"\nfrom {dotted} import {part.name}\nfrom edge_agent", 1)
        registry.write_text(f"{imported}{opening}{head}{bracket}    {part.name},\n{members}", "utf-8")

    def touched(self) -> list[str]:
        """Return the files that are new or different, but for documents and tests."""
        found: list[str] = []

        def compare(both: dircmp[str], below: str) -> None:
            found.extend(f"{below}{name}" for name in (*both.diff_files, *both.right_only))
            for name, part in both.subdirs.items():
                compare(part, f"{below}{name}/")

        compare(dircmp(ROOT / PACKAGE, self.folder / PACKAGE, ignore=["__pycache__"]), "")
        return sorted(found)

    def run(self, script: str, *arguments: str) -> str:
        """Run a script with this program instead of the usual one, and return what it prints."""
        environ = os.environ | {"PYTHONPATH": f"{self.folder}:{ROOT / 'tests'}", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=self.folder, check=False)
        assert not done.stderr, done.stderr
        return done.stdout
