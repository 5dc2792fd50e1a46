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
        "good_seconds",
        "heard_seconds",
        "highest",
        "last_good",
        "limits",
        "lowest",
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
        self.rest()

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
        self.rest()

    def bridge(self, now: Moment) -> None:
        """Restart running delays where nothing was heard for longer than a sensor may be silent."""
        heard = self.heard_seconds if self.good_seconds is None else max(self.heard_seconds, self.good_seconds)
        if now.seconds - heard > self.sensor.late_seconds:
            self.restart()

    def restart(self) -> None:
        """Restart running delays."""
        for limit in self.limits.values():
            limit.restart()

    def rest(self) -> None:
        """Work out between which values a good reading changes nothing at all: the common case, two comparisons."""
        self.lowest, self.highest = float("-inf"), float("inf")
        for limit in self.limits.values():
            if not limit.at_rest:
                self.lowest, self.highest = float("inf"), float("-inf")
                return
            low, high = limit.quiet_range()
            self.lowest, self.highest = max(self.lowest, low), min(self.highest, high)
