"""How often an actuator has started in this run of the agent and how long it ran, as the equipment reports it."""

from __future__ import annotations


class RunTally:
    """Counts reports: a start is a change from off to on. The first report tells that it runs, which is no start.

    While the equipment says nothing, or a word of its own, its last report holds, or nothing is counted.
    """

    __slots__ = ("_on", "_seconds", "_since", "starts")

    def __init__(self) -> None:
        self.starts = 0
        self._on: bool | None = None
        self._since = self._seconds = 0.0

    def report(self, *, on: bool | None, seconds: float) -> None:
        """Count a report at a monotonic time."""
        if on is self._on:
            return
        self._seconds = self.run_seconds(seconds)
        if on and self._on is False:
            self.starts += 1
        self._on, self._since = on, seconds

    def run_seconds(self, seconds: float) -> float:
        """Return how long it has run until a monotonic time."""
        return self._seconds + max(seconds - self._since, 0.0) if self._on else self._seconds
