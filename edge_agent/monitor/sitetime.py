"""What time it is by the stamps of nodes, for an agent whose own clock may be wrong.

Stamps that advance at the rate of the monotonic clock are those of readings taken now. What a node kept during an
outage and sends later does not: it comes faster than it was taken, or beside newer stamps.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.remembered import ClockMemory
from edge_agent.model.time import EARLIEST, MICROSECONDS, Moment
from edge_agent.monitor.order import AHEAD_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Node, Sensor
    from edge_agent.model.readings import Reading
    from edge_agent.model.time import Instant

#: Stamps go in step as long as they are no farther apart from the monotonic clock: what a network may delay one.
STEP_US = 2 * MICROSECONDS
#: They have to do so for two intervals of the node, within these limits: a minute is long enough for a slow one.
LEAST_SECONDS, MOST_SECONDS = 5.0, 60.0
LEAST_READINGS = 3
#: A stamp or two in many intervals are no pace.
SPARSE_INTERVALS = 3
#: A clock that is behind the one believed before has to go so long, alone: a queue that never empties looks the same.
BACK_SECONDS = 600.0
#: So many paces of one node are followed at once. A burst of old readings has many, none of them lasting.
MOST_PACES = 4
#: Clocks that differ by no more agree with each other.
AGREE_US = 10 * MICROSECONDS
#: In a boot younger than this, and than two intervals, a clock may be that of the last shutdown: it agrees with what a
#: node kept since, too.
YOUNG_SECONDS = 120.0


class _Pace:
    """Stamps of one node that go in step: their distance from the monotonic clock, and for how long."""

    __slots__ = ("count", "last_seconds", "offset", "since_seconds")

    def __init__(self, offset: Instant, seconds: float) -> None:
        self.offset = offset
        self.since_seconds = self.last_seconds = seconds
        self.count = 1

    @property
    def span_seconds(self) -> float:
        return self.last_seconds - self.since_seconds


class _Agreed(NamedTuple):
    """The offsets of the clocks that most agree on, the lowest, the middle and the highest of them."""

    low: Instant
    middle: Instant
    high: Instant


class NodeTime:
    """The clock of one node, as far as the stamps of its live readings show it."""

    __slots__ = ("_believed", "_needed_seconds", "_paces", "_sparse_seconds", "_young_seconds", "met")

    def __init__(self, interval_seconds: float) -> None:
        self._needed_seconds = min(max(2 * interval_seconds, LEAST_SECONDS), MOST_SECONDS)
        self._young_seconds = max(2 * interval_seconds, YOUNG_SECONDS)
        self.met = False  # it has sent a stamp that a clock may show
        self._sparse_seconds = max(SPARSE_INTERVALS * interval_seconds, LEAST_SECONDS)
        self._paces: list[_Pace] = []
        self._believed: _Pace | None = None

    def resume(self, offset: Instant, seconds: float) -> None:
        """Believe a clock at once: what a former run within this boot believed, or where ours agrees with it."""
        self.met = True
        self._believed = _Pace(offset, seconds)
        self._begin(self._believed)

    @property
    def offset(self) -> Instant | None:
        """The time of the node less the monotonic count, in microseconds; None while none is believed."""
        return None if self._believed is None else self._believed.offset

    def meet(self, at: Instant, now: Moment) -> bool:
        """Note the first stamp that a clock may show. Return whether it is believed, as the agent's clock agrees.

        No later one: what a node kept passes by the time of a clock that is behind.
        """
        if at < EARLIEST:
            return False
        self.met = True
        if now.seconds < self._young_seconds or not -AGREE_US <= at - now.at <= AGREE_US:
            return False
        self.resume(at - round(now.seconds * MICROSECONDS), now.seconds)
        return True

    def hear(self, at: Instant, seconds: float) -> bool:
        """Note the stamp of a live reading. Return whether another pace is believed now."""
        offset = at - round(seconds * MICROSECONDS)
        for pace in self._paces:
            if -STEP_US <= offset - pace.offset <= STEP_US:
                if seconds > pace.last_seconds:  # those of one message are one
                    pace.last_seconds = seconds
                    pace.count += 1
                break
        else:
            self._begin(_Pace(offset, seconds))
            return False
        if pace is self._believed or not self._is_proven(pace):
            return False
        self._believed = pace
        return True

    def _begin(self, pace: _Pace) -> None:
        if len(self._paces) >= MOST_PACES:
            others = [one for one in self._paces if one is not self._believed]
            self._paces.remove(min(others, key=lambda one: (one.span_seconds, one.last_seconds)))
        self._paces.append(pace)

    def _is_proven(self, pace: _Pace) -> bool:
        before, needed = self._believed, self._needed_seconds
        if before is not None and pace.offset < before.offset:
            if pace.last_seconds - before.last_seconds <= 2 * needed:
                return False
            needed = max(needed, BACK_SECONDS)
        span = pace.span_seconds
        enough = pace.count >= LEAST_READINGS or span >= MOST_SECONDS
        return enough and span >= needed and span <= (pace.count - 1) * self._sparse_seconds


class SiteTime:
    """By which time the readings of each node are judged while the agent's own clock is not sure.

    It is the node's own, once it is believed. Where two clocks or more agree (the agent's is one of them), the time of
    the most is that of all others too. Before 2025 no clock is right, and none counts there.
    """

    def __init__(self, remembered: Iterable[ClockMemory], now: Moment) -> None:
        self._former = [memory for memory in remembered if memory.boot and memory.boot == now.boot]
        self._seconds = now.seconds
        self._changed: dict[str, ClockMemory] = {}
        self._nodes: dict[str, NodeTime] = {}
        self._intervals: dict[str, float] = {}
        self._agreed: _Agreed | None = None
        self._own: float | None = None  # the offset of the wall clock when the agreement was looked for

    def equip(self, nodes: Iterable[Node], sensors: Iterable[Sensor]) -> None:
        """Know the nodes of a plant, and how often they are heard."""
        names = {node.id for node in nodes}
        self._nodes = {name: known for name, known in self._nodes.items() if name in names}
        self._intervals = {}
        for sensor in sensors:
            before = self._intervals.get(sensor.node, sensor.interval_seconds)
            self._intervals[sensor.node] = min(before, sensor.interval_seconds)
        for memory in self._former:
            if memory.node in names:
                self._known(memory.node).resume(memory.offset, self._seconds)
        self._former = []
        self._own = None

    def _known(self, node: str) -> NodeTime:
        if node not in self._nodes:
            self._nodes[node] = NodeTime(self._intervals.get(node, 0.0))
        return self._nodes[node]

    def take_changes(self) -> list[ClockMemory]:
        """Return what has changed of the clocks that the next start must know."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def memories(self, now: Moment) -> list[ClockMemory]:
        """Return the clocks that are believed."""
        return [
            ClockMemory(node, known.offset, now.boot) for node, known in self._nodes.items() if known.offset is not None
        ]

    def forget(self) -> None:
        """Follow nobody any more: the wall clock is sure."""
        if self._nodes:
            self._changed |= {node: ClockMemory(node, 0, "") for node in self._nodes}
            self._nodes.clear()
            self._own = None

    def hear(self, node: str, at: Instant | None, now: Moment, *, live: bool) -> Moment:
        """Note the stamp of a reading, where it has one. Return the moment by which to judge it (see `judge`)."""
        if at is not None and live:
            known = self._nodes.get(node) or self._known(node)
            changed = (not known.met and known.meet(at, now)) or known.hear(at, now.seconds)
            if changed and known.offset is not None:
                self._own = None
                self._changed[node] = ClockMemory(node, known.offset, now.boot)
        return self.judge(node, now, stamped=at is not None)

    def judge(self, node: str, now: Moment, *, stamped: bool) -> Moment:
        """Return the moment by which a reading of a node is judged; it is not `sure` where nothing tells that time.

        A value without a stamp is of its receipt, by the node's own clock where that is known.
        """
        known = self._nodes.get(node)
        offset = None if known is None else known.offset
        if offset is None and not stamped:
            return now._replace(sure=True)
        agreed = self._agreement(now)
        if agreed and (offset is None or not agreed.low - AGREE_US <= offset <= agreed.high + AGREE_US):
            offset = agreed.middle
        if offset is None:
            return now
        at = offset + round(now.seconds * MICROSECONDS)
        return Moment(now.at if -AHEAD_US <= at - now.at <= AHEAD_US else at, now.seconds, now.boot)

    def _agreement(self, now: Moment) -> _Agreed | None:
        own = now.offset
        if self._own is None or abs(own - self._own) > 1.0:
            self._own = own
            uptime = round(now.seconds * MICROSECONDS)
            offsets = [known.offset for known in self._nodes.values() if known.offset is not None]
            offsets.append(round(own * MICROSECONDS))
            self._agreed = _most(sorted(offset for offset in offsets if offset + uptime >= EARLIEST))
        return self._agreed


def date(reading: Reading, by: Moment, now: Moment) -> None:
    """Date a reading that was judged by another moment by its receipt."""
    reading.received_at, reading.ahead = now.at, by.at - now.at


def _most(offsets: list[Instant]) -> _Agreed | None:
    """Find the most clocks that agree, of sorted offsets; the latest of two such groups, None where all stand alone.

    The latest: what a clock behind it says is old then, and what is old moves nothing.
    """
    best: list[Instant] = []
    for first, low in enumerate(offsets):
        group = offsets[first : bisect_right(offsets, low + AGREE_US)]
        if len(group) >= max(2, len(best)):
            best = group
    return _Agreed(best[0], best[len(best) // 2], best[-1]) if best else None
