"""The second phase: judged readings and the passing of time become alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.analyze import wording
from edge_agent.analyze.conditions import Conditions
from edge_agent.analyze.limit import LimitAlarm
from edge_agent.analyze.point import Point
from edge_agent.analyze.proof import culprit, proving
from edge_agent.analyze.register import AlarmRegister
from edge_agent.analyze.unheeded import Unheeded, is_ahead
from edge_agent.model.alarms import AGENT, AlarmKey, Evidence
from edge_agent.model.plant import BAD_QUALITY, OFFLINE, STALE, STORE_RENEWED
from edge_agent.model.quality import Flag, flag_name, unpack_tests
from edge_agent.model.revision import by_sensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.plant import Plant, Sensor, Threshold
    from edge_agent.model.readings import Reading
    from edge_agent.model.remembered import StoredReading
    from edge_agent.model.time import Moment

#: A single suspect reading is noise, as many in a row are a sensor that cannot be trusted. A fail needs no company.
SUSPECTS_IN_A_ROW = 3
_STORE = AlarmKey(AGENT, "", STORE_RENEWED)
_GOOD, _SUSPECT, _FAIL = int(Flag.GOOD), int(Flag.SUSPECT), int(Flag.FAIL)


class Analyzer:
    """Drives the alarms of one plant. Only good readings that are not late move the limits."""

    def __init__(self, plant: Plant, thresholds: Iterable[Threshold], remembered: Iterable[Alarm], now: Moment) -> None:
        self.register = AlarmRegister(remembered)
        self.conditions = Conditions(self.register, plant)
        self._points = {sensor.name: Point(sensor) for sensor in plant.sensors}
        self.reindex()
        self._pending: dict[Point, None] = {}  # points with a running delay; ordered, so that replays agree
        self._doubting: dict[Point, None] = {}  # points whose suspect readings are beyond a limit
        self._doubted: frozenset[str] = frozenset()
        self.adopt(thresholds, now)
        for alarm in self.register.alarms:
            if alarm.key == _STORE:
                self.register.clear(alarm.key, now, "the agent has started again with a sound store")
            elif not alarm.active:
                self.register.settle(alarm.key)
            elif not self._resume(alarm.key, plant):
                self.register.clear(alarm.key, now, f"{alarm.key} is no longer part of the plant")

    def reindex(self) -> None:
        """Find points by the identity of their sensors, which are objects of their own after a recorded beginning."""
        # A sensor is one object for as long as the plant is: its id finds the point without hashing its members.
        self._by_sensor = {id(point.sensor): point for point in self._points.values()}

    def _resume(self, key: AlarmKey, plant: Plant) -> bool:
        """Take up an alarm of a former run. Returns whether there is still such an alarm."""
        if self.conditions.owns(key):
            return True
        if not key.sensor:
            return key.node in plant.nodes
        point, threshold = self._points.get(f"{key.node}/{key.sensor}"), key.threshold
        if point is None or threshold not in {STALE, BAD_QUALITY, *point.limits}:
            return False
        if threshold == STALE:
            point.stale = True
        elif threshold == BAD_QUALITY:
            point.bad_in_a_row = 1
        else:
            point.limits[threshold].remember()
        point.rest()
        return True

    def recall(self, readings: Iterable[StoredReading], now: Moment) -> None:
        """Take up the delays that ran when a former run ended, as far as its last readings prove them.

        Only a good reading of this run can complete them. `readings` are none where nobody knows how long the silence
        between was.
        """
        held: dict[str, list[StoredReading]] = {}
        for stored in readings:
            held.setdefault(f"{stored.node}/{stored.sensor}", []).append(stored)
        for name, point in self._points.items():
            proved = [] if point.stale or point.bad_in_a_row else proving(held.get(name, []), point.sensor, now)
            for stored in proved:
                point.heard_seconds = now.seconds_at(stored.received_at)
                for limit in point.limits.values():
                    limit.update(stored.value, point.heard_seconds)
            if proved:
                self._file(point)

    @property
    def doubted(self) -> frozenset[str]:
        """The alarms, by name, that are not active and would be if suspect readings counted; as of the last `tick`."""
        return self._doubted

    def good_seconds(self, sensor: str) -> float | None:
        """Return the monotonic time at which the last good reading of a sensor was taken; None before the first.

        What a former run took counts for nothing.
        """
        point = self._points.get(sensor)
        return None if point is None else point.good_seconds

    def against(self, alarm: str) -> tuple[Sensor, Threshold, float] | None:
        """Return sensor, threshold and last good value of a limit; None of another alarm, or one not trusted now."""
        name, _, threshold = alarm.rpartition(":")
        point = self._points.get(name)
        limit = None if point is None else point.limits.get(threshold)
        if point is None or limit is None or point.last_good is None or not point.trusted or point.stale:
            return None
        return point.sensor, limit.threshold, point.last_good.value

    def thresholds(self, sensors: int) -> Iterator[list[Threshold]]:
        """Yield the thresholds in force, those of so many sensors at a time."""
        points = tuple(self._points.values())
        for first in range(0, len(points), sensors):
            some = points[first : first + sensors]
            yield [limit.threshold for point in some for limit in point.limits.values()]

    def adopt(self, thresholds: Iterable[Threshold], now: Moment) -> None:
        """Put thresholds in force, and no others."""
        wanted = by_sensor(thresholds)
        self.revise({name: wanted.get(name, ()) for name in self._points}, now)

    def revise(self, limits: Mapping[str, Iterable[Threshold]], now: Moment) -> None:
        """Put changed limits of some sensors in force at once: the last good value of each is looked at anew."""
        for sensor, thresholds in limits.items():
            point = self._points.get(sensor)
            if point is None:
                continue
            before = tuple(point.limits)
            if not self._equip(point, {threshold.name: threshold for threshold in thresholds}):
                continue
            for name in before:  # no set: its order is another in each process
                if name not in point.limits:
                    self.register.clear(_key(point, name), now, f"threshold {name} was removed")
            if point.last_good is not None and point.trusted and not point.stale:
                self._compare(point, point.last_good, now)

    @staticmethod
    def _equip(point: Point, wanted: Mapping[str, Threshold]) -> bool:
        """Give a point its limits; return whether they are others than before."""
        if {name: limit.threshold for name, limit in point.limits.items()} == wanted:
            return False
        kept = point.limits
        point.limits = {}
        for name, threshold in wanted.items():
            limit = kept.get(name)
            if limit is None:
                limit = LimitAlarm(threshold)
            else:
                limit.adopt(threshold)
            point.limits[name] = limit
        point.rest()
        return True

    def renew(self, plant: Plant, thresholds: Iterable[Threshold], now: Moment) -> None:
        """Go on with a changed plant: what stays keeps its state, the alarms of what does not are cleared."""
        before, self._points = self._points, {}
        for sensor in plant.sensors:
            known = before.get(sensor.name)
            point = known if known is not None and known.sensor is sensor else Point(sensor)
            if known is not None and point is not known and _goes_on(known, point):
                point.succeed(known)
            self._points[sensor.name] = point
        self.reindex()
        self._pending, self._doubting = {}, {}
        for point in self._points.values():
            self._file(point)
        self.conditions.adopt(plant)
        lost = {name for name, point in before.items() if not _goes_on(point, self._points.get(name))}
        for alarm in self.register.alarms:
            key = alarm.key
            place = f"{key.node}/{key.sensor}"
            if key.node != AGENT and (place in lost if key.sensor else key.node not in plant.nodes):
                self.register.clear(key, now, f"{key} is no longer part of the plant")
        self.adopt(thresholds, now)

    def read(self, judged: Iterable[tuple[Reading, str]], now: Moment) -> None:
        """Take the settled readings of a turn, in order, each with its topic."""
        points = self._by_sensor
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
            reason, evidence = unheeded.sentence(sensor.name), _evidence(reading, topic)
            self.register.raise_(key, "medium", now, reason, evidence=evidence)
        if point.stale and not unheeded.named and now.seconds - unheeded.since_seconds > sensor.late_seconds:
            self.silent([sensor], now)  # it has come back with a wrong clock

    def _compare(self, point: Point, reading: Reading, now: Moment) -> None:
        point.bridge(now)
        for limit in point.limits.values():
            if limit.update(reading.value, now.seconds):
                self._conclude(point, limit, now)
        self._file(point)

    def _file(self, point: Point) -> None:
        """Keep account of whether a delay is running, of doubt, and of the values that change nothing."""
        if any(limit.doubting for limit in point.limits.values()):
            self._doubting[point] = None
        if any(limit.pending for limit in point.limits.values()):
            self._pending[point] = None
        else:
            self._pending.pop(point, None)
        point.rest()

    def _conclude(self, point: Point, limit: LimitAlarm, now: Moment) -> None:
        """Raise or clear where the delay is over."""
        reading, sensor, threshold = point.last_good, point.sensor, limit.threshold
        if reading is None or not limit.due(now.seconds):
            return
        key = _key(point, limit.name)
        if limit.active:
            reason = wording.beyond(sensor, threshold, reading.value)
            evidence = _evidence(reading, point.topic)
            self.register.raise_(key, threshold.priority, now, reason, limit=threshold.limit, evidence=evidence)
        else:
            self.register.clear(key, now, wording.back(sensor, threshold, reading.value), reading.value)

    def _doubt(self, point: Point, reading: Reading, topic: str, now: Moment) -> None:
        point.trusted = False
        point.bad_in_a_row += 1
        point.bridge(now)
        point.heard_seconds = now.seconds
        for limit in point.limits.values():
            limit.doubt(reading.value, now.seconds, suspect=reading.flag == _SUSPECT)
        self._file(point)
        key = _key(point, BAD_QUALITY)
        enough = reading.flag == _FAIL or point.bad_in_a_row >= SUSPECTS_IN_A_ROW
        if enough and not self.register.is_active(key):
            accused = culprit(reading)
            evidence = _evidence(accused, topic)
            self.register.raise_(key, "medium", now, wording.bad(accused), evidence=evidence)

    def _trust_again(self, point: Point, reading: Reading, now: Moment) -> None:
        point.bad_in_a_row = 0
        self.register.clear(_key(point, BAD_QUALITY), now, f"{point.sensor.name} is good again", reading.value)

    def silent(self, sensors: Iterable[Sensor], now: Moment) -> None:
        """Take the sensors that went stale."""
        for sensor in sensors:
            point = self._by_sensor[id(sensor)]
            point.stale = True
            point.restart()
            self._file(point)
            late, unheeded = sensor.late_seconds, point.unheeded
            reason = f"{sensor.name} has not been heard for {late:g} s"
            if unheeded is not None and unheeded.heard_within(late, now.seconds):
                reason, unheeded.named = unheeded.sentence(sensor.name), True
            elif self.register.is_active(_key(point, STALE)):
                continue
            if not self.register.reword(_key(point, STALE), reason):
                self.register.raise_(_key(point, STALE), "medium", now, reason)

    def node_status(self, node: str, online: bool, now: Moment) -> None:  # noqa: FBT001  # the pair is the message
        """Take what a node, or its last will, says of itself."""
        key = AlarmKey(node, "", OFFLINE)
        if online:
            self.register.clear(key, now, f"{node} is online again")
        elif not self.register.is_active(key):
            self.register.raise_(key, "high", now, f"{node} is offline")

    def store_renewed(self, detail: str, now: Moment) -> None:
        """Take word that the store was begun anew. It stays an alarm until the next start, whoever acknowledges it."""
        self.register.raise_(_STORE, "high", now, f"the store was damaged and begun anew: {detail}")

    def tick(self, now: Moment) -> None:
        """Let time pass: complete the delays of those sensors that are still trusted."""
        for point in list(self._pending):
            if point.trusted and not point.stale:
                point.bridge(now)
                for limit in point.limits.values():
                    if limit.pending:
                        self._conclude(point, limit, now)
                self._file(point)
        if self._doubting or self._doubted:
            self._weigh_doubts(now)
        self.register.tick(now)

    def _weigh_doubts(self, now: Moment) -> None:
        doubted = set()
        for point in list(self._doubting):
            point.bridge(now)
            if not any(limit.doubting for limit in point.limits.values()):
                del self._doubting[point]
                self._file(point)
            doubted |= {str(_key(point, one.name)) for one in point.limits.values() if one.is_doubted(now.seconds)}
        self._doubted = frozenset(doubted)


def _goes_on(before: Point, after: Point | None) -> bool:
    """Whether a sensor that was declared anew measures the same as before."""
    return after is not None and (before.sensor.quantity, before.sensor.unit) == (
        after.sensor.quantity,
        after.sensor.unit,
    )


def _key(point: Point, threshold: str) -> AlarmKey:
    return AlarmKey(point.sensor.node, point.sensor.id, threshold)


def _evidence(reading: Reading, topic: str) -> Evidence:
    return Evidence(
        topic,
        reading.value,
        reading.sensor.unit,
        flag_name(reading.flag),
        unpack_tests(reading.tests),
        reading.observed_at,
        reading.received_at,
        reading.seq,
    )
