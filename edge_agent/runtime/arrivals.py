"""How messages arrive, and when their silence means that the broker waits for us."""

from __future__ import annotations

from math import exp

#: How far back the pace is remembered, in seconds.
MEMORY_SECONDS = 2.0
#: Silence shorter than this means nothing.
SHORTEST_SILENCE_SECONDS = 0.01
#: So many mean gaps without a message are silence. In a random trickle that happens once in 55 messages.
GAPS_OF_SILENCE = 4


class Arrivals:
    """Tells from the pace of arrivals when a silence has begun that our own acknowledgements must end.

    A broker sends only so many messages unacknowledged (Mosquitto: 20, unless told otherwise) and does not say how
    many. While readings wait for a group commit, a sender at full speed falls silent there.

    Formula: mean gap = T / N, with elapsed time T and messages N both forgotten by exp(-dt / MEMORY_SECONDS); silence
    after max(SHORTEST_SILENCE_SECONDS, GAPS_OF_SILENCE gaps). Warm-up: some seconds after a rest. Weakness: a window of
    less than GAPS_OF_SILENCE + 1 messages looks like a slow sender.
    """

    __slots__ = ("_count", "_elapsed", "_last")

    def __init__(self, seconds: float) -> None:
        self._last = seconds
        self._count = 0.0
        self._elapsed = 0.0

    def __repr__(self) -> str:
        return f"Arrivals({self._count:.1f} messages in {self._elapsed:.1f} s)"

    def update(self, count: int, seconds: float) -> None:
        """Note that so many messages came, at a steady time."""
        passed = seconds - self._last
        kept = exp(-passed / MEMORY_SECONDS)
        self._count = self._count * kept + count
        self._elapsed = self._elapsed * kept + min(passed, MEMORY_SECONDS)
        self._last = seconds

    def silent_from(self) -> float:
        """Return the steady time from which it is silence, if nothing comes until then."""
        gap = self._elapsed / self._count if self._count else MEMORY_SECONDS
        return self._last + max(SHORTEST_SILENCE_SECONDS, GAPS_OF_SILENCE * gap)
