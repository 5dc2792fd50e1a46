"""Sequence numbers of one topic: how many of its messages never came."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.model.time import Instant

    #: A message: its place in the order of observation, and the monotonic time of its receipt. A plain tuple: a named
    #: one takes 0.4 µs a message more.
    Seen: TypeAlias = tuple[Instant, int, float]

#: So long a message may be overtaken by later ones before it counts as missing.
SETTLE_SECONDS = 2.0
#: So many messages of one topic wait to be settled at the most; beyond that the oldest are, whatever their age.
MOST_UNSETTLED = 256


class Numbers:
    """Counts the messages that are missing by `seq`, which grows by one per message and restarts with the node.

    Messages are put into the order of (`ts`, `seq`) and stay there for SETTLE_SECONDS; then each is compared with the
    one before it. A higher number misses those between; one that is not higher is a restarted node and misses none.
    What comes again, or after it was counted as missing, changes nothing: a gap is counted once. Where nothing is
    missing nothing is kept but the last.
    """

    __slots__ = ("_asleep", "_base", "_recent", "is_regular")

    def __init__(self) -> None:
        self._base: tuple[Instant, int] | None = None  # up to here everything is counted
        self._recent: list[Seen] = []  # in order, all after the base
        self._asleep = False  # recalled, and not heard since: what the broker holds may still be on its way
        self.is_regular = True  # nothing is missing and nobody restarted, as far as it is not settled

    @property
    def waiting(self) -> int:
        """How many messages are not settled."""
        return len(self._recent)

    @property
    def newest(self) -> tuple[Instant, int] | None:
        """The last message in order: when it was observed, and its number."""
        return _order(self._recent[-1]) if self._recent else self._base

    def follow(self, seq: int, at: Instant, seconds: float) -> bool:
        """Count a message that is the next of a regular sequence. Return whether it was; otherwise nothing is done."""
        recent = self._recent
        newest = recent[-1] if recent else self._base
        if newest is None or seq != newest[1] + 1 or at <= newest[0] or not self.is_regular or self._asleep:
            return False
        if self._base is None:  # what was before the first one heard may still come, and is where counting begins then
            recent.append((at, seq, seconds))
            if len(recent) > MOST_UNSETTLED or recent[0][2] <= seconds - SETTLE_SECONDS:
                self.settle(seconds)
            return True
        if recent:
            recent.clear()
        self._base = (at, seq)  # there is no hole that a late one could fill
        return True

    def update(self, seq: int, at: Instant | None, seconds: float, *, may_restart: bool = True) -> int:
        """Count the next message, received at a monotonic time. Return how many are found missing.

        Without a time of observation it is placed by its number: into a hole, or after all others. So is one that comes
        again (it may not tell a restart) from before the newest: where it stood at first its clock alone does not say.
        """
        if self._asleep:
            self._wake(seconds)
        recent = self._recent
        # First of all, so that it does not matter how many messages a turn takes.
        missing = self.settle(seconds) if recent and recent[0][2] <= seconds - SETTLE_SECONDS else 0
        newest = self.newest
        if at is None or not (may_restart or newest is None or seq > newest[1] or (at, seq) > newest):
            at = self._place(seq, newest, may_restart=may_restart)
            if at is None:
                return missing
        if newest is None or (at, seq) > newest:
            recent.append((at, seq, seconds))
            if newest is not None and not 0 <= seq - newest[1] <= 1:
                self.is_regular = False
        else:
            self._insert(at, seq, seconds)
        return missing + self.settle(seconds) if len(recent) > MOST_UNSETTLED else missing

    def settle(self, seconds: float) -> int:
        """Count what is missing before those messages that nothing is to overtake any more."""
        if self._asleep:
            return 0
        recent, missing, settled = self._recent, 0, 0
        for at, seq, received in recent:
            if received > seconds - SETTLE_SECONDS and len(recent) - settled <= MOST_UNSETTLED:
                break
            settled += 1
            if self._base is not None:
                missing += max(0, seq - self._base[1] - 1)
            self._base = (at, seq)
        del recent[:settled]
        if not self.is_regular:
            self.is_regular = self._look()
        return missing

    def move(self, at: Instant) -> int:
        """Settle everything and go on from another time: the clock was set back."""
        self._asleep = False
        missing = self.settle(float("inf"))
        if self._base is not None:
            self._base = (at, self._base[1])
        return missing

    def repeats(self, seq: int) -> bool:
        """Whether this is the number of the last message once more."""
        newest = self.newest
        return newest is not None and seq == newest[1]

    def memory(self) -> tuple[tuple[Instant, int] | None, ...]:
        """Return what must survive a restart: the last message counted (None where there is none) and all after it."""
        return (self._base, *[(at, seq) for at, seq, _ in self._recent])

    def recall(self, seen: Sequence[tuple[Instant, int] | None]) -> None:
        """Resume what a former run remembered."""
        self._base = seen[0] if seen else None
        self._recent = [(*one, 0.0) for one in seen[1:] if one is not None]
        self._asleep, self.is_regular = bool(self._recent), self._look()

    def _wake(self, seconds: float) -> None:
        self._recent = [(at, seq, seconds) for at, seq, _ in self._recent]
        self._asleep = False

    def _place(self, seq: int, newest: tuple[Instant, int] | None, *, may_restart: bool) -> Instant | None:
        """Find where a message without a time belongs; None where it changes nothing."""
        if newest is None:
            return 0
        if seq > newest[1]:
            return newest[0]
        before = self._base
        for seen in self._recent:
            if before is not None and before[1] < seq < seen[1]:
                return before[0]
            before = _order(seen)
        return newest[0] + 1 if may_restart and seq < newest[1] else None

    def _insert(self, at: Instant, seq: int, seconds: float) -> None:
        """Put a message that was overtaken into its place, unless it is there or was counted."""
        if self._base is not None and (at, seq) <= self._base:
            return
        place = bisect_left(self._recent, (at, seq), key=_order)
        if _order(self._recent[place]) != (at, seq):
            self._recent.insert(place, (at, seq, seconds))
            self.is_regular = self._look()

    def _look(self) -> bool:
        last = self._base
        for seen in self._recent:
            if last is not None and not 0 <= seen[1] - last[1] <= 1:
                return False
            last = _order(seen)
        return True


def _order(seen: Seen) -> tuple[Instant, int]:
    return seen[:2]
