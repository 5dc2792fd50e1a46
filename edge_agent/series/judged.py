"""The quality tests of a plant file over a recorded series, as the agent would have flagged it."""

from __future__ import annotations

from collections import Counter
from math import isnan
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.quality import Flag, flag_name
from edge_agent.monitor.channel import Channel
from edge_agent.monitor.tests.registry import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Sensor
    from edge_agent.model.readings import Reading
    from edge_agent.model.time import Instant
    from edge_agent.series.table import Row

#: Problems that are named one by one.
MOST_TOLD = 10


class JudgedRow(NamedTuple):
    """One row with its flags. Without a reading the value was missing, or the row could not be read."""

    line: int
    at: Instant | None
    value: float | None
    reading: Reading | None

    @property
    def flag(self) -> Flag:
        """The aggregated flag."""
        return Flag.MISSING if self.reading is None else Flag(self.reading.flag)

    @property
    def tests(self) -> dict[str, str]:
        """Name the flag of each test that was run."""
        return {} if self.reading is None else LAYOUT.unpack(self.reading.tests)


class JudgedSeries:
    """A series as it is judged, row by row: the very channel of the running agent, in the sensor's unit.

    Each reading counts as received when it was observed: how late it came is not in a file, so that the freshness
    test finds nothing. A row without a value is `missing`, and no neighbour of any other.
    """

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self.points: list[JudgedRow] = []
        self.problems: list[tuple[int, str]] = []
        self.unread = 0
        self.repeated = 0
        self._channel = Channel(sensor, future_tolerance_seconds=0.0, heard_seconds=0.0)

    def __repr__(self) -> str:
        return f"JudgedSeries({self.sensor.name}, {len(self.points)} rows)"

    def add(self, row: Row) -> None:
        """Judge one row."""
        if row.wrong:
            self.unread += 1
            if len(self.problems) < MOST_TOLD:
                self.problems.append((row.line, row.wrong))
        if row.at is None or row.value is None or isnan(row.value):
            self.points.append(JudgedRow(row.line, row.at, None, None))
            return
        at = self._channel.free(row.at, None, row.value)
        if at is None:
            self.repeated += 1
            return
        followed = self._channel.follow(row.value, at, None, at)
        reading, _ = followed or self._channel.take(row.value, at, None, at)
        self.points.append(JudgedRow(row.line, row.at, row.value, reading))

    def counts(self) -> dict[str, Counter[str]]:
        """Count flags by test, and over all tests (`all tests`)."""
        found: dict[str, Counter[str]] = {"all tests": Counter(flag_name(point.flag) for point in self.points)}
        for name in self.sensor.quality:
            found[name] = Counter()
        for point in self.points:
            for name, flag in point.tests.items():
                found.setdefault(name, Counter())[flag] += 1
        return found


def judge_rows(sensor: Sensor, rows: Iterable[Row]) -> JudgedSeries:
    """Judge a whole series."""
    series = JudgedSeries(sensor)
    for row in rows:
        series.add(row)
    return series
