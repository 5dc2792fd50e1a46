"""Figures as text: the part of the grammar that conditions and derived sensors share, and the one error of reading."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from edge_agent.expressions.quantities import Calculated, Function, Number, Quantity, Shows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lark import Lark, Token, Tree

#: No expression is longer.
MOST_CHARACTERS = 1000
ID = r"[a-z0-9][a-z0-9_-]*"
#: The rules of a figure, named `sum`, and the words in them.
FIGURES = rf"""
?sum: product (PLUS product)*
?product: factor (TIMES factor)*
?factor: NUMBER -> number
    | POINT -> shows
    | FUNCTION "(" sum ("," sum)* ")" -> function
    | "(" sum ")"
POINT.3: /{ID}\/{ID}(?![\w\/:])/
NUMBER.2: /-?\d+(\.\d+)?([eE][+-]?\d+)?(?![\w\/:.])/
FUNCTION.2: /(min|max|avg|abs)(?=\s*\()/
PLUS: /[+-](?=\s)/
TIMES: /[*\/](?=\s)/
%ignore /\s+/
"""
#: What is expected, by the names of the grammar, in words.
WORDS: Mapping[str, str] = {
    "POINT": "a sensor",
    "NUMBER": "a number",
    "FUNCTION": "min, max, avg or abs",
    "PLUS": "+ or -",
    "TIMES": "* or /",
    "LPAR": '"("',
    "RPAR": '")"',
    "COMMA": '","',
    "$END": "the end",
}


class ExpressionError(ValueError):
    """A text that cannot be read: what is wrong, at which column (from 1), and what was expected."""

    def __init__(self, wrong: str, column: int, expected: str) -> None:
        super().__init__(f"{wrong} at column {column}; expected {expected}")
        self.wrong, self.column, self.expected = wrong, column, expected


@lru_cache(32_768)
def parse_figure(text: str) -> Quantity:
    """Read a figure, such as `well1/flow + well2/flow`. Raises ExpressionError for anything else."""
    found: Quantity = read(text, _parser(), figure, WORDS)
    return found


def read(text: str, parser: Lark, made: Callable[[Tree[Any]], Any], words: Mapping[str, str]) -> Any:  # noqa: ANN401 - a term
    """Read a text with a parser, and make of its tree what it means. Raises ExpressionError where that cannot be."""
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError("is too long", MOST_CHARACTERS, f"{MOST_CHARACTERS} characters at the most")
    from lark.exceptions import UnexpectedInput  # noqa: PLC0415 - loaded where an expression is used

    try:
        tree = parser.parse(text)
    except UnexpectedInput as error:
        raise _explained(text, error, words) from None
    try:
        return made(tree)
    except RecursionError:
        raise ExpressionError("is too deep", 1, "fewer brackets") from None


@cache
def _parser() -> Lark:
    from lark import Lark  # noqa: PLC0415 - loaded where an expression is used

    return Lark(f"?start: sum\n{FIGURES}", parser="lalr", maybe_placeholders=True)


def _explained(text: str, error: Any, words: Mapping[str, str]) -> ExpressionError:  # noqa: ANN401 - of lark
    """Say where the text goes wrong, and what it could have gone on with."""
    column = error.column if isinstance(error.column, int) and error.column > 0 else len(text) + 1
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    *others, last = sorted({words.get(name, f'"{name.lower()}"') for name in names}) or ["something else"]
    expected = f"{', '.join(others)} or {last}" if others else last
    at = getattr(error, "pos_in_stream", None)
    ended = getattr(getattr(error, "token", None), "type", "") == "$END"
    rest = text[at:].split() if isinstance(at, int) and at >= 0 and not ended else []
    wrong = f'"{rest[0]}" is not understood' if rest else "it ends too early"
    return ExpressionError(wrong, column if rest else len(text) + 1, expected)


def figure(tree: Tree[Any] | Token) -> Quantity:
    """Return the figure that a tree of the parser means."""
    return FIGURE_RULES[tree.data](tree.children)  # type: ignore[union-attr]


def _calculated(those: list[Any]) -> Quantity:
    found = figure(those[0])
    for operator, other in zip(those[1::2], those[2::2], strict=True):
        found = Calculated(found, str(operator), figure(other))
    return found


def _number(those: list[Any]) -> Quantity:
    value = float(those[0])
    if abs(value) == float("inf"):
        raise ExpressionError(f"{those[0]} is out of range", those[0].column, "a smaller number")
    return Number(value)


def _function(those: list[Any]) -> Quantity:
    name, *inner = those
    if name == "abs" and len(inner) != 1:
        raise ExpressionError("abs() takes one figure", name.column, "one")
    return Function(str(name), tuple(map(figure, inner)))


#: What the rules of the grammar mean, by their names.
FIGURE_RULES: Mapping[str, Callable[[list[Any]], Quantity]] = {
    "sum": _calculated,
    "product": _calculated,
    "number": _number,
    "shows": lambda those: Shows(str(those[0])),
    "function": _function,
}
