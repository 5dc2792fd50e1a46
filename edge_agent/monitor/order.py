"""Where readings stand in order, whatever the clock of their node says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from edge_agent.model.readings import Reading
    from edge_agent.model.remembered import StoredReading
    from edge_agent.model.time import Instant

#: From so far ahead of its receipt on a reading is told apart from those whose time it bears: it takes the long way.
AHEAD_US = MICROSECONDS


def place(reading: Reading) -> Instant:
    """Return where a reading stands in order: not after its receipt, by the time it was judged by."""
    return min(reading.observed_at, reading.received_at + reading.ahead)


def was_ahead(reading: Reading) -> bool:
    """Whether a reading was from ahead of its receipt, by the time it was judged by."""
    return is_ahead(reading.observed_at, reading.received_at + reading.ahead)


def is_ahead(observed_at: Instant, received_at: Instant) -> bool:
    """Whether the clock of a node was ahead by more than clocks that are kept right are."""
    return observed_at > received_at + AHEAD_US


def follows(last: Reading, true_at: Instant, observed_at: Instant, seq: int | None, received_at: Instant) -> bool:
    """Whether a reading would come after the last one; `true_at` is the place of the newest that is not ahead."""
    if observed_at > last.observed_at:
        return True
    if observed_at == last.observed_at and seq is not None and last.seq is not None and seq > last.seq:
        return True
    slipped = was_ahead(last) and not is_ahead(observed_at, received_at)
    return min(observed_at, received_at) > (true_at if slipped else place(last))


def as_it_came(stored: StoredReading) -> tuple[Instant, Instant, int]:
    """Sort what a store gave back for `Channel.remember`: nothing stands after its receipt."""
    seq = -1 if stored.seq is None else stored.seq
    return min(stored.observed_at, stored.received_at), stored.observed_at, seq
