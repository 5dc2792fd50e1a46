"""What a restart must know of running delays: since when each has run, where its readings do not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.remembered import DelayMemory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from edge_agent.analyze.limit import LimitAlarm
    from edge_agent.analyze.point import Point
    from edge_agent.model.time import Moment

#: A wall clock that differs by more from what the monotonic count lets expect was set: delays are dated anew.
_STEP_SECONDS = 2.0


class Delays:
    """The delays that a store remembers: those that have run for an interval. The last readings prove shorter ones.

    Only those of the value itself: any other figure has to be measured anew after a restart before it crosses again.
    """

    def __init__(self, remembered: Iterable[DelayMemory]) -> None:
        self._former = {memory.alarm: memory for memory in remembered if memory.since_at is not None}
        self._told: dict[str, DelayMemory | None] = dict.fromkeys(self._former)
        self._offset: float | None = None  # of the wall clock, when all of them were looked at
        self._sure = False

    def resume(self, point: Point, now: Moment) -> None:
        """Resume the delays of a sensor from where a former run began them; its readings prove no silence since."""
        for limit in point.limits.values():
            memory = self._former.get(_name(point, limit)) if limit.measure.is_value else None
            if memory is None or memory.since_at is None or memory.crossing != limit.crossing:
                continue
            since = now.recall(memory.since_at, memory.boot, memory.offset, sure=memory.sure)
            if since is not None:
                limit.resume(since)

    def look_at_all(self) -> None:
        """Look at all of them the next time: limits are gone, or the sensors are others."""
        self._offset = None

    def look(self, moved: Collection[Point], pending: Iterable[Point], now: Moment) -> Iterable[DelayMemory]:
        """Return what has changed of what is to be remembered: of the sensors whose delays began, ended, or are long.

        Where the clock was set what is remembered of all whose delays run, `pending`, is dated anew.
        """
        if self._offset is None or self._sure is not now.sure or abs(now.offset - self._offset) > _STEP_SECONDS / 2:
            self._offset, self._sure = now.offset, now.sure
            return self._look_at_all(pending, now)
        return self._look_at(moved, now) if moved else ()

    def _look_at(self, moved: Iterable[Point], now: Moment) -> Iterator[DelayMemory]:
        for point in moved:
            for limit in point.limits.values():
                name = _name(point, limit)
                if _is_long(point, limit, now.seconds):
                    yield from self._tell(name, limit, now)
                elif name in self._told:
                    del self._told[name]
                    yield DelayMemory(name, None)

    def _look_at_all(self, pending: Iterable[Point], now: Moment) -> Iterator[DelayMemory]:
        running: set[str] = set()
        for point in pending:
            for limit in point.limits.values():
                if _is_long(point, limit, now.seconds):
                    name = _name(point, limit)
                    running.add(name)
                    yield from self._tell(name, limit, now)
        for name in sorted(self._told.keys() - running):
            del self._told[name]
            yield DelayMemory(name, None)

    def _tell(self, name: str, limit: LimitAlarm, now: Moment) -> Iterator[DelayMemory]:
        told = self._told.get(name)
        since = now.seconds - limit.beyond_seconds(now.seconds)
        if told is None or not _says(told, since, limit.crossing, now):
            at = now.at_seconds(since)
            told = self._told[name] = DelayMemory(name, at, limit.crossing, now.boot, now.offset, now.sure)
            yield told

    def memories(self) -> list[DelayMemory]:
        """Return all that is remembered, for a store that was begun anew."""
        return [memory for memory in self._told.values() if memory is not None]


def _is_long(point: Point, limit: LimitAlarm, seconds: float) -> bool:
    """Whether a delay has run for so long that the last reading alone does not prove it."""
    if not limit.measure.is_value or not limit.pending:
        return False
    return limit.beyond_seconds(seconds) >= point.sensor.interval_seconds


def _says(told: DelayMemory, since: float, crossing: float, now: Moment) -> bool:
    """Whether a memory of this run still places a delay rightly in time."""
    at = told.since_at
    if at is None or told.crossing != crossing or told.sure is not now.sure:
        return False
    return abs(told.offset - now.offset) < _STEP_SECONDS and abs(now.seconds_at(at) - since) < _STEP_SECONDS


def _name(point: Point, limit: LimitAlarm) -> str:
    return str(AlarmKey(point.sensor.node, point.sensor.id, limit.name))
