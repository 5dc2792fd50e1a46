"""Writes a first plant file for a network: complete, loadable, and meant to be edited."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.errors import UsageError
from edge_agent.model.units import conversion
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.levelswitch import distinct, filling, number, plan_text, switch_of, threshold_lines
from edge_agent.simulate.network import Element

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.simulate.levelswitch import LevelSwitch
    from edge_agent.simulate.network import Network, TankLimits

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LONGEST_ID = 63
#: Ids of tanks, pumps and valves also stand in the names of plans, with this around them.
_LONGEST_PREFIX = len("start_-99")
_INTERVAL_SECONDS = 60
#: How many junctions become nodes: those with the largest demand.
_DISTRICTS = 5
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


class _Point(NamedTuple):
    """One sensor to write: its quantity also names the property that is measured."""

    id: str
    quantity: str
    unit: str
    element: Element
    tests: tuple[str, ...]
    thresholds: tuple[str, ...] = ()


@dataclass(slots=True)
class _Device:
    """One node to write; `moves` is the element of its actuator `pump` or `valve`, `fail_safe` what that does then."""

    id: str
    comment: str
    points: list[_Point] = field(default_factory=list)
    moves: Element | None = None
    fail_safe: str = ""


def scaffold(inp_path: Path | str, site: str) -> str:
    """Write a plant file (TOML) for a network. Raises SimulationError, or UsageError where `site` is no id."""
    if not _ID.fullmatch(site):
        raise UsageError(f"{site!r} is not an id of a site; expected a-z, 0-9, _ and -, such as riverside.")
    with Hydraulics(inp_path) as hydraulics:
        network = hydraulics.network
    draft = _Draft(network)
    parts = [
        f"# A first plant file for {Path(inp_path).name}, made by `edge-agent simulate --scaffold`.",
        "# Look over limits, tests and plans before you trust them.\n",
        f'[site]\nid = "{site}"\n',
        *(_device_text(device) for device in draft.devices),
        *draft.plans(),
        _simulation_text(Path(inp_path).name, draft.devices),
    ]
    return "\n".join(parts)


class _Draft:
    """The nodes of a network, and which pumps fill which tank."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._ids = Ids(_LONGEST_ID - _LONGEST_PREFIX)
        self._tanks = {tank: self._tank(tank, limits) for tank, limits in network.tanks.items()}
        self._pumps = {pump: self._pump(pump) for pump in network.of_kind("pump")}
        self._valves = {valve: self._valve(valve) for valve in network.of_kind("valve")}
        districts = [self._district(junction) for junction in _largest(network)]
        self.devices = [*self._tanks.values(), *self._pumps.values(), *self._valves.values(), *districts]
        if not self.devices:
            raise UsageError("The network has no tank, pump, valve or demand: there is nothing to make a plant of.")
        self._points = {tank: distinct(self._switches(tank)) for tank in self._sound_tanks()}
        for tank, points in self._points.items():
            level = self._tanks[tank].points[0]
            lines = threshold_lines(network.tanks[tank], points)
            self._tanks[tank].points[0] = level._replace(thresholds=lines)
        filling_by = {point.actuators for points in self._points.values() for point in points if point.fills}
        for valve in self._valves.values():
            if (f"{valve.id}/valve",) in filling_by:
                valve.fail_safe = "close"  # left open it would let the tank run over

    def plans(self) -> list[str]:
        """Write a plan for every set point of a tank's level."""
        return [plan_text(self._tanks[tank].id, point) for tank, points in self._points.items() for point in points]

    def _sound_tanks(self) -> list[str]:
        return [tank for tank, limits in self._network.tanks.items() if limits.highest > limits.lowest]

    def _switches(self, tank: str) -> Iterable[LevelSwitch]:
        """Yield those of the file's level controls, and of pumps without any, but for spares, a pair for the tank."""
        limits = self._network.tanks[tank]
        links = self._pumps | self._valves
        for control in self._network.level_controls:
            if control.tank == tank and control.link in links:
                kind = "pump" if control.link in self._pumps else "valve"
                yield switch_of(control, limits, links[control.link].id, kind)
        controlled = {control.link for control in self._network.level_controls} | self._network.spares
        free = [pump for pump in self._pumps if pump not in controlled and _nearest_tank(pump, self._network) == tank]
        if free:
            yield from filling(self._tanks[tank].id, limits, [f"{self._pumps[pump].id}/pump" for pump in free])

    def _tank(self, tank: str, limits: TankLimits) -> _Device:
        unit, element = self._network.units.length, Element("tank", tank)
        tests = _level_tests(limits) if limits.highest > limits.lowest else ()
        return _Device(self._ids.make("tank", tank), f"Tank {tank}", [_Point("level", "level", unit, element, tests)])

    def _pump(self, pump: str) -> _Device:
        element, flow = Element("pump", pump), self._network.units.flow
        points = [
            _Point("flow", "flow", flow, element, ()),
            _Point("power", "power", "kW", element, ()),
            *self._end_pressures(pump),
        ]
        return _Device(self._ids.make("pump", pump), f"Pump {pump}", points, element)

    def _end_pressures(self, pump: str) -> list[_Point]:
        ends = zip(("suction", "discharge"), self._network.ends[pump], strict=True)
        return [self._pressure(name, end) for name, end in ends if end.kind == "junction"]

    def _pressure(self, sensor: str, junction: Element) -> _Point:
        unit = self._network.units.pressure
        scale = (conversion("pressure", "m", unit) or (1.0, 0.0))[0]
        tests = (f"gross_range = {{ fail = {_pair(_LOWEST_PRESSURE_M * scale, _HIGHEST_PRESSURE_M * scale)} }}",)
        return _Point(sensor, "pressure", unit, junction, tests)

    def _valve(self, valve: str) -> _Device:
        element = Element("valve", valve)
        points = [
            _Point("flow", "flow", self._network.units.flow, element, ()),
            _Point("position", "position", "1", element, ("gross_range = { fail = [0.0, 1.0] }",)),
        ]
        return _Device(self._ids.make("valve", valve), f"Valve {valve}", points, element)

    def _district(self, junction: str) -> _Device:
        element = Element("junction", junction)
        demand = _Point("demand", "demand", self._network.units.flow, element, ())
        comment = f"Junction {junction}, one of those with the largest demand"
        return _Device(self._ids.make("junction", junction), comment, [self._pressure("pressure", element), demand])


