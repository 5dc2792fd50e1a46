"""The limit alarms of all sensors: good readings are compared, suspect ones doubted, and time completes delays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.analyze import wording
from edge_agent.analyze.proof import evidence
from edge_agent.analyze.register import Shown
from edge_agent.model.agenda import Agenda
from edge_agent.model.quality import Flag
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from edge_agent.analyze.limit import LimitAlarm
    from edge_agent.analyze.point import Point
    from edge_agent.analyze.register import AlarmRegister
    from edge_agent.model.quality import Layout
    from edge_agent.model.readings import Reading
    from edge_agent.model.time import Moment

_SUSPECT = int(Flag.SUSPECT)


class LimitAlarms:
    """Raises and clears the alarms of limits; keeps account of the sensors whose delays run, or that are in doubt.

    Time changes only what is on its agenda.
    """

    def __init__(self, register: AlarmRegister, layout: Layout) -> None:
        self._register, self._layout = register, layout
        self.pending: dict[Point, None] = {}  # points with a running delay; ordered, so that replays agree
        self._moved: dict[Point, None] = {}  # whose delays began or ended since they were taken
        self._agenda: Agenda[Point] = Agenda()  # what time alone may change
        self._doubts: dict[Point, frozenset[str]] = {}  # the doubted alarms of points with readings beyond a limit
        self._doubted: frozenset[str] | None = frozenset()  # all of them; None where that is to be worked out anew

    def __repr__(self) -> str:
        return f"LimitAlarms({len(self.pending)} sensors with running delays, {len(self.doubted)} alarms doubted)"

    @property
    def doubted(self) -> frozenset[str]:
        """The alarms, by name, that are not active and would be if suspect readings counted; as of the last `tick`."""
        if self._doubted is None:
            self._doubted = frozenset().union(*self._doubts.values())
        return self._doubted

    def next_seconds(self) -> float:
        """Return the monotonic time at which something changes though nothing is heard; infinite where nothing does."""
        return self._agenda.next_seconds()

    def take_moved(self) -> Collection[Point]:
        """Return the sensors whose delays have begun or ended, or come to something, since the last time."""
        if not self._moved:
            return ()
        moved, self._moved = self._moved, {}
        return moved

    def renew(self, points: Iterable[Point], now: Moment) -> None:
        """Go on with the sensors of a changed plant."""
        self.pending, self._moved, self._doubts, self._doubted, self._agenda = {}, {}, {}, None, Agenda()
        for point in points:
            self.file(point, now)

    def compare(self, point: Point, reading: Reading, now: Moment) -> None:
        """Compare a good reading with the limits of its sensor."""
        point.bridge(now)
        at = min(reading.observed_at, reading.received_at + reading.ahead) / MICROSECONDS
        for limit in point.limits.values():
            if limit.update(reading.value, now.seconds, at):
                self._conclude(point, limit, now)
        self.file(point, now)

    def file(self, point: Point, now: Moment) -> None:
        """Keep account of running delays, of doubt, of when to look again, and of the values that change nothing."""
        point.rest(now.seconds)
        if point.pending:
            self.pending[point] = self._moved[point] = None
        elif point in self.pending:
            del self.pending[point]
            self._moved[point] = None
        if point.doubting or point in self._doubts:
            self._weigh(point, now)
        if point.pending or point.doubting:
            self._agenda.put(point)

    def doubt(self, point: Point, reading: Reading, now: Moment) -> None:
        """Note a reading that is not good: a suspect one may be beyond a limit all the same."""
        point.bridge(now)
        point.heard_seconds = now.seconds
        for limit in point.limits.values():
            limit.doubt(reading.value, now.seconds, suspect=reading.flag == _SUSPECT)
        self.file(point, now)

    def tick(self, now: Moment) -> None:
        """Complete the delays that are over, of those sensors that are still trusted, and end what silence ends."""
        for point in self._agenda.take(now.seconds):
            point.bridge(now)
            if point.trusted and not point.stale:
                for limit in point.limits.values():
                    if limit.pending:
                        self._conclude(point, limit, now)
            self.file(point, now)

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

    def _weigh(self, point: Point, now: Moment) -> None:
        """Keep account of the alarms that doubt would raise."""
        limits = point.limits.values()
        found = frozenset(str(point.key(limit.name)) for limit in limits if limit.is_doubted(now.seconds))
        if found != self._doubts.get(point, frozenset()):
            self._doubted = None
        if point.doubting:
            self._doubts[point] = found
        else:
            self._doubts.pop(point, None)
