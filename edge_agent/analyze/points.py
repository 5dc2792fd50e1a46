"""The sensors of a plant as the analysis sees them, and the thresholds in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.analyze.limit import LimitAlarm
from edge_agent.analyze.point import Point
from edge_agent.analyze.proof import proving
from edge_agent.model.plant import BAD_QUALITY, STALE
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.plant import Plant, Sensor, Threshold
    from edge_agent.model.remembered import StoredReading
    from edge_agent.model.time import Moment


class Points:
    """Every sensor with its limits, found by its name, or faster by the sensor itself."""

    def __init__(self, plant: Plant) -> None:
        self._points = {sensor.name: Point(sensor) for sensor in plant.sensors}
        self.reindex()

    def __iter__(self) -> Iterator[Point]:
        return iter(self._points.values())

    def __repr__(self) -> str:
        limits = sum(len(point.limits) for point in self)
        return f"Points({len(self._points)} sensors, {limits} limits)"

    def reindex(self) -> None:
        """Find points by the identity of their sensors, which are objects of their own after a recorded beginning."""
        # A sensor is one object for as long as the plant is: its id finds the point without hashing its members.
        self.by_sensor = {id(point.sensor): point for point in self}

    def named(self, sensor: str) -> Point | None:
        """Find a sensor by `node/sensor`."""
        return self._points.get(sensor)

    def of(self, sensor: Sensor) -> Point:
        """Find a sensor of this plant."""
        return self.by_sensor[id(sensor)]

    def thresholds(self, sensors: int) -> Iterator[list[Threshold]]:
        """Yield the thresholds in force, those of so many sensors at a time."""
        points = tuple(self)
        for first in range(0, len(points), sensors):
            some = points[first : first + sensors]
            yield [limit.threshold for point in some for limit in point.limits.values()]

    def revise(self, limits: Mapping[str, Iterable[Threshold]]) -> Iterator[tuple[Point, list[str]]]:
        """Put all limits of some sensors in force; yield each point that changed, and the names of limits it lost.

        One that acts on the other side now, or is a switch point and was none, is lost, and a new one in its place.
        """
        for sensor, thresholds in limits.items():
            point = self.named(sensor)
            if point is None:
                continue
            before = point.limits
            if _equip(point, {threshold.name: threshold for threshold in thresholds}):
                after = point.limits
                yield point, [name for name, limit in before.items() if after.get(name) is not limit]

    def resume(self, alarm: Alarm) -> bool:
        """Resume an alarm that was active when a former run ended. Return whether its sensor still has it."""
        key = alarm.key
        point, threshold = self.named(f"{key.node}/{key.sensor}"), key.threshold
        if point is None or threshold not in {STALE, BAD_QUALITY, *point.limits}:
            return False
        if threshold in point.limits and point.limits[threshold].threshold.annunciated is not alarm.annunciated:
            return False
        if threshold == STALE:
            point.stale = True
        elif threshold == BAD_QUALITY:
            point.bad_in_a_row = 1
        else:
            point.limits[threshold].remember()
        point.rest(point.looked_seconds)
        return True

    def recall(self, readings: Iterable[StoredReading], now: Moment) -> Iterator[Point]:
        """Feed the limits what a former run has proved; yield the points of which there was something."""
        held: dict[str, list[StoredReading]] = {}
        for stored in readings:
            held.setdefault(f"{stored.node}/{stored.sensor}", []).append(stored)
        for point in self:
            readings_of = held.get(point.sensor.name, [])
            proved = [] if point.stale or point.bad_in_a_row else proving(readings_of, point.sensor, now)
            for stored in proved:
                point.heard_seconds = now.seconds_at(stored.received_at)
                at = min(stored.observed_at, stored.received_at) / MICROSECONDS
                for limit in point.limits.values():
                    limit.update(stored.value, point.heard_seconds, at)
            if proved:
                yield point

    def renew(self, plant: Plant) -> set[str]:
        """Go on with a changed plant: what stays keeps its state. Return the sensors that do not go on, by name."""
        before, self._points = self._points, {}
        for sensor in plant.sensors:
            known = before.get(sensor.name)
            point = known if known is not None and known.sensor is sensor else Point(sensor)
            if known is not None and point is not known and _goes_on(known, point):
                point.succeed(known)
            self._points[sensor.name] = point
        self.reindex()
        return {name for name, point in before.items() if not _goes_on(point, self._points.get(name))}


def _equip(point: Point, wanted: Mapping[str, Threshold]) -> bool:
    """Give a point its limits; return whether they are others than before."""
    if {name: limit.threshold for name, limit in point.limits.items()} == wanted:
        return False
    kept = point.limits
    point.limits = {}
    for name, threshold in wanted.items():
        limit = kept.get(name)
        if limit is None or not limit.goes_on_as(threshold):
            limit = LimitAlarm(threshold)
        else:
            limit.adopt(threshold)
        point.limits[name] = limit
    point.rest(point.looked_seconds)
    return True


def _goes_on(before: Point, after: Point | None) -> bool:
    """Whether a sensor that was declared anew measures the same as before."""
    return after is not None and (before.sensor.quantity, before.sensor.unit) == (
        after.sensor.quantity,
        after.sensor.unit,
    )
