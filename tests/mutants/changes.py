"""What is changed in a module: one small change at a time, each of which some test has to notice."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One changed piece of a module's source: from byte `start` to byte `end` stands `after`."""

    line: int
    start: int
    end: int
    before: str
    after: str

    def apply(self, source: str) -> str:
        """Return the module's source with this change."""
        text = source.encode()
        return (text[: self.start] + self.after.encode() + text[self.end :]).decode()

    def __str__(self) -> str:
        return f"{' '.join(self.before.split())}  ->  {' '.join(self.after.split())}"


def changes(source: str) -> list[Change]:
    """Return every change of a module, in the order of its lines."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, replaced in _replaced(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        before = source.encode()[start:end].decode()
        found.append(Change(node.lineno, start, end, before, replaced))
    return sorted(set(found), key=lambda change: (change.start, change.end, change.after))


def _replaced(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yield nodes of the code that runs, each with what stands in its place."""
    for node in _that_runs(tree):
        if isinstance(node, ast.expr):
            for changed in _expressions(node):
                yield node, f"({ast.unparse(changed)})"
        elif isinstance(node, ast.If | ast.While):
            yield node.test, f"(not ({ast.unparse(node.test)}))"
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield node, "pass"


def _that_runs(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below one but for annotations, decorators, formatted text and what only types need."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _left_alone(child):
                yield child
                yield from _that_runs(child)


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):  # zip(…, strict=True) asserts what is so by construction
        return node.arg == "strict"
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    changed = copy.deepcopy(node)
    match node, changed:
        case ast.Compare(), ast.Compare():
            for place, operator in enumerate(node.ops):
                changed.ops = [*node.ops]
                changed.ops[place] = _COMPARISONS[type(operator)]()
                yield copy.deepcopy(changed)
        case ast.BoolOp(), ast.BoolOp():
            changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield changed
        case ast.BinOp(), ast.BinOp() if type(node.op) in _OPERATORS:
            changed.op = _OPERATORS[type(node.op)]()
            yield changed
        case ast.UnaryOp(op=ast.Not() | ast.USub()), _:
            yield node.operand
        case ast.Constant(value=bool() | int() | float()), ast.Constant():
            changed.value = (not node.value) if isinstance(node.value, bool) else node.value + 1
            yield changed
