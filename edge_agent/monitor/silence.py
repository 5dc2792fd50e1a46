"""Which sensors have fallen silent: each is looked at when it would be stale, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.agenda import Agenda

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Sensor
    from edge_agent.monitor.channel import Channel

#: So many that are due are looked at in one turn, about a millisecond; the others in the next, which follows at once.
MOST_AT_ONCE = 1_000


class Silence:
    """Finds the channels that have not been heard for longer than their sensors may be silent."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self._places = {channel: place for place, channel in enumerate(channels)}
        self._agenda: Agenda[Channel] = Agenda(self._places)

    def __repr__(self) -> str:
        return f"Silence({len(self._places)} sensors, {self._agenda!r})"

    def end(self, channel: Channel) -> None:
        """Note that a stale sensor is heard again."""
        channel.stale = False
        self._agenda.put(channel)

    def take(self, seconds: float) -> list[Sensor]:
        """Return the sensors that have gone stale, in the order of the plant."""
        due, found = self._agenda.take(seconds, MOST_AT_ONCE), []
        if not due:
            return []
        for channel in due:
            if seconds > channel.due_seconds:
                channel.stale = True
                found.append(channel)
            else:
                self._agenda.put(channel)  # so long it may be silent, and no longer
        return [channel.sensor for channel in sorted(found, key=self._places.__getitem__)]

    def next_seconds(self) -> float:
        """Return the monotonic time at which the next sensor may be stale."""
        return self._agenda.next_seconds()
