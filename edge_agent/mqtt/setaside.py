"""Which messages the broker ends the connection for, where it does not say what it takes: it does not with MQTT 3.1.1.

Told from a bad line by what is on its way when connections end: the same publish again and again, shortly after it was
sent. Such a one is set aside for a time that doubles; after it, it has one more chance, alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: So many connections must end with a publish on its way before it counts as the cause.
LOSSES = 3
#: It counts only where the end came so soon after it was sent.
SOON_SECONDS = 2.0
#: How long one is set aside: at first, and at the most.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 60.0, 86_400.0
#: Topics that are remembered; the oldest are forgotten, and begin anew.
_REMEMBERED = 256


@dataclass(slots=True)
class _Aside:
    """What is set aside: publishes of this size or more, until then."""

    size: int
    pause_seconds: float
    until: float


class SetAside:
    """Knows the publishes that ended connections, by topic and size. Times are those of a steady clock.

    Where the cause is larger than all that the broker has ever confirmed, its size is the cause: whatever is as large
    is set aside with it, and what is between the two sizes is so at its first loss. Otherwise it is its topic.
    """

    def __init__(self) -> None:
        self._losses: dict[str, int] = {}
        self._topics: dict[str, _Aside] = {}
        self._sizes: _Aside | None = None
        self._largest_taken = 0

    def __repr__(self) -> str:
        return f"SetAside({len(self._topics)} topics, sizes: {self._sizes}, taken up to {self._largest_taken} bytes)"

    def limit(self, topic: str, size: int, now: float) -> int | None:
        """Return the size from which on publishes to a topic are set aside now, where this one is."""
        for aside in (self._sizes, self._topics.get(topic)):
            if aside is not None and size >= aside.size and now < aside.until:
                return aside.size
        return None

    def doubts(self, topic: str, size: int) -> bool:
        """Whether a publish may be the cause, so that it is to go alone."""
        return topic in self._losses or (self._sizes is not None and size > self._largest_taken)

    def taken(self, topic: str, size: int) -> None:
        """Note that the broker has confirmed a publish."""
        self._largest_taken = max(self._largest_taken, size)
        self._losses.pop(topic, None)
        if self._sizes is not None and size >= self._sizes.size:
            self._sizes = None
        aside = self._topics.get(topic)
        if aside is not None and size >= aside.size:
            del self._topics[topic]

    def ended(self, topic: str, size: int, seconds: float, now: float) -> None:
        """Note that the connection ended while a publish was on its way, so many seconds after it was sent."""
        if seconds > SOON_SECONDS:
            return
        losses = min(self._losses.pop(topic, 0) + 1, LOSSES)
        _remember(self._losses, topic, losses)
        too_large = size > self._largest_taken
        if losses < LOSSES and not (too_large and self._sizes is not None):
            return
        if too_large:
            self._sizes = _longer(self._sizes, size, now)
        else:
            _remember(self._topics, topic, _longer(self._topics.pop(topic, None), size, now))


def _longer(aside: _Aside | None, size: int, now: float) -> _Aside:
    if aside is None:
        return _Aside(size, FIRST_PAUSE_SECONDS, now + FIRST_PAUSE_SECONDS)
    pause = min(2 * aside.pause_seconds, LONGEST_PAUSE_SECONDS) if size >= aside.size else aside.pause_seconds
    return _Aside(min(size, aside.size), pause, now + pause)


def _remember(memory: dict[str, T], topic: str, what: T) -> None:
    if len(memory) >= _REMEMBERED:
        del memory[next(iter(memory))]
    memory[topic] = what
