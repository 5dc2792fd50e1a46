"""Docstrings say what a thing does in the imperative of the trade: Return, Record, Run, Raise."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VAGUE = {"Tell", "Tells", "Take", "Takes", "Let", "Lets", "See"}
ROOMS = sorted({path.parent.name for path in (ROOT / "edge_agent").glob("*/*.py")} | {"edge_agent"})


def modules(room):
    return (ROOT / "edge_agent").glob("*.py") if room == "edge_agent" else (ROOT / "edge_agent" / room).rglob("*.py")


def first_words(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            docstring = ast.get_docstring(node)
            if docstring and not docstring.startswith("Take control"):  # of a site: that is what it is called
                yield f"{path.relative_to(ROOT)}:{node.lineno}", docstring.split()[0]


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_say_what_is_done(room):
    words = [(place, word) for path in sorted(modules(room)) for place, word in first_words(path)]
    assert words
    vague = [place for place, word in words if word in VAGUE]
    assert vague == []
