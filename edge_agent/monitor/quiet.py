"""What a reading has to be like so that all the tests its sensor names find it good: known before it comes."""

from __future__ import annotations

from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.quality import SHIFT, Flag
from edge_agent.model.time import MICROSECONDS
from edge_agent.monitor.order import AHEAD_US
from edge_agent.monitor.tests import flat_line

if TYPE_CHECKING:
    from edge_agent.model.plant import QualityTests

_FIXED = ("gross_range", "rate_of_change", "flat_line", "freshness")


class Quiet(NamedTuple):
    """Bounds, themselves good: value, rate per second, height over its neighbours, age at receipt in microseconds.

    Within `tolerance` of the reading before it a reading goes on with a flat run, which flags it. `tests` are the
    packed flags of a reading within them, `settled_tests` those after the spike test as well.
    """

    lowest: float
    highest: float
    rate: float
    height: float
    youngest_us: int
    oldest_us: int
    tolerance: float
    spike: bool
    tests: int
    settled_tests: int


@lru_cache(1024)  # most sensors of a plant are put to the same tests: one for all of them
def quiet_range(quality: QualityTests, late_us: int, future_us: int) -> Quiet:
    """Join the tests of a sensor; what they do not bound is infinite."""
    gross, rate, spike, fresh = quality.gross_range, quality.rate_of_change, quality.spike, quality.freshness
    ranges = [] if gross is None else [gross.fail, gross.suspect or gross.fail]
    flat = quality.flat_line
    if flat is not None and flat_line.flag(flat, 0.0) is not Flag.GOOD:  # whatever comes is flat at once
        ranges.append((inf, -inf))
    good = sum(Flag.GOOD << SHIFT[test] for test in _FIXED if getattr(quality, test) is not None)
    oldest_us = late_us
    if fresh is not None:  # a microsecond less: the test itself counts in seconds, as a float
        oldest_us = min(late_us, int(_least(fresh.suspect_seconds, fresh.fail_seconds) * MICROSECONDS) - 1)
    return Quiet(
        max((low for low, _ in ranges), default=-inf),
        min((high for _, high in ranges), default=inf),
        inf if rate is None else _least(rate.suspect, rate.fail),
        inf if spike is None else _least(spike.suspect, spike.fail),
        -min(future_us, AHEAD_US),
        oldest_us,
        -inf if flat is None else flat.tolerance,
        spike is not None,
        good | (Flag.NOT_EVALUATED << SHIFT["spike"] if spike is not None else 0),
        good | (Flag.GOOD << SHIFT["spike"] if spike is not None else 0),
    )


def _least(*limits: float | None) -> float:
    return min((limit for limit in limits if limit is not None), default=inf)
