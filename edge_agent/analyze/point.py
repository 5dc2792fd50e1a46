"""One sensor in the analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.alarms import AlarmKey

if TYPE_CHECKING:
    from edge_agent.analyze.limit import LimitAlarm
    from edge_agent.analyze.unheeded import Unheeded
    from edge_agent.model.plant import Sensor
    from edge_agent.model.readings import Reading
    from edge_agent.model.time import Moment


class Point:
    """One sensor in the analysis: its limits, its last good reading, and the trust in it."""

    __slots__ = (
        "bad_in_a_row",
        "doubtful",
        "doubting",
        "good_seconds",
        "heard_seconds",
        "highest",
        "last_good",
        "limits",
        "looked_seconds",
        "lowest",
        "pending",
        "sensor",
        "stale",
        "topic",
        "trusted",
        "unheeded",
    )

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self.limits: dict[str, LimitAlarm] = {}
        self.last_good: Reading | None = None
        self.good_seconds: float | None = None  # monotonic time of the receipt of the last good reading of this run
        self.heard_seconds = float("-inf")  # of the last that was not good, or that a former run took
        self.topic = ""
        self.trusted = False  # the newest settled reading is good: time may complete a delay
        self.doubtful: float | None = None  # the value of the newest reading, where that is suspect
        self.stale = False
        self.bad_in_a_row = 0
        self.unheeded: Unheeded | None = None
        self.looked_seconds = float("-inf")
        self.rest(self.looked_seconds)

    def __repr__(self) -> str:
        trust = "stale" if self.stale else "trusted" if self.trusted else "not trusted"
        return f"Point({self.sensor.name}, {trust}, {', '.join(map(repr, self.limits.values())) or 'no limits'})"

    def key(self, threshold: str) -> AlarmKey:
        """Name one of its alarms."""
        return AlarmKey(self.sensor.node, self.sensor.id, threshold)

    def succeed(self, before: Point) -> None:
        """Go on for a sensor that was declared anew, in the same unit."""
        for name in self.__slots__:
            if name not in {"sensor", "lowest", "highest"}:
                setattr(self, name, getattr(before, name))
        self.rest(self.looked_seconds)

    @property
    def due_seconds(self) -> float:
        """The monotonic time from which on time alone changes it, after what was looked at; infinite where it does not.

        A delay ends, or has run for so long that a restart must know; or silence ends delays and doubt.
        """
        looked, interval = self.looked_seconds, self.sensor.interval_seconds
        times = [at for limit in self.limits.values() for at in limit.times(interval) if at > looked]
        if self.pending or self.doubting:
            times.append(self._silent_seconds)
        return min(times, default=float("inf"))

    @property
    def _silent_seconds(self) -> float:
        """The monotonic time after which nothing was heard for longer than the sensor may be silent."""
        heard = self.heard_seconds if self.good_seconds is None else max(self.heard_seconds, self.good_seconds)
        return heard + self.sensor.late_seconds

    def bridge(self, now: Moment) -> None:
        """Restart running delays where nothing was heard for longer than a sensor may be silent."""
        if now.seconds > self._silent_seconds:
            self.restart()

    def restart(self) -> None:
        """Restart running delays."""
        for limit in self.limits.values():
            limit.restart()

    def rest(self, seconds: float) -> None:
        """Note what it is like at a monotonic time, at which it was looked at.

        Between some values a good reading changes nothing at all: the common case, two comparisons.
        """
        self.looked_seconds = seconds
        self.lowest, self.highest = float("-inf"), float("inf")
        self.pending = self.doubting = False
        for limit in self.limits.values():
            self.pending = self.pending or limit.pending
            self.doubting = self.doubting or limit.doubting
            low, high = limit.quiet_range()
            self.lowest, self.highest = max(self.lowest, low), min(self.highest, high)
