"""Conditions as text: one small grammar, and the one error that reading it may raise."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from edge_agent.model.civil import Window, parse_days
from edge_agent.model.units import QUANTITIES
from edge_agent.plan.conditions.clauses import ActuatorIs, Clause, Compared, DayIs, Joined, NodeIs, Not, Raised, TimeIs
from edge_agent.plan.conditions.quantities import Calculated, Function, Number, Quantity, Shows

if TYPE_CHECKING:
    from collections.abc import Callable

    from lark import Lark, Token, Tree

#: What an actuator can be said to be.
ACTUATOR_WORDS = ("running", "stopped", "open", "closed", "local", "tripped", "available")
#: No condition is longer.
MOST_CHARACTERS = 1000
_ID = r"[a-z0-9][a-z0-9_-]*"
_PLAIN_ALARM = re.compile(rf"{_ID}(/{_ID})?:{_ID}")
_UNITS = sorted({unit for units in QUANTITIES.values() for unit in units} - {"1"}, key=lambda unit: (-len(unit), unit))
_GRAMMAR = rf"""
?start: either
?either: both ("or" both)*
?both: single ("and" single)*
?single: "not" single -> contrary
    | "(" either ")"
    | compared
    | ALARM -> raised
    | POINT "is" STATE -> actuator
    | NODE "is" PRESENCE -> node
    | "time" "is" WINDOW -> time
    | "day" "is" DAYS -> day
compared: sum OPERATOR sum [UNIT] ["for" duration]
duration: NUMBER DURATION
?sum: product (PLUS product)*
?product: factor (TIMES factor)*
?factor: NUMBER -> number
    | POINT -> shows
    | FUNCTION "(" sum ("," sum)* ")" -> function
    | "(" sum ")"
