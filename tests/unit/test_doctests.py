"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "edge_agent"
#: Every module of the core that shows an example.
MODULES = [
    ".".join(("edge_agent", *path.relative_to(PACKAGE).with_suffix("").parts))
    for room in ("monitor", "analyze", "plan", "execute", "model")
    for path in sorted((PACKAGE / room).rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_are_true(module):
    found = doctest.testmod(import_module(module))
    assert found.attempted
    assert found.failed == 0


def test_every_estimator_shows_an_example():
    shown = set(MODULES)
    for path in (PACKAGE / "monitor" / "tests").glob("*.py"):
        if path.stem not in {"__init__", "registry"}:
            assert f"edge_agent.monitor.tests.{path.stem}" in shown
