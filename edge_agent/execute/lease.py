"""How long what was commanded holds without another word, and when it is to be renewed."""

from __future__ import annotations

from edge_agent.model.agenda import NEVER

#: A pause after a miss takes at most this part of what the lease leaves.
PART_OF_REST = 0.25
SHORTEST_PAUSE_SECONDS = 1.0


class Lease:
    """The lease of one actuator, in monotonic seconds. It counts from when the command that was done was given."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked: float | None = None
        self._granted: float | None = None

    def __repr__(self) -> str:
        return f"<Lease of {self._seconds:g} s, granted at {self._granted}>"

    def ask(self, seconds: float) -> None:
        """Note that a command asks for a lease."""
        self._asked = seconds

    def grant(self) -> None:
        """Note that the node has carried out the command that asked last."""
        if self._asked is not None:
            self._granted = self._asked

    def forget(self) -> None:
        """Note that nobody knows how much is left: it is to be renewed soon."""
        self._granted = self._asked = None

    def due(self, seconds: float) -> bool:
        """Whether half of it is over since a command last asked for it; what a former run asked is unknown, and due."""
        return self._asked is None or self.halved(seconds)

    def halved(self, seconds: float) -> bool:
        """Whether half of what this run has asked for is over."""
        return seconds >= self.half_seconds

    @property
    def half_seconds(self) -> float:
        """When half of what this run has asked for is over; infinite where it has asked for nothing."""
        return NEVER if self._asked is None else self._asked + self._seconds / 2

    def ended(self, seconds: float) -> bool:
        """Whether the node may have let it run out."""
        return self._granted is None or seconds - self._granted >= self._seconds

    def patience(self, pause: float, seconds: float) -> float:
        """Return a pause after a miss that leaves time for more tries before the lease ends."""
        left = 0.0 if self._granted is None else self._granted + self._seconds - seconds
        if left <= 0:
            return pause
        return min(pause, max(SHORTEST_PAUSE_SECONDS, left * PART_OF_REST))
