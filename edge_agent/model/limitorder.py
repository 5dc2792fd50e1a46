"""The order in which the limits of one sensor should lie: low_low < low < high < high_high."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.figures import apart, short
from edge_agent.model.plant import THRESHOLD_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RISING = tuple(reversed(THRESHOLD_NAMES))


class Disorder(NamedTuple):
    """What is wrong between a threshold and the next one above it; `member` of the lower one is to blame."""

    lower: str
    member: str
    wrong: str


def clears_at(name: str, limit: float, deadband: float) -> float:
    """Return the value at which an alarm clears: the deadband lies on the safe side of the limit."""
    return limit - deadband if name.startswith("high") else limit + deadband


def disorders(limits: Mapping[str, tuple[float, float]]) -> Iterator[Disorder]:
    """Find what is out of order among the thresholds of one sensor, by name: where each acts and where it clears."""
    for lower, upper in pairwise(name for name in RISING if name in limits):
        (low, low_reset), (high, high_reset) = limits[lower], limits[upper]
        if low >= high:
            first, second = apart(low, high, short)
            yield Disorder(lower, "limit", f"{first} is not below {upper} {second}")
        elif low_reset > high_reset:
            first, second = apart(low_reset, high_reset, short)
            wrong = f"{lower} clears at {first} and {upper} at {second}: their deadbands overlap"
            yield Disorder(lower, "deadband", wrong)