def _largest(network: Network) -> list[str]:
    """Name the junctions with the largest base demand, largest first."""
    taking = [junction for junction, demand in network.demands.items() if demand > 0]
    return sorted(taking, key=lambda junction: -network.demands[junction])[:_DISTRICTS]


def _nearest_tank(pump: str, network: Network) -> str | None:
    """Find the tank a pump fills: the nearest behind it by links."""
    source, start = network.ends[pump]
    neighbours: dict[Element, list[Element]] = {}
    for first, second in network.ends.values():
        neighbours.setdefault(first, []).append(second)
        neighbours.setdefault(second, []).append(first)
    seen, waiting = {source, start}, deque([start])
    while waiting:
        node = waiting.popleft()
        if node.kind == "tank":
            return node.name
        fresh = [other for other in neighbours[node] if other not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return None


def _share(limits: TankLimits, share: float) -> float:
    return limits.lowest + share * (limits.highest - limits.lowest)


def _level_tests(limits: TankLimits) -> tuple[str, ...]:
    """Derive tests of a level: outside the tank by a tenth of its height cannot be, filled in ten minutes neither."""
    height = limits.highest - limits.lowest
    # A full tank stands at its highest level to the last digit: the doubtful range begins a little outside.
    outside, inside = (_pair(_share(limits, -part), _share(limits, 1 + part)) for part in (0.1, 0.01))
    return (
        f"gross_range = {{ fail = {outside}, suspect = {inside} }}",
        f"rate_of_change = {{ suspect = {number(height / 1800)}, fail = {number(height / 600)} }}",
        f"freshness = {{ suspect_seconds = {2 * _INTERVAL_SECONDS}, fail_seconds = {3 * _INTERVAL_SECONDS} }}",
    )


def _pair(low: float, high: float) -> str:
    return f"[{number(low)}, {number(high)}]"


def _device_text(device: _Device) -> str:
    lines = [f"# {device.comment}"]
    for point in device.points:
        lines += _point_lines(device.id, point)
    if device.moves is not None:
        lines += _actuator_lines(device, device.moves.kind)
    return "\n".join(lines)


def _point_lines(node: str, point: _Point) -> Iterable[str]:
    key = f"nodes.{node}.sensors.{point.id}"
    yield f"[{key}]"
    yield f'quantity = "{point.quantity}"'
    yield f'unit = "{point.unit}"'
    yield f"interval_seconds = {_INTERVAL_SECONDS}"
    for table, rows in (("quality", point.tests), ("thresholds", point.thresholds)):
        if rows:
            yield from ("", f"[{key}.{table}]", *rows)
    yield ""


def _actuator_lines(device: _Device, kind: str) -> list[str]:
    protections = ["min_on_seconds = 300", "min_off_seconds = 120", "max_starts_per_hour = 6"]
    return [
        f"[nodes.{device.id}.actuators.{kind}]",
        f'kind = "{kind}"',
        f'fail_safe = "{device.fail_safe or ("stop" if kind == "pump" else "open")}"',
        *(protections if kind == "pump" else []),
        "lease_seconds = 900",
        "ack_timeout_seconds = 10",
        "command_ttl_seconds = 60",
        "",
    ]


def _simulation_text(network: str, devices: list[_Device]) -> str:
    lines = ["# Which element of the network is which sensor and actuator; only `edge-agent simulate` reads it."]
    lines += ["[simulation]", f"network = {_quoted(network)}", "", "[simulation.sensors]"]
    for device in devices:
        for point in device.points:
            where = f"element = {_quoted(str(point.element))}, property = {_quoted(point.quantity)}"
            lines.append(f'"{device.id}/{point.id}" = {{ {where} }}')
    lines += ["", "[simulation.actuators]"]
    for device in devices:
        if device.moves is not None:
            lines.append(f'"{device.id}/{device.moves.kind}" = {{ element = {_quoted(str(device.moves))} }}')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Write text as a TOML string; names of elements may hold quotes and backslashes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
