"""The nodes of a first plant file for a network: what is measured and moved, under which names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.units import conversion
from edge_agent.simulate.habits import STILL
from edge_agent.simulate.levelswitch import number
from edge_agent.simulate.network import Element

if TYPE_CHECKING:
    from edge_agent.simulate.habits import Habits
    from edge_agent.simulate.network import Network, TankLimits

INTERVAL_SECONDS = 60
#: A cycle of timed running, and the least time in it for which something rests, or runs.
CYCLE_SECONDS, _REST_SECONDS = 3600, 300
#: Timed running is for less than what is used as a rule: a tank that runs low is better than one that runs over.
_CAUTION = 0.85
_LONGEST_ID = 63
#: Ids of elements also stand in the names of plans, with this around them.
_LONGEST_PREFIX = len("start_-99")
#: How many junctions become nodes: those with the largest demand.
_DISTRICTS = 5
#: Of a level that stands still for longer by itself nobody could tell that it is frozen.
_LONGEST_STILL_SECONDS = 2 * 3600
_LOWEST_PRESSURE_M = -11.0  # a little beyond a vacuum, so that one is still a reading
_HIGHEST_PRESSURE_M = 150.0


class Ids:
    """Makes ids out of the names of elements. The same name twice gives two ids."""

    def __init__(self, longest: int = _LONGEST_ID) -> None:
        self._longest = longest
        self._taken: set[str] = set()

    def make(self, kind: str, name: str) -> str:
        """Make an id such as `tank2` or `tank-east`, and put a number behind it where it is taken."""
        plain = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")
        joint = "" if plain[:1].isdigit() or not plain else "-"
        stem = (plain if plain.startswith(kind) else kind + joint + plain)[: self._longest]
        made, count = stem, 1
        while made in self._taken:
            count += 1
            ending = f"-{count}"
            made = stem[: self._longest - len(ending)] + ending
        self._taken.add(made)
        return made


class DraftPoint(NamedTuple):
    """One sensor to write, and which property of its element is `measured`."""

    id: str
    measured: str
    unit: str
    element: Element
    tests: tuple[str, ...]
    thresholds: tuple[str, ...] = ()

    @property
    def quantity(self) -> str:
        """What is measured: a head is kept as a level."""
        return "level" if self.measured == "head" else self.measured


@dataclass(slots=True)
class DraftDevice:
    """One node to write; `moves` is the element of its actuator, `fail_safe` what that does then."""

    id: str
    comment: str
    points: list[DraftPoint] = field(default_factory=list)
    moves: Element | None = None
    fail_safe: str = ""

    @property
    def kind(self) -> str:
        """What its actuator is."""
        return "pump" if self.moves is not None and self.moves.kind == "pump" else "valve"

    @property
    def safe(self) -> str:
        """What its actuator does when nobody commands it."""
        return self.fail_safe or ("stop" if self.kind == "pump" else "open")


class Draft:
    """The devices of a network, one an element, made when they are asked for."""

    def __init__(self, network: Network, habits: Habits) -> None:
        self.network, self.habits = network, habits
        self._ids = Ids(_LONGEST_ID - _LONGEST_PREFIX)
        self._of: dict[Element, DraftDevice] = {}
        for kind in ("tank", "pump", "valve"):
            for name in network.of_kind(kind):
                self.device(Element(kind, name))
        for junction in _largest(network):
            self.device(Element("junction", junction)).comment += ", one of those with the largest demand"

    @property
    def devices(self) -> list[DraftDevice]:
        """Every device, in the order in which they were asked for."""
        return list(self._of.values())

    def device(self, element: Element) -> DraftDevice:
        """Return the device of an element."""
        found = self._of.get(element)
        if found is None:
            found = self._of[element] = self._made(element)
        return found

    def sensor(self, element: Element, measured: str) -> str:
        """Return the sensor of a property of an element, as `node/sensor`."""
        device = self.device(element)
        for point in device.points:
            if point.measured == measured and point.element == element:
                return f"{device.id}/{point.id}"
        device.points.append(self._point(measured, measured, element))
        return f"{device.id}/{measured}"

    def actuator(self, link: Element) -> str:
        """Return the actuator that moves a link, as `node/actuator`."""
        device = self.device(link)
        return f"{device.id}/{device.kind}"

    def fallback(self, link: Element, *, on: bool) -> str:
        """Write what follows for a link that a plan switches on, or off, when its sensor is silent.

        Where the action is not the fail-safe one it is timed, for a little less than the file's own controls use it.
        """
        duty = self.habits.duty.get(link)
        if duty is None or on is (self.device(link).safe in {"start", "open"}):
            return ""
        seconds = _CAUTION * (duty if on else 1 - duty) * CYCLE_SECONDS
        timed = f"{{ run_seconds = {seconds:.0f}, every_seconds = {CYCLE_SECONDS}, at_most_seconds = 86400 }}, "
        return f'without_evidence = [{timed if seconds >= _REST_SECONDS else ""}{{ do = "fail_safe" }}]\n'

    def limit(self, element: Element, measured: str, lines: tuple[str, ...]) -> None:
        """Write thresholds of a sensor, behind those that it has."""
        self.sensor(element, measured)
        points = self.device(element).points
        for place, point in enumerate(points):
            if point.measured == measured and point.element == element:
                points[place] = point._replace(thresholds=(*point.thresholds, *lines))

    def _made(self, element: Element) -> DraftDevice:
        kind, name = element
        device = DraftDevice(self._ids.make(kind, name), f"{kind.capitalize()} {name}")
        if kind in {"pump", "valve", "pipe"}:
            device.moves = element
        measured = {
            "tank": ("level",),
            "pump": ("flow", "power"),
            "valve": ("flow", "position"),
            "pipe": ("flow", "position"),
            "junction": ("pressure", "demand"),
        }.get(kind, ("head",))
        device.points = [self._point(each, each, element) for each in measured]
        if kind == "pump":
            ends = zip(("suction", "discharge"), self.network.ends[name], strict=True)
            device.points += [self._point(each, "pressure", end) for each, end in ends if end.kind == "junction"]
        return device

    def _point(self, identity: str, measured: str, element: Element) -> DraftPoint:
        return DraftPoint(identity, measured, self.network.units.of(measured), element, self._tests(measured, element))

    def _tests(self, measured: str, element: Element) -> tuple[str, ...]:
        if measured == "level":
            limits = self.network.tanks[element.name]
            still = self.habits.still_seconds.get(element.name)
            return (*level_tests(limits), *_stillness(limits, still)) if limits.highest > limits.lowest else ()
        if measured == "pressure":
            scale = (conversion("pressure", "m", self.network.units.pressure) or (1.0, 0.0))[0]
            return (f"gross_range = {{ fail = {pair(_LOWEST_PRESSURE_M * scale, _HIGHEST_PRESSURE_M * scale)} }}",)
        return ("gross_range = { fail = [0.0, 1.0] }",) if measured == "position" else ()


def _largest(network: Network) -> list[str]:
    """Name the junctions with the largest base demand, largest first."""
    taking = [junction for junction, demand in network.demands.items() if demand > 0]
    return sorted(taking, key=lambda junction: -network.demands[junction])[:_DISTRICTS]


def _share(limits: TankLimits, share: float) -> float:
    return limits.lowest + share * (limits.highest - limits.lowest)


def level_tests(limits: TankLimits) -> tuple[str, ...]:
    """Derive tests of a level: outside the tank by a fiftieth of it cannot be, filled in ten minutes neither."""
    height = limits.highest - limits.lowest
    # A full tank stands at its highest level to the last digit: the doubtful range begins a little outside.
    # What cannot be is near: of a doubtful reading a stop is believed, and the tank would run empty by it.
    outside, inside = (pair(_share(limits, -part), _share(limits, 1 + part)) for part in (0.02, 0.01))
    return (
        f"gross_range = {{ fail = {outside}, suspect = {inside} }}",
        f"rate_of_change = {{ suspect = {number(height / 1800)}, fail = {number(height / 600)} }}",
        f"freshness = {{ suspect_seconds = {2 * INTERVAL_SECONDS}, fail_seconds = {3 * INTERVAL_SECONDS} }}",
    )


def _stillness(limits: TankLimits, still_seconds: float | None) -> tuple[str, ...]:
    """Derive the test of a frozen level from how long it stands still by the file's own controls, if not for long."""
    if still_seconds is None or still_seconds > _LONGEST_STILL_SECONDS:
        return ()
    suspect = max(3600.0, 3 * still_seconds)
    tolerance = number(STILL * (limits.highest - limits.lowest))
    return (
        f"flat_line = {{ tolerance = {tolerance}, suspect_seconds = {suspect:.0f}, fail_seconds = {2 * suspect:.0f} }}",
    )


def pair(low: float, high: float) -> str:
    """Write two numbers as a list."""
    return f"[{number(low)}, {number(high)}]"
