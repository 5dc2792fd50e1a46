"""Which messages the broker ends the connection for, where it does not say what it takes: it does not with MQTT 3.1.1.

Told from a bad line by what is on its way when connections end: the same publish again and again, shortly after it was
sent, while the others pass. On a bad line others are lost as well, and so many losses of one are chance. What is set
aside is so for a time that doubles; after it, it has one more chance, alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: So unlikely all losses of a publish must be by chance before it counts as the cause: four, where all else passes.
BY_CHANCE = 0.0005
#: Where a size is known that the broker does not take, for what lies between it and all that was taken.
BY_CHANCE_BETWEEN = 0.1
#: So many losses it takes at least.
LEAST_LOSSES = 2
#: It counts only where the end came so soon after it was sent.
SOON_SECONDS = 2.0
#: Ends within so short a time are one.
_ONE_END_SECONDS = 0.05
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


@dataclass(slots=True)
class _Suspect:
    """A publish that was on its way when connections ended, and what became of all else since the first of them."""

    losses: int = 1
    passed: int = 0
    failed: int = 0

    @property
    def by_chance(self) -> float:
        """How likely a line that fails as it failed for all else has caused every loss."""
        rate = (self.failed + 0.5) / (self.failed + self.passed + 1)
        return float(rate**self.losses)


class SetAside:
    """Knows the publishes that ended connections, by topic and size. Times are those of a steady clock.

    Where the cause is larger than all that the broker has ever confirmed, its size is the cause: whatever is as large
    is set aside with it, and what is between the two sizes is so after fewer losses. Otherwise it is its topic.
    """

    def __init__(self) -> None:
        self._suspects: dict[str, _Suspect] = {}
        self._topics: dict[str, _Aside] = {}
        self._sizes: _Aside | None = None
        self._largest_taken = 0
        self._ended_at = float("-inf")
        self._unexplained = False  # the present connection has not ended yet, or with nothing on its way

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
        return topic in self._suspects or (self._sizes is not None and size > self._largest_taken)

    def connected(self) -> None:
        """Note a new connection: the line has carried something, and may have failed with nothing on its way."""
        for suspect in self._suspects.values():
            suspect.passed += 1
            suspect.failed += self._unexplained
        self._unexplained = True

    def taken(self, topic: str, size: int) -> None:
        """Note that the broker has confirmed a publish."""
        self._largest_taken = max(self._largest_taken, size)
        self._suspects.pop(topic, None)
        for suspect in self._suspects.values():
            suspect.passed += 1
        if self._sizes is not None and size >= self._sizes.size:
            self._sizes = None
        aside = self._topics.get(topic)
        if aside is not None and size >= aside.size:
            del self._topics[topic]

    def ended(self, topic: str, size: int, seconds: float, now: float) -> None:
        """Note that the connection ended while a publish was on its way, so many seconds after it was sent."""
        soon = seconds <= SOON_SECONDS
        self._fail(topic if soon else "", now)
        if not soon:
            return
        suspect = self._suspects.pop(topic, None)
        if suspect is None:
            suspect = _Suspect()
        else:
            suspect.losses += 1
        _remember(self._suspects, topic, suspect)
        too_large = size > self._largest_taken
        most = BY_CHANCE_BETWEEN if too_large and self._sizes is not None else BY_CHANCE
        if suspect.losses < LEAST_LOSSES or suspect.by_chance > most:
            return
        if too_large:
            self._sizes = _longer(self._sizes, size, now)
        else:
            _remember(self._topics, topic, _longer(self._topics.pop(topic, None), size, now))

    def _fail(self, by: str, now: float) -> None:
        """Note an end of the connection against all that it does not speak against, once."""
        self._unexplained = False
        if now - self._ended_at > _ONE_END_SECONDS:
            for topic, suspect in self._suspects.items():
                suspect.failed += topic != by
        self._ended_at = now


def _longer(aside: _Aside | None, size: int, now: float) -> _Aside:
    if aside is None:
        return _Aside(size, FIRST_PAUSE_SECONDS, now + FIRST_PAUSE_SECONDS)
    pause = min(2 * aside.pause_seconds, LONGEST_PAUSE_SECONDS) if size >= aside.size else aside.pause_seconds
    return _Aside(min(size, aside.size), pause, now + pause)


def _remember(memory: dict[str, T], topic: str, what: T) -> None:
    if len(memory) >= _REMEMBERED:
        del memory[next(iter(memory))]
    memory[topic] = what
