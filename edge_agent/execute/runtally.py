"""How often an actuator has started and how long it ran, as its reports tell: in this run of the agent, and in all."""

from __future__ import annotations

from edge_agent.model.agenda import NEVER

#: What is counted is remembered whenever equipment is switched, and so often while it runs.
REMEMBER_SECONDS = 3600.0


class RunTally:
    """Counts reports: a start is a change from off to on. The first report tells that it runs, which is no start.

    While the equipment says nothing, or a word of its own, its last report holds, or nothing is counted.
    """

    __slots__ = ("_former_seconds", "_former_starts", "_on", "_seconds", "_since", "_told_seconds", "starts")

    def __init__(self) -> None:
        self.starts = 0
        self._on: bool | None = None
        self._since = self._seconds = 0.0
        self._former_starts, self._former_seconds = 0, 0.0
        self._told_seconds = 0.0

    def report(self, *, on: bool | None, seconds: float) -> None:
        """Count a report at a monotonic time."""
        if on is self._on:
            return
        self._seconds = self.run_seconds(seconds)
        if on and self._on is False:
            self.starts += 1
        self._on, self._since = on, seconds
        self._told_seconds = seconds

    def run_seconds(self, seconds: float) -> float:
        """Return how long it has run until a monotonic time."""
        return self._seconds + max(seconds - self._since, 0.0) if self._on else self._seconds

    # In all runs of the agent -------------------------------------------------------------------------------------

    def recall(self, starts: int, run_seconds: float) -> None:
        """Recall what former runs counted."""
        self._former_starts, self._former_seconds = starts, run_seconds

    @property
    def all_starts(self) -> int:
        """How often it has started in all."""
        return self._former_starts + self.starts

    def all_run_seconds(self, seconds: float) -> float:
        """Return how long it has run in all until a monotonic time."""
        return self._former_seconds + self.run_seconds(seconds)

    @property
    def due_seconds(self) -> float:
        """The monotonic time at which what was counted has to be remembered."""
        return self._told_seconds + REMEMBER_SECONDS if self._on else NEVER

    def tell(self, seconds: float) -> None:
        """Note that it is remembered."""
        self._told_seconds = seconds
