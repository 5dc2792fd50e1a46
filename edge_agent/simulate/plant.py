"""A whole plant: virtual nodes wired to the hydraulics of a network. Pure lock-step; `live` runs it on a clock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.errors import ConfigurationError, Problem, SimulationError
from edge_agent.simulate.faults import Faults
from edge_agent.simulate.mapping import check_mapping, unit_of
from edge_agent.simulate.node import EquipmentState, VirtualNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge_agent.model.plant import Node, Plant, Sensor
    from edge_agent.model.time import Moment
    from edge_agent.model.units import Conversion
    from edge_agent.simulate.hydraulics import Hydraulics
    from edge_agent.simulate.mapping import NetworkMapping, Probe
    from edge_agent.simulate.network import DayRecord, Element
    from edge_agent.simulate.nodewire import Outgoing


class WiredEquipment:
    """Pumps and valves of one node, in the network."""

    def __init__(self, node: str, actuators: Mapping[str, Element], hydraulics: Hydraulics) -> None:
        self._node, self._actuators, self._hydraulics = node, actuators, hydraulics

    def act(self, actuator: str, action: str, value: float | None) -> None:
        """Switch a pump or move a valve. Raises SimulationError where it cannot, or where nothing is wired."""
        element = self._actuators.get(f"{self._node}/{actuator}")
        if element is None:
            raise SimulationError(f"{self._node}/{actuator} is not simulated.")
        wanted = (value or 0.0) if action == "set" else float(action in {"start", "open"})
        if element.kind == "pump":
            self._hydraulics.set_pump(element.name, running=wanted > 0, speed=wanted)
        else:
            self._hydraulics.set_valve(element.kind, element.name, wanted)

    def state(self, actuator: str) -> EquipmentState | None:
        """Return what a pump or valve does."""
        element = self._actuators.get(f"{self._node}/{actuator}")
        if element is None:
            return None
        if element.kind == "pump":
            speed = round(self._hydraulics.speed(element.name), 4)
            return EquipmentState("running" if speed > 0 else "stopped", speed)
        position = round(self._hydraulics.position(element.kind, element.name), 4)
        return EquipmentState("open" if position > 0 else "closed", position)


class _Tap(NamedTuple):
    """How a sensor's value is had: where from, and into which unit."""

    probe: Probe
    conversion: Conversion


class PlantSimulation:
    """A plant in lock-step with the `now` it is given; the first call is its start, with the network as in its file.

    The water runs `speed` times as fast as `now`; the nodes live by `now`, so that an agent in real time understands
    their timestamps and they its expiries and leases.

    Raises ConfigurationError where mapping, plant and network do not fit, UsageError where a fault names nothing, and
    SimulationError from `step` and `deliver` where the network cannot be calculated.
    """

    def __init__(
        self,
        hydraulics: Hydraulics,
        mapping: NetworkMapping,
        plant: Plant,
        faults: Faults | None = None,
        *,
        speed: float = 1.0,
        file: str = "plant.toml",
    ) -> None:
        check_mapping(mapping, plant, hydraulics.network, file)
        self.faults = faults if faults is not None else Faults()
        self.faults.check(plant)
        self.hydraulics = hydraulics
        self.plant = plant
        self._taps = {
            sensor.name: _tap(mapping.sensors[sensor.name], sensor, hydraulics, file)
            for sensor in plant.sensors
            if sensor.name in mapping.sensors
        }
        ours = [node for node in plant.nodes.values() if not node.is_foreign]  # others are not spoken for
        self.nodes = {node.id: self._node(node, mapping) for node in ours}
        self._speed = speed
        self._zero: float | None = None

    def _node(self, node: Node, mapping: NetworkMapping) -> VirtualNode:
        simulated = {sensor.id: sensor for sensor in node.sensors.values() if sensor.name in self._taps}
        equipment = WiredEquipment(node.id, mapping.actuators, self.hydraulics)
        return VirtualNode(self.plant.site, replace(node, sensors=simulated), equipment, self.faults)

    def step(self, now: Moment) -> list[Outgoing]:
        """Calculate until now; return what every node publishes, each node's oldest first."""
        starting = self._zero is None
        self._run_water(now)
        told = []
        for node in self.nodes.values():
            told += node.start(now) if starting else node.tick(now)
            values = {sensor: self.value(f"{node.id}/{sensor}") for sensor in node.due(now)}
            told += node.observe(values, now)
        return told

    def deliver(self, node: str, actuator: str, payload: bytes, now: Moment) -> list[Outgoing]:
        """Hand a command to a node at once, without waiting for the next step. Raises KeyError for an unknown node."""
        told = self.step(now)
        return [*told, *self.nodes[node].receive(actuator, payload, now)]

    def restart(self, node: str, now: Moment) -> list[Outgoing]:
        """Cut a node's power and restore it. Raises KeyError for an unknown node."""
        told = self.step(now)
        return [*told, *self.nodes[node].restart(now)]

    def announce(self, node: str, now: Moment) -> list[Outgoing]:
        """Give what a node publishes at a new connection: status and states, retained."""
        return self.nodes[node].announce(now) if self.nodes[node].online else []

    def next_event(self) -> float:
        """When a node has something to do next, in monotonic seconds."""
        return min((node.next_event() for node in self.nodes.values()), default=float("inf"))

    def value(self, sensor: str) -> float:
        """Measure the truth at a sensor (`node/sensor`), in its unit. Raises KeyError where it is not simulated."""
        tap = self._taps[sensor]
        return _measure(self.hydraulics, tap.probe) * tap.conversion.scale + tap.conversion.offset

    def day(self) -> DayRecord:
        """Return what happened to pumps and tanks since the start."""
        return self.hydraulics.day()

    def _run_water(self, now: Moment) -> None:
        if self._zero is None:
            self._zero = now.seconds - self.hydraulics.seconds / self._speed
        self.hydraulics.advance((now.seconds - self._zero) * self._speed)


def _tap(probe: Probe, sensor: Sensor, hydraulics: Hydraulics, file: str) -> _Tap:
    conversion = unit_of(probe, sensor, hydraulics.network)
    if conversion is None:
        raise ConfigurationError([Problem(file, sensor.name, f"{probe.property} has no {sensor.unit}", "its unit")])
    return _Tap(probe, conversion)


def _measure(hydraulics: Hydraulics, probe: Probe) -> float:
    """Read a property of an element, in the network's unit."""
    return _READERS[probe.property](hydraulics, probe.element)


_READERS: dict[str, Callable[[Hydraulics, Element], float]] = {
    "level": lambda water, tank: water.level(tank.name),
    "pressure": lambda water, node: water.pressure(*node),
    "head": lambda water, node: water.head(*node),
    "demand": lambda water, junction: water.demand(junction.name),
    "flow": lambda water, link: water.flow(*link),
    "position": lambda water, link: water.position(*link),
    "power": lambda water, pump: water.power_kw(pump.name),
    "energy": lambda water, pump: water.energy_kwh(pump.name),
    "speed": lambda water, pump: water.speed(pump.name),
    "state": lambda water, pump: float(water.running(pump.name)),
}
