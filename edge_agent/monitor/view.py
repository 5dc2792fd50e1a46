"""What others may see of one sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.quality import Flag
from edge_agent.model.remembered import SensorView
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_agent.model.time import Moment
    from edge_agent.monitor.channel import Channel

_MISSING = int(Flag.MISSING)


def sensor_view(channel: Channel, now: Moment) -> SensorView:
    """Return a sensor as it is now."""
    sensor, last = channel.sensor, channel.last
    head = (sensor.node, sensor.id, sensor.quantity, sensor.unit)
    if last is None:
        return SensorView(*head, None, _MISSING, None, None, name=sensor.label)
    judged = last if last.settled else channel.judged
    age = (now.at - min(last.observed_at - last.ahead, last.received_at)) / MICROSECONDS
    flag, judged_flag = last.flag, last.flag if judged is None else judged.flag
    if channel.stale:
        flag = judged_flag = _MISSING
    value = None if judged is None else judged.value
    return SensorView(*head, last.value, flag, last.observed_at, age, judged_flag, value, sensor.label)


def sensor_views(
    channels: Sequence[Channel], now: Callable[[], Moment], count: int
) -> Iterator[tuple[SensorView, ...]]:
    """Yield sensors as they are then, so many at a time."""
    for first in range(0, len(channels), count):
        moment = now()
        yield tuple(sensor_view(channel, moment) for channel in channels[first : first + count])
