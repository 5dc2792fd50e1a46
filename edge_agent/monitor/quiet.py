"""What a reading has to be like so that all the tests its sensor names find it good: known before it comes."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.quality import Flag
from edge_agent.model.time import MICROSECONDS
from edge_agent.monitor.order import AHEAD_US

if TYPE_CHECKING:
    from edge_agent.model.quality import Quality


class Quiet(NamedTuple):
    """Bounds, themselves good: value, rate per second, height over its neighbours, age at receipt in microseconds.

    Within `still` of the reading before it the tests with a memory have to see a reading. `tests` are the packed flags
    of a reading within the bounds, `pending` is what the tests that settle add to them beyond good while they wait.
    """

    lowest: float
    highest: float
    rate: float
    height: float
    youngest_us: int
    oldest_us: int
    still: float
    tests: int
    pending: int


@lru_cache(1024)  # most sensors of a plant are put to the same tests: one for all of them
def quiet_range(quality: Quality, late_us: int, future_us: int) -> Quiet:
    """Join the tests of a sensor; what they do not bound is infinite."""
    bounds = quality.bounds
    oldest_us = late_us
    if isfinite(bounds.age_seconds):  # a microsecond less: the test itself counts in seconds, as a float
        oldest_us = min(late_us, int(bounds.age_seconds * MICROSECONDS) - 1)
    return Quiet(
        bounds.lowest,
        bounds.highest,
        bounds.rate,
        bounds.height,
        -min(future_us, AHEAD_US),
        oldest_us,
        bounds.still,
        sum(Flag.GOOD << 4 * spec.number for spec in quality.values()),
        sum((Flag.NOT_EVALUATED - Flag.GOOD) << 4 * spec.number for spec in quality.values() if spec.settles),
    )
