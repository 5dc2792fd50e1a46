"""What readings prove: how long a value stood before a restart, which of two was the spike, why an alarm was raised."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge_agent.model.alarms import Evidence
from edge_agent.model.quality import Flag, flag_name
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Sensor
    from edge_agent.model.quality import Layout
    from edge_agent.model.readings import Reading
    from edge_agent.model.remembered import StoredReading
    from edge_agent.model.time import Moment


def proving(readings: Iterable[StoredReading], sensor: Sensor, now: Moment) -> list[StoredReading]:
    """Return the last good readings of a sensor that follow each other, up to now, without silence or doubt.

    Oldest first. One that was late, or received after now, proves nothing, nor does any before it.
    """
    late_us = sensor.late_seconds * MICROSECONDS
    newest_first = sorted(readings, key=_received_at, reverse=True)
    if newest_first and sensor.quality.settles and newest_first[0].flag == Flag.NOT_EVALUATED:
        del newest_first[0]  # the next one would have judged it
    proved, after = [], now.at
    for stored in newest_first:
        in_time = stored.received_at - stored.observed_at <= late_us
        if stored.flag != Flag.GOOD or not in_time or not 0 <= after - stored.received_at <= late_us:
            break
        proved.append(stored)
        after = stored.received_at
    return proved[::-1]


def _received_at(stored: StoredReading) -> tuple[int, int]:
    return stored.received_at, stored.observed_at


def culprit(reading: Reading, layout: Layout) -> Reading:
    """Return the reading to blame where one is flagged: itself, or the neighbour that alone made it stand out."""
    flags = layout.unpack(reading.tests)
    beside = any(flag == flag_name(reading.flag) and name not in layout.settling for name, flag in flags.items())
    if reading.outlier is None or beside:
        return reading
    return replace(reading.outlier, flag=reading.flag, tests=reading.tests)


def evidence(reading: Reading, topic: str, layout: Layout) -> Evidence:
    """Return what a reading, and the topic it came on, shows of the cause of an alarm."""
    return Evidence(
        topic,
        reading.value,
        reading.sensor.unit,
        flag_name(reading.flag),
        layout.unpack(reading.tests),
        reading.observed_at,
        reading.received_at,
        reading.seq,
    )
