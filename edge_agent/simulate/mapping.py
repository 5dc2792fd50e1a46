"""Which element of the network is which sensor or actuator: the `[simulation]` section of the plant file.

    [simulation]
    network = "riverside.inp"                                   # beside the plant file; optional

    [simulation.sensors]
    "tank1/level" = { element = "tank:T1", property = "level" }

    [simulation.actuators]
    "station/pump1" = { element = "pump:P1" }

What is not listed is not simulated: such a sensor stays silent, such an actuator fails every command.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_agent.errors import ConfigurationError, Problem
from edge_agent.model.units import conversion
from edge_agent.simulate.network import MOVABLE, Element

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.plant import Actuator, Plant, Sensor
    from edge_agent.model.units import Conversion
    from edge_agent.simulate.network import Network

#: What can be measured at an element, by its kind.
PROPERTIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tank": ("level", "pressure", "head"),
        "reservoir": ("head",),
        "junction": ("pressure", "head", "demand"),
        "pump": ("flow", "power", "energy", "state", "speed"),
        "valve": ("flow", "position"),
        "pipe": ("flow", "position"),
    }
)
_QUANTITIES = {
    "level": ("level", "head", "distance"),
    "head": ("head", "level"),
    "flow": ("flow", "demand"),
    "demand": ("demand", "flow"),
}
_MOVED_BY = {"pump": ("pump",), "valve": MOVABLE}
_ELEMENT = "an element as kind:name, of the kinds " + ", ".join(PROPERTIES)


class Probe(NamedTuple):
    """Where in the network a sensor sits, and what of the element it measures."""

    element: Element
    property: str


@dataclass(frozen=True, slots=True)
class NetworkMapping:
    """Sensors and actuators by `node/name`. `network` is the `.inp` file as it is written, None where it is not."""

    sensors: Mapping[str, Probe] = field(default_factory=dict)
    actuators: Mapping[str, Element] = field(default_factory=dict)
    network: str | None = None


class _SensorRow(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    element: str
    property: str


class _ActuatorRow(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    element: str


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    network: str | None = None
    sensors: dict[str, _SensorRow] = {}
    actuators: dict[str, _ActuatorRow] = {}


_EXPECTED = {
    "network": 'the name of an .inp file, such as "riverside.inp"',
    "element": _ELEMENT,
    "property": "what is measured, such as level, pressure or flow",
    "sensors": "a table of sensors",
    "actuators": "a table of actuators",
}


def parse_mapping(section: dict[str, Any], file: str) -> NetworkMapping:
    """Read the `[simulation]` table. Raises ConfigurationError with every problem; the network is not looked at."""
    try:
        rows = _Section.model_validate(section)
    except ValidationError as error:
        raise ConfigurationError([_problem(dict(found), file) for found in error.errors()]) from error
    problems = list(_row_problems(rows, file))
    if problems:
        raise ConfigurationError(problems)
    return NetworkMapping(
        {name: Probe(Element.parse(row.element), row.property) for name, row in rows.sensors.items()},
        {name: Element.parse(row.element) for name, row in rows.actuators.items()},
        rows.network,
    )


def check_mapping(mapping: NetworkMapping, plant: Plant, network: Network, file: str) -> None:
    """Check that plant and network have what the mapping names. Raises ConfigurationError with every problem."""
    sensors = {sensor.name: sensor for sensor in plant.sensors if not sensor.derived}
    actuators = {actuator.name: actuator for actuator in plant.actuators}
    problems = [
        *_element_problems(mapping, network, file),
        *_sensor_problems(mapping, sensors, network, file),
        *_actuator_problems(mapping, actuators, file),
    ]
    if problems:
        raise ConfigurationError(problems)


def _key(*parts: str) -> str:
    """Write a key as it stands in the file: names with a slash are quoted there."""
    return ".".join(f'"{part}"' if "/" in part else part for part in ("simulation", *parts))


def _problem(found: dict[str, Any], file: str) -> Problem:
    place = tuple(str(part) for part in found["loc"])
    last = place[-1] if place else ""
    if found["type"] == "extra_forbidden":
        known = "element, property" if len(place) > 2 else "network, sensors, actuators"
        return Problem(file, _key(*place), "is not a known key", f"one of {known}")
    wrong = "is missing" if found["type"] == "missing" else f"{found['input']!r} is not allowed"
    expected = _EXPECTED.get(last, 'a table, such as { element = "tank:T1", property = "level" }')
    return Problem(file, _key(*place), wrong, expected)


def _row_problems(rows: _Section, file: str) -> Iterator[Problem]:
    for name, sensor in rows.sensors.items():
        properties = PROPERTIES.get(sensor.element.partition(":")[0])
        if properties is None or ":" not in sensor.element:
            yield Problem(file, _key("sensors", name, "element"), f"{sensor.element!r} is not an element", _ELEMENT)
        elif sensor.property not in properties:
            wrong = f"{sensor.property!r} cannot be measured at {sensor.element}"
            yield Problem(file, _key("sensors", name, "property"), wrong, "one of " + ", ".join(properties))
    for name, actuator in rows.actuators.items():
        kind, colon, _ = actuator.element.partition(":")
        if kind not in ("pump", *MOVABLE) or not colon:
            wrong = f"{actuator.element!r} is nothing that can be moved"
            yield Problem(file, _key("actuators", name, "element"), wrong, "a pump, a valve or a pipe, as kind:name")


def _element_problems(mapping: NetworkMapping, network: Network, file: str) -> Iterator[Problem]:
    places = [(_key("sensors", name, "element"), probe.element) for name, probe in mapping.sensors.items()]
    places += [(_key("actuators", name, "element"), element) for name, element in mapping.actuators.items()]
    known = set(network.elements)
    for key, element in places:
        if element not in known:
            names = network.of_kind(element.kind)
            some = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
            expected = f"one of the network's {element.kind}s: {some}" if names else "an element of the network"
            yield Problem(file, key, f"the network has no {element.kind} {element.name}", expected)


def _sensor_problems(
    mapping: NetworkMapping, sensors: Mapping[str, Sensor], network: Network, file: str
) -> Iterator[Problem]:
    for name, probe in mapping.sensors.items():
        sensor = sensors.get(name)
        if sensor is None:
            yield Problem(file, _key("sensors", name), "the plant hears no such sensor", "node/sensor of this file")
            continue
        quantities = _QUANTITIES.get(probe.property, (probe.property,))
        if sensor.quantity not in quantities or unit_of(probe, sensor, network) is None:
            wrong = f"{probe.property} is no {sensor.quantity} in {sensor.unit}"
            yield Problem(file, _key("sensors", name, "property"), wrong, f"a sensor of {' or '.join(quantities)}")


def _actuator_problems(mapping: NetworkMapping, actuators: Mapping[str, Actuator], file: str) -> Iterator[Problem]:
    for name, element in mapping.actuators.items():
        actuator = actuators.get(name)
        if actuator is None:
            yield Problem(file, _key("actuators", name), "the plant has no such actuator", "node/actuator of this file")
        elif element.kind not in _MOVED_BY[actuator.kind]:
            expected = " or ".join(_MOVED_BY[actuator.kind])
            wrong = f"a {actuator.kind} cannot be {element.kind} {element.name}"
            yield Problem(file, _key("actuators", name, "element"), wrong, f"a {expected}")


def unit_of(probe: Probe, sensor: Sensor, network: Network) -> Conversion | None:
    """Find how to turn the network's unit into the sensor's; None where it is another quantity."""
    return conversion(sensor.quantity, network.units.of(probe.property), sensor.unit)
