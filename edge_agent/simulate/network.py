"""The water network as the simulation knows it: its elements, its units, and what a simulated day came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Kinds of links that a valve actuator can move.
MOVABLE = ("pipe", "valve")


class Element(NamedTuple):
    """One element of the network: `tank:T1`. `name` is its id in the `.inp` file."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Element:
        """Read `kind:name`. Raises ValueError where there is no colon."""
        kind, colon, name = text.partition(":")
        if not colon:
            raise ValueError(f"{text!r} is not an element")
        return cls(kind, name)


class Units(NamedTuple):
    """The units the network is calculated in, by the names of `model.units`."""

    length: str
    pressure: str
    flow: str

    def of(self, quantity: str) -> str:
        """Return the unit of a property: level, pressure, head, demand, flow, power, energy, state, position."""
        lengths = {"level": self.length, "head": self.length, "pressure": self.pressure}
        flows = {"flow": self.flow, "demand": self.flow, "power": "kW", "energy": "kWh"}
        return (lengths | flows).get(quantity, "1")


class TankLimits(NamedTuple):
    """Levels of a tank above its bottom, in the network's unit of length, and its surface (0: none)."""

    lowest: float
    highest: float
    initial: float
    area: float = 0.0


class LevelControl(NamedTuple):
    """One control of the file by which a tank's level, above or below a limit, opens or closes a link, or sets it.

    `kind` is that of the node: of a junction it is the pressure that is looked at. `link` is an element's name.
    """

    link: str
    tank: str
    level: float
    above: bool
    opens: bool
    setting: float = 1.0
    kind: str = "tank"


class TimedControl(NamedTuple):
    """One control of the file by which the clock opens, closes or sets a link: once after its start, or every day."""

    link: str
    seconds: int
    daily: bool
    setting: float

    @property
    def opens(self) -> bool:
        """Whether it opens the link."""
        return self.setting > 0


class Premise(NamedTuple):
    """One thing that a rule of the file asks: of an element, or of all of it (None). The first is joined with `and`.

    `relation` is how `variable` is compared with `value`, `status` what a link is to be instead.
    """

    joint: str
    element: Element | None
    variable: str
    relation: str
    value: float
    status: str = ""


class RuleAction(NamedTuple):
    """What a rule of the file does with a link: opens or closes it, or gives it a setting."""

    link: Element
    status: str
    setting: float | None


class Rule(NamedTuple):
    """One rule of the file: `or` binds more than `and`; `otherwise` is its ELSE."""

    name: str
    premises: tuple[Premise, ...]
    then: tuple[RuleAction, ...]
    otherwise: tuple[RuleAction, ...]
    priority: float


@dataclass(frozen=True, slots=True)
class Network:
    """What a network consists of, in the order of the file.

    `ends` are the two nodes of a link, from and to; `demands` the base demand of junctions; `spares` links that are
    closed at first and that nothing in the file opens. `elevations` are those of nodes. The file's day begins at
    `clock_seconds`, and lasts for `duration_seconds` (0: an instant).
    """

    units: Units
    elements: tuple[Element, ...]
    tanks: Mapping[str, TankLimits]
    ends: Mapping[str, tuple[Element, Element]]
    demands: Mapping[str, float]
    level_controls: tuple[LevelControl, ...]
    spares: frozenset[str] = frozenset()
    timed_controls: tuple[TimedControl, ...] = ()
    rules: tuple[Rule, ...] = ()
    elevations: Mapping[str, float] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    clock_seconds: int = 0
    duration_seconds: int = 0

    def link(self, name: str) -> Element:
        """Find a link by its name. Raises StopIteration where there is none."""
        return next(element for element in self.elements if element.name == name and element in self.links)

    @property
    def links(self) -> tuple[Element, ...]:
        """The pipes, pumps and valves."""
        return tuple(element for element in self.elements if element.kind in {"pump", *MOVABLE})

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Name the elements of some kinds."""
        return tuple(element.name for element in self.elements if element.kind in kinds)


class Switch(NamedTuple):
    """A pump was switched: when (hydraulic seconds), which, and whether it runs since."""

    seconds: int
    pump: str
    running: bool


@dataclass(frozen=True, slots=True)
class DayRecord:
    """What happened in the network since its start.

    Energy in kWh by pump, levels in the network's unit of length by tank, starts by pump (running at the start is
    none), switches oldest first (the newest ten thousand), cost of the energy by pump in the file's currency.
    """

    seconds: int
    switches: tuple[Switch, ...]
    starts: Mapping[str, int]
    energy_kwh: Mapping[str, float]
    lowest: Mapping[str, float]
    highest: Mapping[str, float]
    cost: Mapping[str, float] = field(default_factory=dict)
