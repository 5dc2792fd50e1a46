"""What a condition is compared with: what sensors show, alarms, equipment, nodes and the time, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.civil import spans, zone
from edge_agent.plan.periods import tariff_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from edge_agent.model.civil import Window
    from edge_agent.plan.scene import Gauge, Scene

#: What depends on the time, or on equipment, is looked at again after so long.
LOOK_SECONDS = 1.0


class Circumstances:
    """The scene of one turn as conditions see it.

    With `doubt` a suspect reading counts, else it is unknown. `since` says, for each comparison that has to hold for a
    time, since when it holds; it is written anew. `due` is when time alone may change what was found.
    """

    __slots__ = ("_scene", "_timezone", "doubt", "due", "since")

    def __init__(self, scene: Scene, timezone: str, since: dict[str, float], *, doubt: bool = False) -> None:
        self._scene, self._timezone, self.doubt = scene, timezone, doubt
        self.since = since
        self.due = float("inf")

    @property
    def seconds(self) -> float:
        """The monotonic time."""
        return self._scene.now.seconds

    def gauge(self, sensor: str) -> Gauge:
        """Return what a sensor shows."""
        return self._scene.gauge(sensor)

    def value(self, sensor: str) -> float | None:
        """Return the value of a sensor; None where it is not known."""
        gauge = self._scene.gauge(sensor)
        if gauge.doubtful is not None:
            return gauge.doubtful if self.doubt else None
        return gauge.good if gauge.trusted else None

    def is_active(self, alarm: str) -> bool | None:
        """Whether an alarm is active, or would be if doubt counted; None where nobody knows."""
        return alarm in self._scene.active or (self.doubt and alarm in self._scene.doubted)

    def actuator(self, name: str, word: str) -> bool | None:
        """Return whether an actuator is as a word says; None where it is not known."""
        self.look_again(LOOK_SECONDS)
        return self._scene.equipment(name).get(word)

    def node(self, name: str) -> bool | None:
        """Return whether a node is online; None where it has not said so."""
        return self._scene.online(name)

    def is_time(self, window: Window) -> bool | None:
        """Return whether it is within a part of the day; None where the clock may be wrong."""
        return self._within([window], range(7))

    def is_day(self, days: Collection[int]) -> bool | None:
        """Return whether it is one of some days; None where the clock may be wrong."""
        return self._within([_ALL_DAY], days)

    def is_tariff(self, period: str) -> bool | None:
        """Return whether a period of a tariff applies; None where the clock may be wrong, or there is none of it."""
        self.look_again(LOOK_SECONDS)
        now, tariff = self._scene.now, tariff_of(period, self._scene.tariffs)
        if not now.sure or tariff is None:
            return None
        applies = tariff.at(now.at).period
        return applies is not None and applies.name == period

    def _within(self, windows: list[Window], days: Collection[int]) -> bool | None:
        self.look_again(LOOK_SECONDS)
        now = self._scene.now
        if not now.sure:
            return None
        return any(one.begin <= now.at < one.end for one in spans(now.at, windows, days, zone(self._timezone)))

    def look_again(self, seconds: float) -> None:
        """Look again after so long at the latest."""
        self.due = min(self.due, self.seconds + seconds)


class _AllDay(NamedTuple):
    begin: int = 0
    end: int = 24 * 60


_ALL_DAY: Window = _AllDay()  # type: ignore[assignment] # the same members
