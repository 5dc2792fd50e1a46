"""Conditions as text: one small grammar, around that of figures."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from edge_agent.expressions.grammar import FIGURE_RULES, FIGURES, ID, WORDS, ExpressionError, figure, read
from edge_agent.model.civil import Window, parse_days
from edge_agent.model.units import QUANTITIES
from edge_agent.plan.conditions.clauses import (
    ActuatorIs,
    Clause,
    Compared,
    DayIs,
    Joined,
    NodeIs,
    Not,
    Raised,
    TariffIs,
    TimeIs,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lark import Lark, Token, Tree

#: What an actuator can be said to be.
ACTUATOR_WORDS = ("running", "stopped", "open", "closed", "local", "tripped", "available")
_PLAIN_ALARM = re.compile(rf"{ID}(/{ID})?:{ID}")
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
    | "tariff" "is" PERIOD -> tariff
compared: sum OPERATOR sum [UNIT] ["for" duration]
duration: NUMBER DURATION
ALARM.4: /{ID}(\/{ID})?:{ID}(?![\w\/:])/
STATE.2: /({"|".join(ACTUATOR_WORDS)})\b/
PRESENCE.2: /(online|offline)\b/
WINDOW.5: /\d\d:\d\d-\d\d:\d\d/
DAYS.5: /[a-z]{{3}}(-[a-z]{{3}})?\b/
UNIT.2: /({"|".join(map(re.escape, _UNITS)).replace("/", chr(92) + "/")})(?![\w\/%])/
DURATION.3: /(s|min|h)\b/
OPERATOR: "<=" | ">=" | "<" | ">"
NODE: /(?!(and|or|not|is|for|time|day|tariff|min|max|avg|abs)\b){ID}/
PERIOD: /{ID}/
{FIGURES}
"""
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
#: What is expected, by the names of the grammar, in words.
_WORDS = {
    **WORDS,
    "ALARM": "an alarm",
    "POINT": "a sensor or an actuator",
    "NODE": "a node",
    "STATE": f"one of {', '.join(ACTUATOR_WORDS)}",
    "PRESENCE": "online or offline",
    "WINDOW": "a part of the day, such as 22:00-06:00",
    "DAYS": "days, such as mon-fri",
    "UNIT": "a unit",
    "DURATION": "s, min or h",
    "PERIOD": "a period of a tariff",
    "OPERATOR": "<, <=, > or >=",
}


def is_plain(text: str) -> bool:
    """Whether a text is the name of an alarm, and nothing else: no parser is needed for that."""
    return _PLAIN_ALARM.fullmatch(text) is not None


@lru_cache(32_768)
def parse(text: str) -> Clause:
    """Read a condition. Raises ExpressionError for anything else."""
    if is_plain(text):
        return Raised(text)
    clause: Clause = read(text, _parser(), _made, _WORDS)
    return clause


@cache
def _parser() -> Lark:
    from lark import Lark  # noqa: PLC0415 - loaded where a condition is used

    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=True)


def _made(tree: Tree[Any] | Token) -> Any:  # noqa: ANN401 - a clause or a quantity
    """Return what a tree of the parser means."""
    return _RULES[tree.data](tree.children)  # type: ignore[union-attr]


def _compared(those: list[Any]) -> Clause:
    left, operator, right, unit, lasting = those
    seconds = 0.0 if lasting is None else float(lasting.children[0]) * _SECONDS[str(lasting.children[1])]
    if seconds < 0 or seconds > 31_536_000:
        raise ExpressionError(f"{seconds:g} s is out of range", lasting.children[0].column, "from 0 s to a year")
    return Compared(figure(left), str(operator), figure(right), str(unit or ""), seconds)


def _checked(
    kind: Callable[[str], Clause], read: Callable[[str], object], expected: str
) -> Callable[[list[Any]], Clause]:
    def made(those: list[Any]) -> Clause:
        try:
            read(str(those[0]))
        except ValueError as error:
            raise ExpressionError(str(error), those[0].column, expected) from None
        return kind(str(those[0]))

    return made


_RULES: dict[str, Callable[[list[Any]], Any]] = {
    **FIGURE_RULES,
    "either": lambda those: Joined("or", tuple(map(_made, those))),
    "both": lambda those: Joined("and", tuple(map(_made, those))),
    "contrary": lambda those: Not(_made(those[0])),
    "raised": lambda those: Raised(str(those[0])),
    "actuator": lambda those: ActuatorIs(str(those[0]), str(those[1])),
    "node": lambda those: NodeIs(str(those[0]), str(those[1])),
    "time": _checked(TimeIs, Window.parse, _WORDS["WINDOW"]),
    "day": _checked(DayIs, parse_days, _WORDS["DAYS"]),
    "tariff": lambda those: TariffIs(str(those[0])),
    "compared": _compared,
}
