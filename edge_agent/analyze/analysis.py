"""The second phase: judged readings and the passing of time become alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.analyze import wording
from edge_agent.analyze.conditions import Conditions
from edge_agent.analyze.delays import Delays
from edge_agent.analyze.points import Points
from edge_agent.analyze.proof import culprit
from edge_agent.analyze.register import AlarmRegister, Shown
from edge_agent.analyze.unheeded import Unheeded, is_ahead
from edge_agent.model.agenda import Agenda
from edge_agent.model.alarms import AGENT, AlarmKey, Evidence
from edge_agent.model.plant import BAD_QUALITY, OFFLINE, STALE, STORE_RENEWED
from edge_agent.model.quality import Flag, flag_name
from edge_agent.model.revision import by_sensor
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.analyze.heard import Changes, Heard
    from edge_agent.analyze.limit import LimitAlarm
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
_GOOD, _SUSPECT, _FAIL = int(Flag.GOOD), int(Flag.SUSPECT), int(Flag.FAIL)


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
        self._agenda: Agenda[Point] = Agenda()  # what time alone may change
        self._pending: dict[Point, None] = {}  # points with a running delay; ordered, so that replays agree
        self._moved: dict[Point, None] = {}  # whose delays began or ended since they were taken
        self._doubts: dict[Point, frozenset[str]] = {}  # by point the alarms that doubt would raise
        self._doubted: frozenset[str] | None = frozenset()  # all of them; None where that is to be worked out anew
        self._delays = Delays(())
        self.adopt(thresholds, now)
        for alarm in self.register.alarms:
            if alarm.key == _STORE:
                self.register.clear(alarm.key, now, "the agent has started again with a sound store")
            elif not alarm.active:
                self.register.settle(alarm.key)
            elif not self._resume(alarm.key, plant):
                self.register.clear(alarm.key, now, f"{alarm.key} is no longer part of the plant")

    def __repr__(self) -> str:
        return f"Analyzer({self._points!r}, {len(self.register.active)} active alarms)"

    def reindex(self) -> None:
        """Find points by the identity of their sensors, which are objects of their own after a recorded beginning."""
        self._points.reindex()

    def _resume(self, key: AlarmKey, plant: Plant) -> bool:
        """Resume an alarm of a former run. Return whether there is still such an alarm."""
        if self.conditions.owns(key):
            return True
        if not key.sensor:
            return key.node in plant.nodes
        return self._points.resume(key)

    def recall(self, readings: Iterable[StoredReading], delays: Iterable[DelayMemory], now: Moment) -> None:
        """Resume the delays that ran when a former run ended, as far as its last readings prove them.

        `delays` say since when they run where that is longer. Only a good reading of this run can complete them.
        `readings` are none where nobody knows how long the silence between was.
        """
        self._delays = Delays(delays)
        for point in self._points.recall(readings, now):
            self._delays.resume(point, now)
            self._file(point, now)

    def take_delays(self, now: Moment) -> list[DelayMemory]:
        """Return what has changed of the running delays that a restart must know."""
        moved, self._moved = self._moved, {}
        return list(self._delays.look(moved, self._pending, now))

    def delays(self) -> list[DelayMemory]:
        """Return the running delays that a restart must know."""
        return self._delays.memories()

    @property
    def doubted(self) -> frozenset[str]:
        """The alarms, by name, that are not active and would be if suspect readings counted; as of the last `tick`."""
        if self._doubted is None:
            self._doubted = frozenset().union(*self._doubts.values())
        return self._doubted

    def next_seconds(self) -> float:
        """Return the monotonic time at which something changes though nothing is heard; infinite where nothing does."""
        return min(self._agenda.next_seconds(), self.register.next_seconds())

    def good_seconds(self, sensor: str) -> float | None:
        """Return the monotonic time at which the last good reading of a sensor was taken; None before the first.

        What a former run took counts for nothing.
        """
        point = self._points.named(sensor)
        return None if point is None else point.good_seconds

    def against(self, alarm: str) -> tuple[Sensor, Threshold, float] | None:
        """Return sensor, threshold and last good value of a limit; None of another alarm, or one not known now."""
        name, _, threshold = alarm.rpartition(":")
        point = self._points.named(name)
        limit = None if point is None else point.limits.get(threshold)
        if point is None or limit is None or point.last_good is None or not point.trusted or point.stale:
            return None
        if not limit.measure.is_value:
            return None
        return point.sensor, limit.threshold, point.last_good.value

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
                self.register.clear(_key(point, name), now, f"threshold {name} was removed")
                self._delays.look_at_all()
            if point.last_good is not None and point.trusted and not point.stale:
                self._compare(point, point.last_good, now)
            else:
                self._file(point, now)

    def renew(self, plant: Plant, thresholds: Iterable[Threshold], now: Moment) -> None:
        """Go on with a changed plant: what stays keeps its state, the alarms of what does not are cleared."""
        lost = self._points.renew(plant)
        self._agenda, self._pending, self._moved, self._doubts, self._doubted = Agenda(), {}, {}, {}, None
        self._delays.look_at_all()
        for point in self._points:
            self._file(point, now)
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
                self.register.clear(_key(point, STALE), now, f"{point.sensor.name} is heard again", reading.value)
            if reading.flag != _GOOD:
                self._doubt(point, reading, topic, now)
                continue
            if point.bad_in_a_row:
                self._trust_again(point, reading, now)
            point.last_good, point.topic, point.trusted = reading, topic, True
            if not point.lowest <= reading.value <= point.highest:
                self._compare(point, reading, now)
            point.good_seconds = now.seconds

    def _leave(self, point: Point, reading: Reading, topic: str, now: Moment) -> None:
        """Note a late reading: it moves nothing, but it tells that its sensor is heard and its clock is wrong."""
        unheeded = point.unheeded = point.unheeded or Unheeded()
        sensor = point.sensor
        if not unheeded.take(reading, now.seconds, point.good_seconds):
            return
        key = _key(point, BAD_QUALITY)
        if is_ahead(reading) and unheeded.count >= SUSPECTS_IN_A_ROW and not self.register.is_active(key):
            point.bad_in_a_row = point.bad_in_a_row or 1  # the next good one ends the alarm
            reason, evidence = unheeded.sentence(sensor.name), self._evidence(reading, topic)
            self.register.raise_(key, "medium", now, reason, Shown.of(evidence))
        if point.stale and not unheeded.named and now.seconds - unheeded.since_seconds > sensor.late_seconds:
            self.silent([sensor], now)  # it has come back with a wrong clock

    def _compare(self, point: Point, reading: Reading, now: Moment) -> None:
        point.bridge(now)
        at = min(reading.observed_at, reading.received_at + reading.ahead) / MICROSECONDS
        for limit in point.limits.values():
            if limit.update(reading.value, now.seconds, at):
                self._conclude(point, limit, now)
        self._file(point, now)

    def _file(self, point: Point, now: Moment) -> None:
        """Keep account of running delays, of doubt, of when to look again, and of the values that change nothing."""
        point.rest(now.seconds)
        if point.pending:
            self._pending[point] = self._moved[point] = None
        elif point in self._pending:
            del self._pending[point]
            self._moved[point] = None
        if point.doubting or point in self._doubts:
            self._weigh(point, now)
        if point.pending or point.doubting:
            self._agenda.put(point)

    def _weigh(self, point: Point, now: Moment) -> None:
        """Keep account of the alarms that doubt would raise."""
        found = frozenset(str(_key(point, each.name)) for each in point.limits.values() if each.is_doubted(now.seconds))
        if found != self._doubts.get(point, frozenset()):
            self._doubted = None
        if point.doubting:
            self._doubts[point] = found
        else:
            self._doubts.pop(point, None)

    def _conclude(self, point: Point, limit: LimitAlarm, now: Moment) -> None:
        """Raise or clear where the delay is over."""
        reading = point.last_good
        if reading is None or not limit.due(now.seconds):
            return
        key, sensor, threshold = _key(point, limit.name), point.sensor, limit.threshold
        if limit.active:
            shown = Shown(limit.figure, threshold.limit, limit.measure.unit(sensor.unit))
            evidence = self._evidence(reading, point.topic)
            reason = wording.beyond(sensor, limit)
            self.register.raise_(key, threshold.priority, now, reason, shown._replace(evidence=evidence))
        else:
            self.register.clear(key, now, wording.back(sensor, limit), limit.figure)

    def _doubt(self, point: Point, reading: Reading, topic: str, now: Moment) -> None:
        point.trusted = False
        point.bad_in_a_row += 1
        point.bridge(now)
        point.heard_seconds = now.seconds
        for limit in point.limits.values():
            limit.doubt(reading.value, now.seconds, suspect=reading.flag == _SUSPECT)
        self._file(point, now)
        key = _key(point, BAD_QUALITY)
        enough = reading.flag == _FAIL or point.bad_in_a_row >= SUSPECTS_IN_A_ROW
        if enough and not self.register.is_active(key):
            accused = culprit(reading, self._layout)
            evidence = self._evidence(accused, topic)
            self.register.raise_(key, "medium", now, wording.bad(accused, evidence.tests), Shown.of(evidence))

    def _trust_again(self, point: Point, reading: Reading, now: Moment) -> None:
        point.bad_in_a_row = 0
        self.register.clear(_key(point, BAD_QUALITY), now, f"{point.sensor.name} is good again", reading.value)

    def silent(self, sensors: Iterable[Sensor], now: Moment) -> None:
        """Raise the alarm of the sensors that went stale."""
        for sensor in sensors:
            point = self._points.of(sensor)
            point.stale = True
            point.restart()
            self._file(point, now)
            late, unheeded = sensor.late_seconds, point.unheeded
            reason = f"{sensor.name} has not been heard for {late:g} s"
            if unheeded is not None and unheeded.heard_within(late, now.seconds):
                reason, unheeded.named = unheeded.sentence(sensor.name), True
            elif self.register.is_active(_key(point, STALE)):
                continue
            if not self.register.reword(_key(point, STALE), reason):
                self.register.raise_(_key(point, STALE), "medium", now, reason)

    def _node_status(self, key: AlarmKey, now: Moment, *, online: bool) -> None:
        """Raise or clear the alarm of a node by what it, or its last will, says of itself."""
        if online:
            self.register.clear(key, now, f"{key.node} is online again")
        elif not self.register.is_active(key):
            self.register.raise_(key, "high", now, f"{key.node} is offline")

    def tick(self, now: Moment) -> None:
        """Complete the delays that are over, of those sensors that are still trusted, and end what silence ends."""
        for point in self._agenda.take(now.seconds):
            point.bridge(now)
            if point.trusted and not point.stale:
                for limit in point.limits.values():
                    if limit.pending:
                        self._conclude(point, limit, now)
            self._file(point, now)
        self.register.tick(now)

    def _evidence(self, reading: Reading, topic: str) -> Evidence:
        return Evidence(
            topic,
            reading.value,
            reading.sensor.unit,
            flag_name(reading.flag),
            self._layout.unpack(reading.tests),
            reading.observed_at,
            reading.received_at,
            reading.seq,
        )


def _key(point: Point, threshold: str) -> AlarmKey:
    return AlarmKey(point.sensor.node, point.sensor.id, threshold)
