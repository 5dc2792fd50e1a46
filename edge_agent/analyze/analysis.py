"""The second phase: judged readings and the passing of time become alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.analyze import wording
from edge_agent.analyze.conditions import Conditions
from edge_agent.analyze.delays import Delays
from edge_agent.analyze.limitalarms import LimitAlarms
from edge_agent.analyze.points import Points
from edge_agent.analyze.proof import culprit, evidence
from edge_agent.analyze.register import AlarmRegister, Shown
from edge_agent.analyze.unheeded import Unheeded, is_ahead
from edge_agent.model.alarms import AGENT, AlarmKey
from edge_agent.model.plant import BAD_QUALITY, OFFLINE, STALE, STORE_RENEWED
from edge_agent.model.quality import Flag
from edge_agent.model.revision import by_sensor
from edge_agent.model.titles import title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.analyze.heard import Changes, Heard
    from edge_agent.analyze.point import Point
    from edge_agent.model.alarms import Alarm
    from edge_agent.model.plant import Plant, Sensor, Threshold
    from edge_agent.model.quality import Layout
    from edge_agent.model.readings import Reading
    from edge_agent.model.remembered import DelayMemory, StoredReading
    from edge_agent.model.time import Moment

#: A single suspect reading is noise, as many in a row are a sensor that cannot be trusted. A fail needs no company.
SUSPECTS_IN_A_ROW = 3
_STORE = AlarmKey(AGENT, "", STORE_RENEWED)
_GOOD, _NOT_EVALUATED, _SUSPECT, _FAIL = map(int, (Flag.GOOD, Flag.NOT_EVALUATED, Flag.SUSPECT, Flag.FAIL))


class Analyzer:
    """The alarms of one plant. Only good readings that are not late move the limits."""

    def __init__(
        self,
        plant: Plant,
        thresholds: Iterable[Threshold],
        remembered: Iterable[Alarm],
        now: Moment,
        *,
        layout: Layout,
    ) -> None:
        self._layout = layout  # names the flags of readings
        self.register = AlarmRegister(remembered)
        self.conditions = Conditions(self.register, plant)
        self._points = Points(plant)
        self._limits = LimitAlarms(self.register, layout)
        self._delays = Delays(())
        self.adopt(thresholds, now)
        for alarm in self.register.alarms:
            if alarm.key == _STORE:
                self.register.clear(alarm.key, now, "the agent has started again with a sound store")
            elif not alarm.active:
                self.register.settle(alarm.key)
            elif not self._resume(alarm, plant):
                self.register.clear(alarm.key, now, f"{alarm.key} is no longer part of the plant")

    def __repr__(self) -> str:
        return f"Analyzer({self._points!r}, {len(self.register.active)} active alarms)"

    def reindex(self) -> None:
        """Find points by the identity of their sensors, which are objects of their own after a recorded beginning."""
        self._points.reindex()

    def _resume(self, alarm: Alarm, plant: Plant) -> bool:
        """Resume an alarm of a former run. Return whether there is still such an alarm."""
        key = alarm.key
        if self.conditions.owns(key):
            return True
        if not key.sensor:
            return key.node in plant.nodes
        return self._points.resume(alarm)

    def recall(self, readings: Iterable[StoredReading], delays: Iterable[DelayMemory], now: Moment) -> None:
        """Resume the delays that ran when a former run ended, as far as its last readings prove them.

        `delays` say since when they run where that is longer. Only a good reading of this run can complete them.
        `readings` are none where nobody knows how long the silence between was.
        """
        self._delays = Delays(delays)
        for point in self._points.recall(readings, now):
            self._delays.resume(point, now)
            self._limits.file(point, now)

    def take_delays(self, now: Moment) -> list[DelayMemory]:
        """Return what has changed of the running delays that a restart must know."""
        return list(self._delays.look(self._limits.take_moved(), self._limits.pending, now))

    def delays(self) -> list[DelayMemory]:
        """Return the running delays that a restart must know."""
        return self._delays.memories()

    @property
    def doubted(self) -> frozenset[str]:
        """The alarms, by name, that are not active and would be if suspect readings counted; as of the last `tick`."""
        return self._limits.doubted

    def next_seconds(self) -> float:
        """Return the monotonic time at which something changes though nothing is heard; infinite where nothing does."""
        return min(self._limits.next_seconds(), self.register.next_seconds())

    def good_seconds(self, sensor: str) -> float | None:
        """Return the monotonic time at which the last good reading of a sensor was taken; None before the first.

        What a former run took counts for nothing.
        """
        point = self._points.named(sensor)
        return None if point is None else point.good_seconds

    def newest_good(self, sensor: str) -> Reading | None:
        """Return the last good reading of a sensor in this run; None before the first."""
        point = self._points.named(sensor)
        return None if point is None or point.good_seconds is None else point.last_good

    def shows(self, sensor: str) -> tuple[float | None, float | None, str]:
        """Return the last good value of a sensor in this run, a suspect one that came after it, and the unit."""
        point = self._points.named(sensor)
        if point is None:
            return None, None, ""
        good = point.last_good if point.good_seconds is not None else None
        return None if good is None else good.value, point.doubtful, point.sensor.unit

    def against(self, alarm: str) -> tuple[Sensor, Threshold, float] | None:
        """Return sensor, threshold and last good value of a limit; None of another alarm, or one not known now."""
        name, _, threshold = alarm.rpartition(":")
        point, reading = self._points.named(name), self.trusted(name)
        limit = None if point is None else point.limits.get(threshold)
        if limit is None or reading is None or not limit.measure.is_value:
            return None
        return reading.sensor, limit.threshold, reading.value

    def trusted(self, sensor: str) -> Reading | None:
        """Return the last good reading of a sensor; None where a later one is not good, or it is stale."""
        point = self._points.named(sensor)
        return None if point is None or not point.trusted or point.stale else point.last_good

    def thresholds(self, sensors: int) -> Iterator[list[Threshold]]:
        """Yield the thresholds in force, those of so many sensors at a time."""
        return self._points.thresholds(sensors)

    def adopt(self, thresholds: Iterable[Threshold], now: Moment) -> None:
        """Put thresholds in force, and no others."""
        wanted = by_sensor(thresholds)
        self.revise({point.sensor.name: wanted.get(point.sensor.name, ()) for point in self._points}, now)

    def revise(self, limits: Mapping[str, Iterable[Threshold]], now: Moment) -> None:
        """Put changed limits of some sensors in force at once: compare the last good value of each anew."""
        for point, removed in self._points.revise(limits):
            for name in removed:
                what = "is another one now" if name in point.limits else "was removed"
                self.register.retire(point.key(name), now, f"threshold {name} {what}")
                self._delays.look_at_all()
            if point.last_good is not None and point.trusted and not point.stale:
                self._limits.compare(point, point.last_good, now)
            else:
                self._limits.file(point, now)

    def renew(self, plant: Plant, thresholds: Iterable[Threshold], now: Moment) -> None:
        """Go on with a changed plant: what stays keeps its state, the alarms of what does not are cleared."""
        lost = self._points.renew(plant)
        self._limits.renew(self._points, now)
        self._delays.look_at_all()
        self.conditions.adopt(plant)
        for alarm in self.register.alarms:
            key = alarm.key
            place = f"{key.node}/{key.sensor}"
            if key.node != AGENT and (place in lost if key.sensor else key.node not in plant.nodes):
                self.register.clear(key, now, f"{key} is no longer part of the plant")
        self.adopt(thresholds, now)

    def analyze(self, heard: Heard, now: Moment) -> Changes:
        """Raise and clear alarms by what was heard and the time that passed; return what happened to them."""
        self.revise(heard.limits, now)
        self.read(heard.judged, now)
        self.silent(heard.silent, now)
        for node, online in heard.statuses:
            self._node_status(AlarmKey(node, "", OFFLINE), now, online=online)
        for detail in heard.renewals:  # an alarm until the next start, whoever acknowledges it
            self.register.raise_(_STORE, "high", now, f"the store was damaged and begun anew: {detail}")
        self.tick(now)
        return self.register.take_changes()

    def read(self, judged: Iterable[tuple[Reading, str]], now: Moment) -> None:
        """Compare the settled readings of a turn with the limits, in order, each with its topic."""
        points = self._points.by_sensor
        for reading, topic in judged:
            point = points[id(reading.sensor)]
            if reading.late:
                self._leave(point, reading, topic, now)
                continue
            if point.stale:
                point.stale, point.unheeded = False, None
                self.register.clear(point.key(STALE), now, f"{title(point.sensor)} is heard again", reading.value)
            if reading.flag != _GOOD:
                self._doubt(point, reading, topic, now)
                continue
            if point.bad_in_a_row:
                self._trust_again(point, reading, now)
            point.last_good, point.topic, point.trusted, point.doubtful = reading, topic, True, None
            if not point.lowest <= reading.value <= point.highest:
                self._limits.compare(point, reading, now)
            point.good_seconds = now.seconds

    def _leave(self, point: Point, reading: Reading, topic: str, now: Moment) -> None:
        """Note a late reading: it moves nothing, but it tells that its sensor is heard and its clock is wrong."""
        unheeded = point.unheeded = point.unheeded or Unheeded()
        sensor = point.sensor
        if not unheeded.take(reading, now.seconds, point.good_seconds):
            return
        key = point.key(BAD_QUALITY)
        if is_ahead(reading) and unheeded.count >= SUSPECTS_IN_A_ROW and not self.register.is_active(key):
            point.bad_in_a_row = point.bad_in_a_row or 1  # the next good one ends the alarm
            shown = Shown.of(evidence(reading, topic, self._layout))
            self.register.raise_(key, "medium", now, unheeded.sentence(sensor.name), shown)
        if point.stale and not unheeded.named and now.seconds - unheeded.since_seconds > sensor.late_seconds:
            self.silent([sensor], now)  # it has come back with a wrong clock

    def _doubt(self, point: Point, reading: Reading, topic: str, now: Moment) -> None:
        point.trusted = False
        point.doubtful = reading.value if reading.flag == _SUSPECT else None
        point.bad_in_a_row += reading.flag != _NOT_EVALUATED  # a window that is not full yet is nothing bad
        self._limits.doubt(point, reading, now)
        key = point.key(BAD_QUALITY)
        enough = reading.flag == _FAIL or point.bad_in_a_row >= SUSPECTS_IN_A_ROW
        if enough and not self.register.is_active(key):
            accused = culprit(reading, self._layout)
            shown = Shown.of(evidence(accused, topic, self._layout))
            self.register.raise_(key, "medium", now, wording.bad(accused, self._layout.unpack(accused.tests)), shown)

    def _trust_again(self, point: Point, reading: Reading, now: Moment) -> None:
        point.bad_in_a_row = 0
        self.register.clear(point.key(BAD_QUALITY), now, f"{title(point.sensor)} is good again", reading.value)

    def silent(self, sensors: Iterable[Sensor], now: Moment) -> None:
        """Raise the alarm of the sensors that went stale."""
        for sensor in sensors:
            point = self._points.of(sensor)
            point.stale = True
            point.restart()
            self._limits.file(point, now)
            late, unheeded = sensor.late_seconds, point.unheeded
            reason = wording.silent(sensor)
            if unheeded is not None and unheeded.heard_within(late, now.seconds):
                reason, unheeded.named = unheeded.sentence(sensor.name), True
            elif self.register.is_active(point.key(STALE)):
                continue
            if not self.register.reword(point.key(STALE), reason):
                self.register.raise_(point.key(STALE), "medium", now, reason)

    def _node_status(self, key: AlarmKey, now: Moment, *, online: bool) -> None:
        """Raise or clear the alarm of a node by what it, or its last will, says of itself."""
        if online:
            self.register.clear(key, now, f"{key.node} is online again")
        elif not self.register.is_active(key):
            self.register.raise_(key, "high", now, f"{key.node} is offline")

    def tick(self, now: Moment) -> None:
        """Complete the delays of those sensors that are still trusted."""
        self._limits.tick(now)
        self.register.tick(now)
