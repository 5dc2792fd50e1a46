"""The limit alarms of all sensors: good readings are compared, suspect ones doubted, and time completes delays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.analyze import wording
from edge_agent.analyze.proof import evidence
from edge_agent.analyze.register import Shown
from edge_agent.model.quality import Flag
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.analyze.limit import LimitAlarm
    from edge_agent.analyze.point import Point
    from edge_agent.analyze.register import AlarmRegister
    from edge_agent.model.quality import Layout
    from edge_agent.model.readings import Reading
    from edge_agent.model.time import Moment

_SUSPECT = int(Flag.SUSPECT)


class LimitAlarms:
    """Raises and clears the alarms of limits; keeps account of the sensors whose delays run, or that are in doubt.

    `doubted` are the alarms, by name, that are not active and would be if suspect readings counted, as of the last
    `tick`.
    """

    def __init__(self, register: AlarmRegister, layout: Layout) -> None:
        self._register, self._layout = register, layout
        self.pending: dict[Point, None] = {}  # points with a running delay; ordered, so that replays agree
        self.doubted: frozenset[str] = frozenset()
        self._doubting: dict[Point, None] = {}  # points whose suspect readings are beyond a limit

    def __repr__(self) -> str:
        return f"LimitAlarms({len(self.pending)} sensors with running delays, {len(self.doubted)} alarms doubted)"

    def renew(self, points: Iterable[Point]) -> None:
        """Go on with the sensors of a changed plant."""
        self.pending, self._doubting = {}, {}
        for point in points:
            self.file(point)

    def compare(self, point: Point, reading: Reading, now: Moment) -> None:
        """Compare a good reading with the limits of its sensor."""
        point.bridge(now)
        at = min(reading.observed_at, reading.received_at + reading.ahead) / MICROSECONDS
        for limit in point.limits.values():
            if limit.update(reading.value, now.seconds, at):
                self._conclude(point, limit, now)
        self.file(point)

    def file(self, point: Point) -> None:
        """Keep account of whether a delay is running, of doubt, and of the values that change nothing."""
        if any(limit.doubting for limit in point.limits.values()):
            self._doubting[point] = None
        if any(limit.pending for limit in point.limits.values()):
            self.pending[point] = None
        else:
            self.pending.pop(point, None)
        point.rest()

    def doubt(self, point: Point, reading: Reading, now: Moment) -> None:
        """Note a reading that is not good: a suspect one may be beyond a limit all the same."""
        point.bridge(now)
        point.heard_seconds = now.seconds
        for limit in point.limits.values():
            limit.doubt(reading.value, now.seconds, suspect=reading.flag == _SUSPECT)
        self.file(point)

    def tick(self, now: Moment) -> None:
        """Complete the delays of those sensors that are still trusted."""
        for point in list(self.pending):
            if point.trusted and not point.stale:
                point.bridge(now)
                for limit in point.limits.values():
                    if limit.pending:
                        self._conclude(point, limit, now)
                self.file(point)
        if self._doubting or self.doubted:
            self._weigh_doubts(now)

    def _conclude(self, point: Point, limit: LimitAlarm, now: Moment) -> None:
        """Raise or clear where the delay is over."""
        reading = point.last_good
        if reading is None or not limit.due(now.seconds):
            return
        key, sensor, threshold = point.key(limit.name), point.sensor, limit.threshold
        if limit.active:
            unit, deciding = limit.measure.unit(sensor.unit), evidence(reading, point.topic, self._layout)
            shown = Shown(limit.figure, threshold.limit, unit, deciding, threshold.annunciated)
            self._register.raise_(key, threshold.priority, now, wording.beyond(sensor, limit), shown)
        else:
            self._register.clear(key, now, wording.back(sensor, limit), limit.figure)

    def _weigh_doubts(self, now: Moment) -> None:
        doubted = set()
        for point in list(self._doubting):
            point.bridge(now)
            if not any(limit.doubting for limit in point.limits.values()):
                del self._doubting[point]
                self.file(point)
            doubted |= {str(point.key(one.name)) for one in point.limits.values() if one.is_doubted(now.seconds)}
        self.doubted = frozenset(doubted)
