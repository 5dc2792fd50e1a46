"""Short functions, modules of a size that one can read at once, and few parameters."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[3]
MODULES = [path for path in sorted((ROOT / "edge_agent").rglob("*.py")) if path.name != "__init__.py"]
MOST_LINES_OF_A_FUNCTION = 45
LEAST_LINES, MOST_LINES = 40, 300

#: Smaller modules that stand alone because what is in them belongs nowhere else.
SMALL_MODULES = {
    "edge_agent/__main__.py",  # python -m edge_agent
    "edge_agent/version.py",  # the number, read without loading anything
    "edge_agent/analyze/heard.py",  # what goes into a phase, and what comes out
    "edge_agent/analyze/measures/value.py",  # one module a measure
    "edge_agent/cli/eventloop.py",
    "edge_agent/cli/schema.py",
    "edge_agent/dialects/commanding.py",  # the one way out
    "edge_agent/dialects/registry.py",
    "edge_agent/execute/decisions.py",
    "edge_agent/execute/identity.py",  # a UUIDv7 as a pure function
    "edge_agent/execute/lockout.py",
    "edge_agent/knowledge/kinds/registry.py",
    "edge_agent/model/continuity.py",
    "edge_agent/model/titles.py",
    "edge_agent/monitor/life.py",
    "edge_agent/monitor/samples.py",
    "edge_agent/mqtt/linkerrors.py",
    "edge_agent/plan/provisions/spec.py",
    "edge_agent/plan/interlocks/tidings.py",
    "edge_agent/plan/interlocks/views.py",  # what others may see
    "edge_agent/ports/cancellation.py",
    "edge_agent/ports/clock.py",
    "edge_agent/runtime/beat.py",
    "edge_agent/runtime/carry.py",
    "edge_agent/runtime/context.py",
    "edge_agent/simulate/dayrecord.py",
}


def name(path):
    return str(path.relative_to(ROOT))


@cache
def functions():
    """Return the length of every function, by module and name."""
    found = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{name(path)}:{node.name}:{node.lineno}"] = node.end_lineno - node.lineno + 1
    return found


def test_functions_are_short():
    lengths = sorted(functions().values())
    assert len(lengths) > 1000
    assert median(lengths) <= 8
    assert lengths[len(lengths) * 9 // 10] <= 25


def test_no_function_is_long():
    assert [place for place, lines in functions().items() if lines > MOST_LINES_OF_A_FUNCTION] == []


def test_a_module_can_be_read_at_once():
    lines = {name(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    small = {module for module, count in lines.items() if count < LEAST_LINES}
    assert sorted(module for module, count in lines.items() if count > MOST_LINES) == []
    assert sorted(small - SMALL_MODULES) == []
    assert sorted(SMALL_MODULES - small) == [], "large enough by now, or gone: take it out of SMALL_MODULES"
