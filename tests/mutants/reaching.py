"""A pytest plugin that notes which functions of the core each test calls: `-p mutants.reaching`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

#: Names the file that is written.
NOTES = "MUTANTS_NOTES"
_PACKAGE = f"{os.sep}edge_agent{os.sep}"
_noted: dict[str, tuple[float, list[str]]] = {}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note what is called while a test runs, with its fixtures, and how long that takes."""
    called: dict[int, CodeType] = {}

    def note(frame: FrameType, _event: str, _argument: object) -> None:
        called[id(frame.f_code)] = frame.f_code

    begun = time.perf_counter()
    sys.settrace(note)
    try:
        return (yield)
    finally:
        sys.settrace(None)
        names = {name for code in called.values() if (name := named(code.co_filename, code.co_qualname))}
        _noted[item.nodeid] = time.perf_counter() - begun, sorted(names)


def pytest_sessionfinish() -> None:
    """Write what was noted."""
    Path(os.environ[NOTES]).write_text(json.dumps(_noted))


def named(file: str, qualified: str) -> str | None:
    """Name a function by its module and itself, one within another by the outer; None of what is not the agent's."""
    _, found, module = file.rpartition(_PACKAGE)
    return f"edge_agent/{module}:{qualified.partition('.<locals>')[0]}" if found else None
