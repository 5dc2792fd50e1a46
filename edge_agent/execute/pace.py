"""When the next try may come: at once, after a moment for a report to arrive, or after a pause that grows."""

from __future__ import annotations

#: The pauses between two tries of a fail-safe action grow to this, and those of a trip to this.
SAFE_PAUSE_SECONDS = 60.0
TRIP_PAUSE_SECONDS = 10.0


class Pace:
    """The pace of tries for one request, in monotonic seconds. After each miss the pause doubles."""

    def __init__(self, timeout_seconds: float, start_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self.pause_seconds = timeout_seconds
        self.due_seconds = start_seconds

    def __repr__(self) -> str:
        return f"<Pace: due at {self.due_seconds:g}, then every {self.pause_seconds:g} s>"

    def begin(self, seconds: float) -> None:
        """Begin anew, with a try that may come at once."""
        self.due_seconds = seconds
        self.quicken()

    def quicken(self) -> None:
        """Return to the shortest pause."""
        self.pause_seconds = self._timeout_seconds

    def wait(self, until_seconds: float) -> None:
        """Put the next try off."""
        self.due_seconds = until_seconds

    def hasten(self, seconds: float) -> None:
        """Allow the next try at once."""
        self.due_seconds = min(self.due_seconds, seconds)

    def slow_down(self, longest_seconds: float) -> None:
        """Double the pause, up to the longest that the request bears."""
        self.pause_seconds = max(min(2 * self.pause_seconds, longest_seconds), self._timeout_seconds)


def longest_pause(lease_seconds: float, *, safe: bool, trip: bool) -> float:
    """Return the longest pause that a request bears: a trip the shortest, and the fail-safe action less than others."""
    if trip:
        return TRIP_PAUSE_SECONDS
    return min(lease_seconds / 2, SAFE_PAUSE_SECONDS) if safe else lease_seconds / 2