ALARM.4: /{_ID}(\/{_ID})?:{_ID}(?![\w\/:])/
POINT.3: /{_ID}\/{_ID}(?![\w\/:])/
NUMBER.2: /-?\d+(\.\d+)?([eE][+-]?\d+)?(?![\w\/:.])/
FUNCTION.2: /(min|max|avg|abs)(?=\s*\()/
STATE.2: /({"|".join(ACTUATOR_WORDS)})\b/
PRESENCE.2: /(online|offline)\b/
WINDOW.5: /\d\d:\d\d-\d\d:\d\d/
DAYS.5: /[a-z]{{3}}(-[a-z]{{3}})?\b/
UNIT.2: /({"|".join(map(re.escape, _UNITS)).replace("/", chr(92) + "/")})(?![\w\/%])/
DURATION.3: /(s|min|h)\b/
OPERATOR: "<=" | ">=" | "<" | ">"
PLUS: /[+-](?=\s)/
TIMES: /[*\/](?=\s)/
NODE: /(?!(and|or|not|is|for|time|day|min|max|avg|abs)\b){_ID}/
%ignore /\s+/
"""
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
#: What is expected, by the names of the grammar, in words.
_WORDS = {
    "ALARM": "an alarm",
    "POINT": "a sensor or an actuator",
    "NODE": "a node",
    "NUMBER": "a number",
    "FUNCTION": "min, max, avg or abs",
    "STATE": f"one of {', '.join(ACTUATOR_WORDS)}",
    "PRESENCE": "online or offline",
    "WINDOW": "a part of the day, such as 22:00-06:00",
    "DAYS": "days, such as mon-fri",
    "UNIT": "a unit",
    "DURATION": "s, min or h",
    "OPERATOR": "<, <=, > or >=",
    "PLUS": "+ or -",
    "TIMES": "* or /",
    "LPAR": '"("',
    "RPAR": '")"',
    "COMMA": '","',
    "$END": "the end",
}


class ConditionError(ValueError):
    """A text that is no condition: what is wrong, at which column (from 1), and what was expected."""

    def __init__(self, wrong: str, column: int, expected: str) -> None:
        super().__init__(f"{wrong} at column {column}; expected {expected}")
        self.wrong, self.column, self.expected = wrong, column, expected


def is_plain(text: str) -> bool:
    """Whether a text is the name of an alarm, and nothing else: no parser is needed for that."""
    return _PLAIN_ALARM.fullmatch(text) is not None


@lru_cache(32_768)
def parse(text: str) -> Clause:
    """Read a condition. Raises ConditionError for anything else."""
    if is_plain(text):
        return Raised(text)
    if len(text) > MOST_CHARACTERS:
        raise ConditionError("is too long", MOST_CHARACTERS, f"{MOST_CHARACTERS} characters at the most")
    from lark.exceptions import UnexpectedInput  # noqa: PLC0415 - loaded where a condition is used

    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explained(text, error) from None
    try:
        clause: Clause = _made(tree)
    except RecursionError:
        raise ConditionError("is too deep", 1, "fewer brackets") from None
    return clause


@cache
def _parser() -> Lark:
    from lark import Lark  # noqa: PLC0415 - loaded where a condition is used

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=True)


def _explained(text: str, error: Any) -> ConditionError:  # noqa: ANN401 - of lark
    """Say where the text goes wrong, and what it could have gone on with."""
    column = error.column if isinstance(error.column, int) and error.column > 0 else len(text) + 1
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    *others, last = sorted({_WORDS.get(name, f'"{name.lower()}"') for name in names}) or ["something else"]
    expected = f"{', '.join(others)} or {last}" if others else last
    at = getattr(error, "pos_in_stream", None)
    ended = getattr(getattr(error, "token", None), "type", "") == "$END"
    rest = text[at:].split() if isinstance(at, int) and at >= 0 and not ended else []
    wrong = f'"{rest[0]}" is not understood' if rest else "it ends too early"
    return ConditionError(wrong, column if rest else len(text) + 1, expected)


def _made(tree: Tree[Any] | Token) -> Any:  # noqa: ANN401 - a clause or a quantity
    """Return what a tree of the parser means."""
    return _RULES[tree.data](tree.children)  # type: ignore[union-attr]


def _calculated(those: list[Any]) -> Quantity:
    found: Quantity = _made(those[0])
    for operator, other in zip(those[1::2], those[2::2], strict=True):
        found = Calculated(found, str(operator), _made(other))
    return found


def _compared(those: list[Any]) -> Clause:
    left, operator, right, unit, lasting = those
    seconds = 0.0 if lasting is None else float(lasting.children[0]) * _SECONDS[str(lasting.children[1])]
    if seconds < 0 or seconds > 31_536_000:
        raise ConditionError(f"{seconds:g} s is out of range", lasting.children[0].column, "from 0 s to a year")
    return Compared(_made(left), str(operator), _made(right), str(unit or ""), seconds)


def _number(those: list[Any]) -> Quantity:
    value = float(those[0])
    if abs(value) == float("inf"):
        raise ConditionError(f"{those[0]} is out of range", those[0].column, "a smaller number")
    return Number(value)


def _function(those: list[Any]) -> Quantity:
    name, *inner = those
    if name == "abs" and len(inner) != 1:
        raise ConditionError("abs() takes one figure", name.column, "one")
    return Function(str(name), tuple(map(_made, inner)))


def _checked(
    kind: Callable[[str], Clause], read: Callable[[str], object], expected: str
) -> Callable[[list[Any]], Clause]:
    def made(those: list[Any]) -> Clause:
        try:
            read(str(those[0]))
        except ValueError as error:
            raise ConditionError(str(error), those[0].column, expected) from None
        return kind(str(those[0]))

    return made


_RULES: dict[str, Callable[[list[Any]], Any]] = {
    "either": lambda those: Joined("or", tuple(map(_made, those))),
    "both": lambda those: Joined("and", tuple(map(_made, those))),
    "contrary": lambda those: Not(_made(those[0])),
    "raised": lambda those: Raised(str(those[0])),
    "actuator": lambda those: ActuatorIs(str(those[0]), str(those[1])),
    "node": lambda those: NodeIs(str(those[0]), str(those[1])),
    "time": _checked(TimeIs, Window.parse, _WORDS["WINDOW"]),
    "day": _checked(DayIs, parse_days, _WORDS["DAYS"]),
    "compared": _compared,
    "sum": _calculated,
    "product": _calculated,
    "number": _number,
    "shows": lambda those: Shows(str(those[0])),
    "function": _function,
}
