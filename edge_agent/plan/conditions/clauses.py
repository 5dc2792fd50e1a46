"""What in a condition is true, false or unknown. Each writes itself as text, and becomes a closure."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from edge_agent.expressions.quantities import Number, Quantity, Shows, Term, in_unit_of
from edge_agent.model.civil import Window, parse_days

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.plan.conditions.circumstances import Circumstances

    #: Finds whether something is so: True, False, or None: unknown.
    Truth: TypeAlias = Callable[[Circumstances], bool | None]


class Clause(Term):
    """What is true, false or unknown."""

    __slots__ = ()

    @abstractmethod
    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        ...


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


@dataclass(frozen=True, slots=True)
class Compared(Clause):
    """Two figures, perhaps in a unit, perhaps for a time: it is true when it has been for so long."""

    left: Quantity
    operator: str
    right: Quantity
    unit: str = ""
    for_seconds: float = 0.0

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        held = f" for {Number(self.for_seconds)} s" if self.for_seconds else ""
        return f"{self.left} {self.operator} {self.right}{unit}{held}"

    def sensors(self) -> tuple[str, ...]:
        """Return the sensors in it."""
        return tuple(dict.fromkeys(part.sensor for part in self.all() if isinstance(part, Shows)))

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        now = self._now()
        if not self.for_seconds:
            return now
        key, lasting = str(self), self.for_seconds

        def held(around: Circumstances) -> bool | None:
            holds = now(around)
            if not holds:
                around.since.pop(key, None)
                return holds
            left = around.since.setdefault(key, around.seconds) + lasting - around.seconds
            if left > 0:
                around.look_again(left)
            return left <= 0

        return held

    def _now(self) -> Truth:
        left, right, compare = self.left.figured(), self.right.figured(), _COMPARISONS[self.operator]
        unit, sensors = self.unit, self.sensors()

        def holds(around: Circumstances) -> bool | None:
            one, other = left(around), right(around)
            if one is None or other is None:
                return None
            return compare(one, in_unit_of(around.gauge(sensors[0]).unit, unit, other) if unit and sensors else other)

        return holds


@dataclass(frozen=True, slots=True)
class Raised(Clause):
    """An alarm, or a switch point, that is active."""

    alarm: str

    def __str__(self) -> str:
        return self.alarm

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        alarm = self.alarm
        return lambda around: around.is_active(alarm)


@dataclass(frozen=True, slots=True)
class ActuatorIs(Clause):
    """What an actuator does, or how it is."""

    actuator: str
    word: str

    def __str__(self) -> str:
        return f"{self.actuator} is {self.word}"

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        actuator, word = self.actuator, self.word
        return lambda around: around.actuator(actuator, word)


@dataclass(frozen=True, slots=True)
class NodeIs(Clause):
    """Whether a node is there."""

    node: str
    word: str

    def __str__(self) -> str:
        return f"{self.node} is {self.word}"

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        node, online = self.node, self.word == "online"

        def found(around: Circumstances) -> bool | None:
            there = around.node(node)
            return None if there is None else there is online

        return found


@dataclass(frozen=True, slots=True)
class TimeIs(Clause):
    """Within a part of the day, in civil time."""

    window: str

    def __str__(self) -> str:
        return f"time is {self.window}"

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        window = Window.parse(self.window)
        return lambda around: around.is_time(window)


@dataclass(frozen=True, slots=True)
class DayIs(Clause):
    """One of some days of the week, in civil time."""

    days: str

    def __str__(self) -> str:
        return f"day is {self.days}"

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        days = parse_days(self.days)
        return lambda around: around.is_day(days)


@dataclass(frozen=True, slots=True)
class TariffIs(Clause):
    """A period of a tariff, in civil time."""

    period: str

    def __str__(self) -> str:
        return f"tariff is {self.period}"

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        period = self.period
        return lambda around: around.is_tariff(period)


@dataclass(frozen=True, slots=True)
class Not(Clause):
    """The contrary; of what is unknown nothing is known."""

    clause: Clause

    def __str__(self) -> str:
        return f"not ({self.clause})"

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        inner = self.clause.compiled()

        def contrary(around: Circumstances) -> bool | None:
            found = inner(around)
            return None if found is None else not found

        return contrary


@dataclass(frozen=True, slots=True)
class Joined(Clause):
    """Clauses with `and`, or with `or`, between them, after Kleene: one that decides does whatever the others are."""

    word: str
    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        return f" {self.word} ".join(f"({one})" if isinstance(one, Joined) else str(one) for one in self.clauses)

    def compiled(self) -> Truth:
        """Return the closure that finds out."""
        those, decides = [one.compiled() for one in self.clauses], self.word == "or"

        def found(around: Circumstances) -> bool | None:
            truths = [one(around) for one in those]  # all of them: each that has to last is looked at
            if decides in truths:
                return decides
            return None if None in truths else not decides

        return found
