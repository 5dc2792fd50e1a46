"""What waits to be stored: how much it is, and when a write is worth it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.runtime.arrivals import Arrivals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.model.inbox import Receipt
    from edge_agent.runtime.held import Held

#: Rows that wait for a group commit at the most, whatever the interval says.
MOST_WAITING_ROWS = 5_000
#: So many rows are worth a write: it takes 13 kB of the disk for one row and 40 kB for 100. Until then readings wait as
#: long as the interval allows, afterwards no longer than the second time.
WORTHWHILE_ROWS = 100
WORTHWHILE_SECONDS = 1.0


class CommitRules(NamedTuple):
    """How long readings wait to be stored together: so many seconds, and no more than so many messages.

    Messages come together that were sent within `gather_seconds`.
    """

    interval_seconds: float
    most_unacknowledged: int
    gather_seconds: float = 0.0


class Waiting:
    """Counts what waits, and knows from the pace of what comes when it is due.

    Readings alone wait until WORTHWHILE_ROWS of them do, as long as the rules say, or until half of what the broker
    sends unacknowledged waits, or until it falls silent because it waits for acknowledgements. What comes after so long
    without a write waits no longer than the second time: whoever publishes one reading soon finds it in the store.
    """

    def __init__(self, rules: CommitRules, seconds: float) -> None:
        """Begin at a steady time."""
        self._rules, self._since, self._written = rules, seconds, float("-inf")
        self._arrivals, self._generation = Arrivals(seconds, rules.gather_seconds), 0
        self.rows = self.receipts = self._news = 0

    def __repr__(self) -> str:
        return f"Waiting({self.rows} rows, {self.receipts} messages)"

    def begin(self, seconds: float) -> None:
        """Count the time from now on: nothing waits yet."""
        self._since = seconds

    def written(self, seconds: float) -> None:
        """Count the time from now on: all is written but what came meanwhile."""
        self._since = self._written = seconds

    def add(self, held: Held, seconds: float) -> None:
        """Count one more turn."""
        receipts = held.turn.receipts
        if receipts:
            self._note_arrivals(receipts, seconds)
        self.rows += held.rows
        self.receipts += len(receipts)
        self._news += held.news

    def count(self, those: Sequence[Held]) -> None:
        """Count anew what is left."""
        self.rows = sum(held.rows for held in those)
        self.receipts = sum(len(held.turn.receipts) for held in those)
        self._news = sum(held.news for held in those)

    def acknowledged(self, count: int, seconds: float) -> None:
        """Note that all that was unacknowledged, so many messages, was acknowledged."""
        self._arrivals.acknowledged(count, seconds)

    def is_due(self, seconds: float) -> bool:
        """Whether readings alone are to be stored now."""
        return (
            self.receipts >= min(self._rules.most_unacknowledged, self._arrivals.most(seconds))
            or self.rows >= MOST_WAITING_ROWS
            or seconds >= self.due_at()
        )

    def due_at(self) -> float:
        """Return the steady time at which what waits is to be stored, if nothing comes that must be stored sooner."""
        wait = self._rules.interval_seconds
        is_worth_it = self._news >= WORTHWHILE_ROWS or self._since - self._written >= wait
        until = self._since + (min(wait, WORTHWHILE_SECONDS) if is_worth_it else wait)
        return min(until, self._arrivals.silent_from(self.receipts)) if self.receipts else until

    def _note_arrivals(self, receipts: Sequence[Receipt], seconds: float) -> None:
        generation = receipts[-1].generation
        if generation != self._generation:
            self._generation = generation
            self._arrivals.begin()
        self._arrivals.update(len(receipts), seconds)
