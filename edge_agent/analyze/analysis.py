"""The second phase: judged readings and the passing of time become alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.analyze import wording
from edge_agent.analyze.limit import LimitAlarm
from edge_agent.analyze.register import AlarmRegister
from edge_agent.model.alarms import AGENT, AlarmKey, Evidence
from edge_agent.model.plant import BAD_QUALITY, OFFLINE, STALE, STORE_RENEWED
from edge_agent.model.quality import Flag, flag_name, unpack_tests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.plant import Plant, Sensor, Threshold
    from edge_agent.model.readings import Reading
    from edge_agent.model.time import Moment

#: A single suspect reading is noise, as many in a row are a sensor that cannot be trusted. A fail needs no company.
SUSPECTS_IN_A_ROW = 3
_STORE = AlarmKey(AGENT, "", STORE_RENEWED)
_GOOD, _FAIL = int(Flag.GOOD), int(Flag.FAIL)


class _Point:
    """One sensor in the analysis: its limits, its last good reading, and the trust in it."""

    __slots__ = (
        "bad_in_a_row",
        "good_seconds",
        "highest",
        "last_good",
        "limits",
        "lowest",
        "sensor",
        "stale",
        "topic",
        "trusted",
    )

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self.limits: dict[str, LimitAlarm] = {}
        self.last_good: Reading | None = None
        self.good_seconds: float | None = None  # monotonic time of the receipt of the last good reading of this run
        self.topic = ""
        self.trusted = False  # the newest settled reading is good: time may complete a delay
        self.stale = False
        self.bad_in_a_row = 0
        self.rest()

    def rest(self) -> None:
        """Work out between which values a good reading changes nothing at all: the common case, two comparisons."""
        self.lowest, self.highest = float("-inf"), float("inf")
        for limit in self.limits.values():
            if not limit.at_rest:
                self.lowest, self.highest = float("inf"), float("-inf")
                return
            low, high = limit.quiet_range()
            self.lowest, self.highest = max(self.lowest, low), min(self.highest, high)


class Analyzer:
    """Drives the alarms of one plant. Only good readings that are not late move the limits."""

    def __init__(self, plant: Plant, thresholds: Iterable[Threshold], remembered: Iterable[Alarm], now: Moment) -> None:
        self.register = AlarmRegister(remembered)
        self._points = {sensor.name: _Point(sensor) for sensor in plant.sensors}
        # A sensor is one object for as long as the plant is: its id finds the point without hashing its members.
        self._by_sensor = {id(point.sensor): point for point in self._points.values()}
        self._pending: dict[_Point, None] = {}  # points with a running delay; ordered, so that replays agree
        self._install(thresholds)
        for alarm in self.register.alarms:
            if alarm.key == _STORE:
                self.register.clear(alarm.key, now.at, "the agent has started again with a sound store")
            elif alarm.active and not self._resume(alarm.key, plant):
                self.register.clear(alarm.key, now.at, f"{alarm.key} is no longer part of the plant")

    def _resume(self, key: AlarmKey, plant: Plant) -> bool:
        """Take up an alarm of a former run. Returns whether there is still such an alarm."""
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

    def good_seconds(self, sensor: str) -> float | None:
        """Return the monotonic time at which the last good reading of a sensor was taken; None before the first.

        What a former run took counts for nothing.
        """
        point = self._points.get(sensor)
        return None if point is None else point.good_seconds

    def _install(self, thresholds: Iterable[Threshold]) -> list[_Point]:
        """Put thresholds in force; returns the points that changed."""
        wanted: dict[str, dict[str, Threshold]] = {}
        for threshold in thresholds:
            wanted.setdefault(f"{threshold.node}/{threshold.sensor}", {})[threshold.name] = threshold
        changed = []
        for name, point in self._points.items():
            if self._equip(point, wanted.get(name, {})):
                point.rest()
                changed.append(point)
        return changed

    @staticmethod
    def _equip(point: _Point, wanted: Mapping[str, Threshold]) -> bool:
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
        return True

    def adopt(self, thresholds: Iterable[Threshold], now: Moment) -> None:
        """Put changed thresholds in force at once: the last good value of each sensor is looked at anew."""
        before = {name: tuple(point.limits) for name, point in self._points.items()}
        for point in self._install(thresholds):
            for name in before[point.sensor.name]:  # no set: its order is another in each process
                if name not in point.limits:
                    self.register.clear(_key(point, name), now.at, f"threshold {name} was removed")
            if point.last_good is not None and point.trusted and not point.stale:
                self._compare(point, point.last_good, now)

    def read(self, judged: Iterable[tuple[Reading, str]], now: Moment) -> None:
        """Take the settled readings of a turn, in order, each with its topic."""
        points = self._by_sensor
        for reading, topic in judged:
            if reading.late:
                continue
            point = points[id(reading.sensor)]
            if point.stale:
                point.stale = False
                self.register.clear(_key(point, STALE), now.at, f"{point.sensor.name} is heard again", reading.value)
            if reading.flag != _GOOD:
                self._doubt(point, reading, topic, now)
                continue
            if point.bad_in_a_row:
                self._trust_again(point, reading, now)
            point.last_good, point.topic, point.trusted = reading, topic, True
            point.good_seconds = now.seconds
            if not point.lowest <= reading.value <= point.highest:
                self._compare(point, reading, now)

    def _compare(self, point: _Point, reading: Reading, now: Moment) -> None:
        for limit in point.limits.values():
            if limit.update(reading.value, now.seconds):
                self._conclude(point, limit, now)
        self._file(point)

    def _file(self, point: _Point) -> None:
        """Keep account of whether a delay is running, and of the values that change nothing."""
        if any(limit.pending for limit in point.limits.values()):
            self._pending[point] = None
        else:
            self._pending.pop(point, None)
        point.rest()

    def _conclude(self, point: _Point, limit: LimitAlarm, now: Moment) -> None:
        """Raise or clear where the delay is over."""
        reading, sensor, threshold = point.last_good, point.sensor, limit.threshold
        if reading is None or not limit.due(now.seconds):
            return
        key = _key(point, limit.name)
        if limit.active:
            reason = wording.beyond(sensor, threshold, reading.value)
            evidence = _evidence(reading, point.topic)
            self.register.raise_(key, threshold.priority, now.at, reason, limit=threshold.limit, evidence=evidence)
        else:
            self.register.clear(key, now.at, wording.back(sensor, threshold, reading.value), reading.value)

    def _doubt(self, point: _Point, reading: Reading, topic: str, now: Moment) -> None:
        point.trusted = False
        point.bad_in_a_row += 1
        key = _key(point, BAD_QUALITY)
        enough = reading.flag == _FAIL or point.bad_in_a_row >= SUSPECTS_IN_A_ROW
        if enough and not self.register.is_active(key):
            failed = ", ".join(test for test, flag in unpack_tests(reading.tests).items() if flag == "fail")
            failed = failed or ", ".join(t for t, flag in unpack_tests(reading.tests).items() if flag == "suspect")
            reason = (
                f"{point.sensor.name} {wording.number(reading.value)} {point.sensor.unit} "
                f"is {flag_name(reading.flag)} by {failed or 'no test it could pass'}"
            )
            self.register.raise_(key, "medium", now.at, reason, evidence=_evidence(reading, topic))

    def _trust_again(self, point: _Point, reading: Reading, now: Moment) -> None:
        point.bad_in_a_row = 0
        self.register.clear(_key(point, BAD_QUALITY), now.at, f"{point.sensor.name} is good again", reading.value)

    def silent(self, sensors: Iterable[Sensor], now: Moment) -> None:
        """Take the sensors that went stale."""
        for sensor in sensors:
            point = self._by_sensor[id(sensor)]
            point.stale = True
            reason = f"{sensor.name} has not been heard for {sensor.late_seconds:g} s"
            if not self.register.is_active(_key(point, STALE)):
                self.register.raise_(_key(point, STALE), "medium", now.at, reason)

    def node_status(self, node: str, online: bool, now: Moment) -> None:  # noqa: FBT001  # the pair is the message
        """Take what a node, or its last will, says of itself."""
        key = AlarmKey(node, "", OFFLINE)
        if online:
            self.register.clear(key, now.at, f"{node} is online again")
        elif not self.register.is_active(key):
            self.register.raise_(key, "high", now.at, f"{node} is offline")

    def store_renewed(self, detail: str, now: Moment) -> None:
        """Take word that the store was begun anew. It stays an alarm until the next start, whoever acknowledges it."""
        self.register.raise_(_STORE, "high", now.at, f"the store was damaged and begun anew: {detail}")

    def tick(self, now: Moment) -> None:
        """Let time pass: complete the delays of those sensors that are still trusted."""
        for point in list(self._pending):
            if point.trusted and not point.stale:
                for limit in point.limits.values():
                    if limit.pending:
                        self._conclude(point, limit, now)
                self._file(point)

    doubted: frozenset[str] = frozenset()

    def conditions(self, current, now) -> None:  # type: ignore[no-untyped-def]
        active = {a.key for a in self.register.alarms if a.active and a.key.threshold in SEAM}
        for key, (priority, reason) in current.items():
            if key not in active:
                self.register.raise_(key, priority, now.at, reason)
        for key in active - current.keys():
            self.register.clear(key, now.at, f"{key} is over")


SEAM = {
    "failed",
    "contradicts",
    "no_evidence",
    "not_in_auto",
    "stop_not_confirmed",
    "locked_out",
    "tripped",
    "policy_refused",
}


def _key(point: _Point, threshold: str) -> AlarmKey:
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
