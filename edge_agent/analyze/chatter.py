"""Which alarms chatter: raised again and again within a minute, so that one line a minute says more than thousands."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.alarms import AlarmKey

WITHIN_SECONDS = 60.0
#: Raised more often than so within `WITHIN_SECONDS`, an alarm chatters. Source: ANSI/ISA-18.2-2016, 16.5.4.
MOST_RAISED = 3


class ChatterReport(NamedTuple):
    """What is due to be said of an alarm that chatters: how often it was raised since, and whether it goes on so."""

    key: AlarmKey
    raised: int
    chatters: bool


class Chatter:
    """Counts how often alarms are raised, on monotonic time.

    Holds a few times for each alarm that was raised within the last minute, and a count for each that chatters.
    """

    def __init__(self) -> None:
        self._raised: dict[AlarmKey, deque[float]] = {}  # in the order of their last times
        self._hushed: dict[AlarmKey, tuple[float, int]] = {}  # told when (in that order), raised how often since

    def __repr__(self) -> str:
        return f"Chatter({len(self._hushed)} chattering, {len(self._raised)} raised lately)"

    def __contains__(self, key: AlarmKey) -> bool:
        """Whether an alarm chatters."""
        return key in self._hushed

    def raised(self, key: AlarmKey, seconds: float) -> bool:
        """Count an alarm that is raised; return whether it begins to chatter with that."""
        if key in self._hushed:
            told, count = self._hushed[key]
            self._hushed[key] = told, count + 1
            return False
        self._forget(seconds)
        times = self._raised.pop(key, None) or deque(maxlen=MOST_RAISED + 1)
        self._raised[key] = times
        times.append(seconds)
        if len(times) <= MOST_RAISED or seconds - times[0] > WITHIN_SECONDS:
            return False
        del self._raised[key]
        self._hushed[key] = seconds, 0
        return True

    def drop(self, key: AlarmKey) -> None:
        """Forget an alarm that is no more."""
        self._raised.pop(key, None)
        self._hushed.pop(key, None)

    def _forget(self, seconds: float) -> None:
        """Drop the alarms that were not raised for a minute."""
        while self._raised:
            key = next(iter(self._raised))
            if seconds - self._raised[key][-1] <= WITHIN_SECONDS:
                return
            del self._raised[key]

    def due(self, seconds: float) -> Iterator[ChatterReport]:
        """Yield a report a minute for each alarm that chatters; the last one says that it has ended."""
        while self.next_seconds() <= seconds:
            key = next(iter(self._hushed))
            _, count = self._hushed.pop(key)
            if count > MOST_RAISED:
                self._hushed[key] = seconds, 0
            yield ChatterReport(key, count, count > MOST_RAISED)

    def next_seconds(self) -> float:
        """Return the monotonic time of the next report; infinite where nothing chatters."""
        for told, _ in self._hushed.values():
            return told + WITHIN_SECONDS
        return float("inf")
