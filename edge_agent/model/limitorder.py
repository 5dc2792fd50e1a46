"""The order in which the limits of one sensor should lie.

Of the classic four low_low < low < high < high_high. Of others no order follows from their names, but an alarm that
acts below a limit lies under each that acts above one: else no value would be normal. Switch points may lie as they
like, for two pumps may each have a pair of their own.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.figures import apart, short
from edge_agent.model.plant import CLASSIC_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RISING = tuple(reversed(CLASSIC_NAMES))
_CLASSIC = frozenset(RISING)


class Acts(NamedTuple):
    """Where a threshold of one measure acts, where it clears, and whether it is an alarm for people."""

    name: str
    above: bool
    limit: float
    clears_at: float
    annunciated: bool = True


class Disorder(NamedTuple):
    """What is wrong between a threshold and one that should lie above it; `member` of the lower one is to blame."""

    lower: str
    member: str
    wrong: str
    expected: str


def disorders(limits: Iterable[Acts]) -> Iterator[Disorder]:
    """Find what is out of order among the thresholds of one sensor and one measure."""
    by_name = {each.name: each for each in limits}
    classic = pairwise(by_name[name] for name in RISING if name in by_name)
    for lower, upper in chain(classic, _opposite(by_name.values())):
        if lower.limit >= upper.limit:
            first, second = apart(lower.limit, upper.limit, short)
            yield Disorder(lower.name, "limit", f"{first} is not below {upper.name} {second}", _order(lower, upper))
        elif lower.clears_at > upper.clears_at:
            first, second = apart(lower.clears_at, upper.clears_at, short)
            wrong = f"{lower.name} clears at {first} and {upper.name} at {second}: their deadbands overlap"
            yield Disorder(lower.name, "deadband", wrong, "deadbands that do not overlap")


def _opposite(limits: Iterable[Acts]) -> Iterator[tuple[Acts, Acts]]:
    """Yield the alarms of either side that lie farthest beyond the other; of the classic four only with others."""
    people = [each for each in limits if each.annunciated]
    under, over = [each for each in people if not each.above], [each for each in people if each.above]
    if not under or not over:
        return
    by_limit = max(under, key=lambda one: one.limit), min(over, key=lambda one: one.limit)
    by_clearing = max(under, key=lambda one: one.clears_at), min(over, key=lambda one: one.clears_at)
    for lower, upper in dict.fromkeys((by_limit, by_clearing)):
        if not {lower.name, upper.name} <= _CLASSIC:
            yield lower, upper


def _order(lower: Acts, upper: Acts) -> str:
    if {lower.name, upper.name} <= _CLASSIC:
        return " < ".join(RISING)
    return f"{lower.name} below {upper.name}, or no value is normal"
