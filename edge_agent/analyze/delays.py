"""What a restart must know of running delays: since when each has run, where its readings do not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.remembered import DelayMemory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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

    def resume(self, point: Point, now: Moment) -> None:
        """Resume the delays of a sensor from where a former run began them; its readings prove no silence since."""
        for limit in point.limits.values():
            memory = self._former.get(_name(point, limit)) if limit.measure.is_value else None
            if memory is None or memory.since_at is None or memory.crossing != limit.crossing:
                continue
            since = now.recall(memory.since_at, memory.boot, memory.offset, sure=memory.sure)
            if since is not None:
                limit.resume(since)

    def look(self, pending: Iterable[Point], now: Moment) -> Iterator[DelayMemory]:
        """Yield what has changed of what is to be remembered, given the sensors whose delays run."""
        running: set[str] = set()
        for point in pending:
            for limit in point.limits.values():
                if not limit.measure.is_value or not limit.pending:
                    continue
                if limit.beyond_seconds(now.seconds) < point.sensor.interval_seconds:
                    continue
                name = _name(point, limit)
                running.add(name)
                told = self._told.get(name)
                since = now.seconds - limit.beyond_seconds(now.seconds)
                if told is None or not _says(told, since, limit.crossing, now):
                    at = now.at_seconds(since)
                    told = self._told[name] = DelayMemory(name, at, limit.crossing, now.boot, now.offset, now.sure)
                    yield told
        for name in sorted(self._told.keys() - running):
            del self._told[name]
            yield DelayMemory(name, None)

    def memories(self) -> list[DelayMemory]:
        """Return all that is remembered, for a store that was begun anew."""
        return [memory for memory in self._told.values() if memory is not None]


def _says(told: DelayMemory, since: float, crossing: float, now: Moment) -> bool:
    """Whether a memory of this run still places a delay rightly in time."""
    at = told.since_at
    if at is None or told.crossing != crossing or told.sure is not now.sure:
        return False
    return abs(told.offset - now.offset) < _STEP_SECONDS and abs(now.seconds_at(at) - since) < _STEP_SECONDS


def _name(point: Point, limit: LimitAlarm) -> str:
    return str(AlarmKey(point.sensor.node, point.sensor.id, limit.name))
