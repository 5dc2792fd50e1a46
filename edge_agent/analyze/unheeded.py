"""Readings that move nothing because of their time: their sensor is heard, it is its clock that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.quality import CLOCK_NUMBER, Flag
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from edge_agent.model.readings import Reading

_CLOCK = 4 * CLOCK_NUMBER


class Unheeded:
    """The late readings of one sensor since its last one in time, and how far they are off."""

    __slots__ = ("_behind_seconds", "_good_seconds", "_seconds", "count", "named", "since_seconds")

    def __init__(self) -> None:
        self.count = 0
        self.since_seconds = 0.0  # monotonic time of the receipt of the first
        self.named = False  # the alarm `stale` names this cause
        self._seconds = float("-inf")  # of the last
        self._behind_seconds = 0.0
        self._good_seconds: float | None = None

    def take(self, reading: Reading, seconds: float, good_seconds: float | None) -> bool:
        """Note a late reading; `good_seconds`: the receipt of the last good one in time.

        Return whether its clock tells why it is late; else it was overtaken, or settled after a silence.
        """
        behind = (reading.received_at + reading.ahead - reading.observed_at) / MICROSECONDS
        late_seconds = reading.sensor.late_seconds
        if behind <= late_seconds and not is_ahead(reading):
            return False
        if seconds - self._seconds > late_seconds or good_seconds != self._good_seconds:
            self.count, self.since_seconds = 0, seconds
        self.count += 1
        self._seconds, self._good_seconds, self._behind_seconds = seconds, good_seconds, behind
        return True

    def heard_within(self, late_seconds: float, seconds: float) -> bool:
        """Whether such a reading came within the time after which its sensor is stale."""
        return seconds - self._seconds <= late_seconds

    def sentence(self, sensor: str) -> str:
        """Say what is wrong with the times: `tank1/level is heard, but its clock is 3,600 s ahead`."""
        behind = self._behind_seconds
        wrong = (
            f"its clock is {-behind:,.0f} s ahead" if behind < 0 else f"its readings are {behind:,.0f} s old on arrival"
        )
        return f"{sensor} is heard, but {wrong}"


def is_ahead(reading: Reading) -> bool:
    """Whether a reading was disbelieved because its time lies in the future."""
    return reading.tests >> _CLOCK & 0xF == Flag.SUSPECT
