"""How messages arrive, and when their silence means that the broker waits for us."""

from __future__ import annotations

from math import exp

#: How far back the pace is remembered, in seconds.
MEMORY_SECONDS = 2.0
#: Silence shorter than this means nothing; one shorter than the second, nothing where more was unacknowledged before.
SHORTEST_SILENCE_SECONDS = 0.01
LONGER_SILENCE_SECONDS = 1.0
#: So many mean gaps without a message are silence. In a random trickle that happens once in 55 messages.
GAPS_OF_SILENCE = 4
#: What comes so soon after an acknowledgement was waiting for it, and what that taught is believed for so long.
_REFILL_SECONDS = 0.1
_BELIEF_SECONDS = 600.0


class Arrivals:
    """Judges by the pace of arrivals when a silence has begun that our own acknowledgements must end.

    A broker sends only so many messages unacknowledged (Mosquitto: 20, unless told otherwise) and does not say how
    many. While readings wait for a group commit, a sender at full speed falls silent there.

    Formula: mean gap = T / N, with elapsed time T and messages N both forgotten by exp(-dt / MEMORY_SECONDS); silence
    after max(SHORTEST_SILENCE_SECONDS, GAPS_OF_SILENCE gaps), LONGER_SILENCE_SECONDS at least where fewer messages are
    unacknowledged than the broker is known to send. The window: silence at the same number twice running, and each time
    messages as soon as that was acknowledged. Warm-up: some seconds after a rest. Weakness: until its window is known,
    a broker with one of less than GAPS_OF_SILENCE + 1 messages looks like a slow sender.
    """

    __slots__ = (
        "_acknowledged_at",
        "_believed_until",
        "_count",
        "_elapsed",
        "_last",
        "_proven",
        "_shortest",
        "_silent",
        "_suspect",
        "_window",
    )

    def __init__(self, seconds: float, gather_seconds: float = 0.0) -> None:
        """Begin at a steady time; messages come together that were sent within `gather_seconds`."""
        self._shortest = SHORTEST_SILENCE_SECONDS + 1.5 * gather_seconds
        self._last = seconds
        self._count = 0.0
        self._elapsed = 0.0
        self.begin()

    def begin(self) -> None:
        """Forget what is known of the broker: the connection is another one."""
        self._proven = 1  # so many were unacknowledged at once before
        self._silent = self._suspect = self._window = 0
        self._acknowledged_at = self._believed_until = float("-inf")

    def __repr__(self) -> str:
        return f"Arrivals({self._count:.1f} messages in {self._elapsed:.1f} s)"

    def update(self, count: int, seconds: float) -> None:
        """Note that so many messages came, at a steady time."""
        if self._silent:
            self._judge(seconds)
        passed = seconds - self._last
        kept = exp(-passed / MEMORY_SECONDS)
        self._count = self._count * kept + count
        self._elapsed = self._elapsed * kept + min(passed, MEMORY_SECONDS)
        self._last = seconds

    def acknowledged(self, count: int, seconds: float) -> None:
        """Note that all that was unacknowledged, so many messages, was acknowledged."""
        is_silent = seconds >= self.silent_from(count)
        self._silent, self._acknowledged_at = count if is_silent else 0, seconds
        if not is_silent:
            self._proven = max(self._proven, count)

    def silent_from(self, unacknowledged: int) -> float:
        """Return the steady time from which it is silence, if nothing comes until then."""
        gap = self._elapsed / self._count if self._count else MEMORY_SECONDS
        shortest = self._shortest if unacknowledged >= self._proven else LONGER_SILENCE_SECONDS
        return self._last + max(shortest, GAPS_OF_SILENCE * gap)

    def most(self, seconds: float) -> float:
        """Return how many messages may be unacknowledged before the broker comes near its window, as far as known."""
        return max(1, self._window // 2) if self._window and seconds < self._believed_until else float("inf")

    def _judge(self, seconds: float) -> None:
        """Learn from what followed a silence that was ended by acknowledgements."""
        silent, self._silent = self._silent, 0
        if seconds - self._acknowledged_at > _REFILL_SECONDS:
            self._suspect = 0
            return
        if silent == self._suspect:
            self._window, self._believed_until = silent, seconds + _BELIEF_SECONDS
        self._suspect = silent
