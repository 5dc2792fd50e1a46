"""Whether conditions can hold at once: by the ranges of good readings, and by what cannot be two things at a time.

It errs on one side: what it calls impossible is; what it calls possible may not be.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from edge_agent.expressions.quantities import Calculated, Function, Number, Shows, in_unit_of
from edge_agent.model.civil import Window, parse_days
from edge_agent.plan.conditions.clauses import ActuatorIs, Clause, Compared, DayIs, Joined, NodeIs, Not, Raised, TimeIs
from edge_agent.plan.conditions.text import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.expressions.quantities import Quantity
    from edge_agent.plan.scene import Known

_ENDLESS = float("inf")
#: So many ways in which conditions could hold are looked at; with more they count as possible.
_MOST_WAYS = 256
_DAY_MINUTES = 24 * 60
#: Words of which one excludes the others; each other word is there or not.
_EXCLUSIVE = ({"running", "stopped"}, {"open", "closed"}, {"online", "offline"})
_CONTRARY = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Between(NamedTuple):
    """Between which values something lies; an open end does not belong to it."""

    low: float = -_ENDLESS
    high: float = _ENDLESS
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies in it."""
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def meet(self, other: Between) -> Between:
        """Return what lies in both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Between(low, high, low_open, not closed)

    def closed(self) -> Between:
        """Return it with its ends."""
        return Between(self.low, self.high)


#: One way in which conditions could hold: by what it is of, between which values, or which of some things.
Way: TypeAlias = "dict[str, Between | frozenset[object]]"


class Implied(NamedTuple):
    """What an active alarm says of its sensor: that the value lies in a span."""

    sensor: str
    span: Between


def ways(
    texts: Iterable[str], known: Known, *, limits: Mapping[str, Implied] | None = None, touching: bool = False
) -> list[Way] | None:
    """Return in which ways some conditions can all hold; None where there are too many to tell.

    `limits` say what alarms mean for their sensors. `touching`: the ends of spans belong to them.
    """
    finder = _Finder(known, limits or {}, touching=touching)
    found: list[Way] | None = [{}]
    for text in texts:
        found = _both(found, finder.ways(parse(text), positive=True))
    return found


def possible(texts: Iterable[str], known: Known) -> bool:
    """Whether some conditions can all hold at once."""
    return ways(texts, known) != []


def _both(some: list[Way] | None, others: list[Way] | None) -> list[Way] | None:
    if some == [] or others == []:
        return []
    if some is None or others is None or len(some) * len(others) > _MOST_WAYS:
        return None
    return [met for one, other in product(some, others) if (met := _met(one, other)) is not None]


def _met(one: Way, other: Way) -> Way | None:
    met = dict(one)
    for key, value in other.items():
        before = met.get(key)
        if isinstance(value, Between):
            span = value.meet(before) if isinstance(before, Between) else value
            if span.is_empty:
                return None
            met[key] = span
        else:
            those = value & before if isinstance(before, frozenset) else value
            if not those:
                return None
            met[key] = those
    return met


class _Finder:
    def __init__(self, known: Known, limits: Mapping[str, Implied], *, touching: bool) -> None:
        self._known, self._limits, self._touching = known, limits, touching

    def ways(self, clause: Clause, *, positive: bool) -> list[Way] | None:
        if isinstance(clause, Not):
            return self.ways(clause.clause, positive=not positive)
        if isinstance(clause, Joined):
            return self._joined(clause, positive=positive)
        if isinstance(clause, Compared):
            return self._compared(clause, clause.operator if positive else _CONTRARY[clause.operator])
        if isinstance(clause, Raised):
            limit = self._limits.get(clause.alarm) if positive else None
            raised: Way = {clause.alarm: frozenset({positive})}
            return [raised] if limit is None else self._within(limit.sensor, limit.span, raised)
        key, allowed, all_of_them = _choice(clause)
        return [{key: allowed if positive else all_of_them - allowed}] if all_of_them else [{}]

    def _joined(self, clause: Joined, *, positive: bool) -> list[Way] | None:
        each = [self.ways(one, positive=positive) for one in clause.clauses]
        if (clause.word == "and") is positive:
            found: list[Way] | None = [{}]
            for one in each:
                found = _both(found, one)
            return found
        if None in each:
            return None
        either = [way for one in each for way in one or ()]
        return either if len(either) <= _MOST_WAYS else None

    def _compared(self, clause: Compared, operator: str) -> list[Way]:
        right = clause.right
        if isinstance(clause.left, Shows) and isinstance(right, Number):
            unit, value = self._known.units.get(clause.left.sensor), right.value
            if clause.unit and isinstance(unit, str):
                value = in_unit_of(unit, clause.unit, value)
            below, strict = operator.startswith("<"), operator in {"<", ">"}
            span = Between(high=value, high_open=strict) if below else Between(low=value, low_open=strict)
            return self._within(clause.left.sensor, span, {})
        if clause.unit:
            return [{}]  # of what is calculated in another unit nothing is told
        one, other = self._reach(clause.left), self._reach(right)
        if operator.startswith("<"):
            return [{}] if one.low <= other.high else []
        return [{}] if one.high >= other.low else []

    def _within(self, sensor: str, span: Between, way: Way) -> list[Way]:
        met = span.meet(Between(*self._known.ranges.get(sensor, (-_ENDLESS, _ENDLESS))))
        if self._touching:
            met = met.closed()
        return [] if met.is_empty else [{**way, sensor: met}]

    def _reach(self, quantity: Quantity) -> Between:
        """Return between which values a figure lies at the most."""
        if isinstance(quantity, Number):
            return Between(quantity.value, quantity.value)
        if isinstance(quantity, Shows):
            return Between(*self._known.ranges.get(quantity.sensor, (-_ENDLESS, _ENDLESS)))
        if isinstance(quantity, Calculated):
            return _calculated(quantity.operator, self._reach(quantity.left), self._reach(quantity.right))
        return _function(quantity, self) if isinstance(quantity, Function) else Between()

    def reaches(self, quantity: Function) -> list[Between]:
        return [self._reach(one) for one in quantity.those]


def _calculated(operator: str, one: Between, other: Between) -> Between:
    if not all(abs(end) < _ENDLESS for end in (one.low, one.high, other.low, other.high)):
        return Between()
    if operator == "+":
        return Between(one.low + other.low, one.high + other.high)
    if operator == "-":
        return Between(one.low - other.high, one.high - other.low)
    if operator == "/" and other.low <= 0 <= other.high:
        return Between()
    pairs = product((one.low, one.high), (other.low, other.high))
    ends = [first * second if operator == "*" else first / second for first, second in pairs]
    return Between(min(ends), max(ends))


def _function(function: Function, finder: _Finder) -> Between:
    those = finder.reaches(function)
    lows, highs = [one.low for one in those], [one.high for one in those]
    if function.name == "abs":
        least = 0.0 if lows[0] <= 0 <= highs[0] else min(abs(lows[0]), abs(highs[0]))
        return Between(least, max(abs(lows[0]), abs(highs[0])))
    if function.name == "avg":
        return Between(min(lows), max(highs))
    pick = min if function.name == "min" else max
    return Between(pick(lows), pick(highs))


def _choice(clause: Clause) -> tuple[str, frozenset[object], frozenset[object]]:
    """Return what a clause is of, what it allows of it, and all that there is; nothing where that is not known."""
    if isinstance(clause, ActuatorIs | NodeIs):
        place = clause.actuator if isinstance(clause, ActuatorIs) else clause.node
        group = next((words for words in _EXCLUSIVE if clause.word in words), None)
        if group is None:
            return f"{place} is {clause.word}", frozenset({True}), frozenset({True, False})
        return f"{place} {min(group)}", frozenset({clause.word}), frozenset(group)
    if isinstance(clause, TimeIs):
        window = Window.parse(clause.window)
        minutes = frozenset[object](minute % _DAY_MINUTES for minute in range(window.begin, window.end))
        return "time", minutes, frozenset(range(_DAY_MINUTES))
    if isinstance(clause, DayIs):
        return "day", frozenset(parse_days(clause.days)), frozenset(range(7))
    return "", frozenset(), frozenset()


def at_odds(texts: list[str], known: Known) -> Iterator[str]:
    """Yield, of conditions that can never all hold, the first two that exclude each other; else all of them."""
    for place, text in enumerate(texts):
        for other in texts[:place]:
            if not possible((other, text), known):
                yield other
                yield text
                return
    yield from texts
