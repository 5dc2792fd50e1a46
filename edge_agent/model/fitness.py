"""What does not fit: of thresholds here, of plans where their kinds are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.figures import apart, short
from edge_agent.model.plant import BUILT_IN_ALARMS, ID, SIDES, VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.plant import Plant, Policy, Sensor, Threshold

    Place = tuple[str | int, ...]


class Misfit(NamedTuple):
    """What does not fit: its place in a plant file, what is wrong, and what was expected."""

    path: tuple[str | int, ...]
    wrong: str
    expected: str

    def __str__(self) -> str:
        place = ""
        for part in self.path:
            place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
        return f"{place}: {self.wrong}; expected {self.expected}"


class Risk(NamedTuple):
    """What is allowed and risky: its name, its place, what may happen, and what would be better.

    The thing that it is about (a sensor, threshold, actuator, plan or provision) may accept it, by its name.
    """

    name: str
    path: tuple[str | int, ...]
    wrong: str
    expected: str

    @property
    def thing(self) -> tuple[str | int, ...]:
        """The place of the thing that it is about."""
        if self.path[0] != "nodes":
            return self.path[:2]
        return self.path[: 6 if len(self.path) > 5 and self.path[4] == "thresholds" else 4]


def threshold_misfits(plant: Plant, policy: Policy, fitting: Policy | None = None) -> Iterator[Misfit]:
    """Yield the thresholds of a policy that a plant cannot have. Those of `fitting` it can."""
    sensors = {sensor.name: sensor for sensor in plant.sensors}
    known = set() if fitting is None else set(map(id, fitting.thresholds))
    for threshold in policy.thresholds:
        if id(threshold) not in known:
            yield from _threshold(threshold, sensors.get(f"{threshold.node}/{threshold.sensor}"))


def _threshold(threshold: Threshold, sensor: Sensor | None) -> Iterator[Misfit]:
    path = ("nodes", threshold.node, "sensors", threshold.sensor, "thresholds", threshold.name)
    if sensor is None:
        yield Misfit(path, f"there is no sensor {threshold.node}/{threshold.sensor}", "a sensor of this plant")
        return
    if threshold.name in BUILT_IN_ALARMS or not ID.fullmatch(threshold.name):
        wrong = f"{threshold.name!r} is no name of a threshold"
        yield Misfit(path, wrong, "an id that is no alarm which exists without configuration")
    if threshold.measure != VALUE:
        return
    place = "limit" if threshold.name in SIDES else str(threshold.side)
    lowest, highest = good_range(sensor)
    if threshold.above and threshold.limit >= highest:
        limit, most = apart(threshold.limit, highest, short)
        yield Misfit((*path, place), f"no good reading lies above {limit}", f"less than {most}")
    elif not threshold.above and threshold.limit <= lowest:
        limit, least = apart(threshold.limit, lowest, short)
        yield Misfit((*path, place), f"no good reading lies below {limit}", f"more than {least}")


def threshold_risks(plant: Plant) -> Iterator[Risk]:
    """Yield the thresholds that are allowed and will not do what they seem to."""
    sensors = {sensor.name: sensor for sensor in plant.sensors}
    for threshold in plant.policy.thresholds:
        path = ("nodes", threshold.node, "sensors", threshold.sensor, "thresholds", threshold.name)
        if threshold.measure != VALUE:
            if not threshold.annunciated:
                wrong = f"is for plans alone, and no plan may refer to {threshold.measure}, which is not always known"
                yield Risk("never_used", (*path, "alarm"), wrong, "an alarm, or a switch point of the value")
            continue
        lowest, highest = good_range(sensors[f"{threshold.node}/{threshold.sensor}"])
        back, over = ("below", lowest) if threshold.above else ("above", highest)
        if threshold.clears_at <= lowest if threshold.above else threshold.clears_at >= highest:
            wrong = f"no good reading lies {back} {short(threshold.clears_at)}, where it would clear"
            side = "above" if threshold.above else "below"
            yield Risk("never_clears", (*path, "deadband"), wrong, f"one that clears {side} {short(over)}")


def good_range(sensor: Sensor) -> tuple[float, float]:
    """Return the lowest and the highest value that a good reading of a sensor can have."""
    bounds = sensor.quality.bounds
    return bounds.lowest, bounds.highest
