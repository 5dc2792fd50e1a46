"""Puts what happened beside what EPANET's own controls give on the same network over the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.demo.gauge import Span
from edge_agent.demo.summary import PumpTotals, Range, TankTotals
from edge_agent.model.plant import VALUE
from edge_agent.simulate.mapping import parse_mapping, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.plant import Threshold
    from edge_agent.model.units import Conversion
    from edge_agent.settings.plantfile import PlantFile
    from edge_agent.simulate.network import DayRecord, Network


class _LevelProbe(NamedTuple):
    """Which tank a level sensor looks at, and how the network's unit becomes the sensor's."""

    tank: str
    unit: str
    conversion: Conversion

    def __call__(self, level: float) -> float:
        return level * self.conversion.scale + self.conversion.offset


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The tanks and pumps of a network by the names the plant gives them."""

    taps: Mapping[str, _LevelProbe]
    pumps: Mapping[str, str]
    network: Network
    thresholds: Mapping[str, tuple[Threshold, ...]]

    def spans(self) -> dict[str, Span]:
        """Return the range of each level by sensor: from the lowest to the highest level of its tank."""
        limits = self.network.tanks
        return {
            sensor: Span(tap(limits[tap.tank].lowest), tap(limits[tap.tank].highest))
            for sensor, tap in self.taps.items()
        }

    def starts(self, day: DayRecord) -> dict[str, int]:
        """Count the starts of each pump, by actuator."""
        return {actuator: day.starts[pump] for actuator, pump in self.pumps.items()}

    def tanks(self, agent: DayRecord, native: DayRecord) -> tuple[TankTotals, ...]:
        """Compare the levels."""
        return tuple(
            TankTotals(
                sensor,
                tap.unit,
                Range(tap(agent.lowest[tap.tank]), tap(agent.highest[tap.tank])),
                Range(tap(native.lowest[tap.tank]), tap(native.highest[tap.tank])),
                _limits(self.thresholds.get(sensor, ())),
            )
            for sensor, tap in self.taps.items()
        )

    def compared_pumps(self, agent: DayRecord, native: DayRecord) -> tuple[PumpTotals, ...]:
        """Compare starts and energy of the pumps that the agent commands."""
        return tuple(
            PumpTotals(
                name,
                agent.starts[pump],
                agent.energy_kwh[pump],
                native.starts[pump],
                native.energy_kwh[pump],
                agent.cost.get(pump, 0.0),
                native.cost.get(pump, 0.0),
            )
            for name, pump in self.pumps.items()
        )


def yardstick(file: PlantFile, network: Network) -> Yardstick:
    """Find the tanks and pumps of a plant in its network."""
    mapping = parse_mapping(file.simulation, str(file.path))
    taps: dict[str, _LevelProbe] = {}
    for sensor in file.plant.sensors:
        probe = mapping.sensors.get(sensor.name)
        found = unit_of(probe, sensor, network) if probe is not None and probe.property == "level" else None
        if probe is not None and found is not None:
            taps[sensor.name] = _LevelProbe(probe.element.name, sensor.unit, found)
    pumps = {name: element.name for name, element in mapping.actuators.items() if element.kind == "pump"}
    return Yardstick(taps, pumps, network, by_sensor(file.plant.policy.thresholds))


def by_sensor(thresholds: Iterable[Threshold]) -> dict[str, tuple[Threshold, ...]]:
    """Sort the thresholds of values by sensor, each sensor's from its lowest limit up."""
    found: dict[str, tuple[Threshold, ...]] = {}
    for threshold in sorted(thresholds, key=lambda threshold: threshold.limit):
        if threshold.measure != VALUE:
            continue
        name = f"{threshold.node}/{threshold.sensor}"
        found[name] = (*found.get(name, ()), threshold)
    return found


def _limits(thresholds: Iterable[Threshold]) -> tuple[float | None, float | None]:
    """Name the limits a level must stay between: the critical ones, low_low and high_high."""
    limits = {threshold.name: threshold.limit for threshold in thresholds}
    return limits.get("low_low"), limits.get("high_high")
