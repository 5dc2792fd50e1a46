"""Figures: numbers, what sensors show, and what is calculated of them. Each becomes a closure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol, TypeAlias

from edge_agent.model.units import QUANTITIES, conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    #: Finds a figure, or None: unknown.
    Figuring: TypeAlias = Callable[["Values"], float | None]


class Values(Protocol):
    """Who says what sensors show."""

    def value(self, sensor: str) -> float | None:
        """Return the value of a sensor; None where it is not known."""
        ...


class Term(ABC):
    """A part of an expression."""

    __slots__ = ()

    def parts(self) -> Iterator[Term]:
        """Yield the parts it is made of."""
        for member in fields(self):  # type: ignore[arg-type] # each is a dataclass
            value = getattr(self, member.name)
            yield from (one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Term))

    def all(self) -> Iterator[Term]:
        """Yield itself and all that it is made of."""
        yield self
        for part in self.parts():
            yield from part.all()

    @abstractmethod
    def __str__(self) -> str:
        """Write it so that reading it gives the same."""
        ...


class Quantity(Term):
    """What has a figure, or an unknown one."""

    __slots__ = ()

    @abstractmethod
    def figured(self) -> Figuring:
        """Return the closure that finds out."""
        ...


@dataclass(frozen=True, slots=True)
class Number(Quantity):
    """A number as it stands, in no unit of its own."""

    value: float

    def __str__(self) -> str:
        return repr(self.value).removesuffix(".0")

    def figured(self) -> Figuring:
        """Return the closure that finds the figure."""
        value = self.value
        return lambda _: value


@dataclass(frozen=True, slots=True)
class Shows(Quantity):
    """What a sensor shows, in the unit of the plant file."""

    sensor: str

    def __str__(self) -> str:
        return self.sensor

    def figured(self) -> Figuring:
        """Return the closure that finds the figure."""
        sensor = self.sensor
        return lambda around: around.value(sensor)


_OPERATIONS: dict[str, Callable[[float, float], float | None]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other if other else None,
}


@dataclass(frozen=True, slots=True)
class Calculated(Quantity):
    """Two figures with `+`, `-`, `*` or `/` between them; divided by 0 it is unknown."""

    left: Quantity
    operator: str
    right: Quantity

    def __str__(self) -> str:
        return f"({self.left} {self.operator} {self.right})"

    def figured(self) -> Figuring:
        """Return the closure that finds the figure."""
        left, right, operation = self.left.figured(), self.right.figured(), _OPERATIONS[self.operator]

        def figure(around: Values) -> float | None:
            one, other = left(around), right(around)
            return None if one is None or other is None else finite(operation(one, other))

        return figure


_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "min": min,
    "max": max,
    "avg": lambda those: sum(those) / len(those),
    "abs": lambda those: abs(those[0]),
}


@dataclass(frozen=True, slots=True)
class Function(Quantity):
    """The least, the greatest or the mean of some figures, or what one is without its sign."""

    name: str
    those: tuple[Quantity, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.those))})"

    def figured(self) -> Figuring:
        """Return the closure that finds the figure."""
        those, function = [one.figured() for one in self.those], _FUNCTIONS[self.name]

        def figure(around: Values) -> float | None:
            found = [one(around) for one in those]
            known = [one for one in found if one is not None]
            return finite(function(known)) if len(known) == len(found) else None

        return figure


def finite(value: float | None) -> float | None:
    """Return a figure; None of one that is too large to be one."""
    return value if value is not None and abs(value) < float("inf") else None


def in_unit_of(wanted: str, unit: str, value: float) -> float:
    """Return a value that is in one unit in another of the same quantity."""
    for quantity, units in QUANTITIES.items():
        if wanted in units and unit in units:
            found = conversion(quantity, unit, wanted)
            if found is not None:
                return value * found.scale + found.offset
    return value
