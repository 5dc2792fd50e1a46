"""Whoever holds state shows it: in a debugger, in a log line, in the sentence of a test that failed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import edge_agent

ROOMS = ("runtime", "mqtt", "container")
#: A recording is read and written once; its parts stand in no other's state.
RECORDINGS = {"policywatch", "recorder", "recording", "recordingfile"}
HOUSE = Path(edge_agent.__file__).parent


def parts():
    for room in ROOMS:
        for file in sorted((HOUSE / room).glob("*.py")):
            if file.stem not in RECORDINGS:
                found = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                yield from (
                    pytest.param(each, id=f"{room}.{each.name}") for each in found if isinstance(each, ast.ClassDef)
                )


def changing(part):
    """The members that other methods than the constructor set."""
    for method in part.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name != "__init__":
            for node in ast.walk(method):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
                    yield node.attr


def is_self(node):
    return isinstance(node, ast.Name) and node.id == "self"


def shows_itself(part):
    """Whether it says what it holds; a dataclass does by itself."""
    made = any("dataclass" in ast.unparse(each) for each in part.decorator_list)
    return made or any(isinstance(each, ast.FunctionDef) and each.name == "__repr__" for each in part.body)


@pytest.mark.parametrize("part", [each for each in parts() if not each.values[0].name.startswith("_")])
def test_a_part_that_changes_shows_its_state(part):
    assert not set(changing(part)) or shows_itself(part)


def test_parts_that_change_are_found():
    found = {param.values[0].name for param in parts() if set(changing(param.values[0]))}
    assert {"BoundedInbox", "Session", "GroupCommit", "Succession"} <= found
