"""How fast the value rises or falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from edge_agent.analyze.measures.spec import Measure
from edge_agent.analyze.measures.trend import followed

if TYPE_CHECKING:
    from edge_agent.analyze.measures.trend import Trend

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class RatePerHour(Measure):
    """The slope of the least-squares line through the good readings, weighted by exp(-age / `over_seconds`).

    In the sensor's unit per hour; falling is negative. Warm-up: `over_seconds` from the first reading, and again after
    a silence of three times that, or where a clock was set back by more than `over_seconds`. Weakness: it lags by about
    `over_seconds`; a step looks like a slope for that long.
    Source: weighted linear regression with exponential forgetting, as in Brown, Smoothing, Forecasting and Prediction
    (1963). Seven numbers, constant time.

    >>> measure, state = RatePerHour(600.0), None
    >>> for minute in range(11):
    ...     state, rate = measure.update(3.0 - 0.01 * minute, 60.0 * minute, state)
    >>> round(rate, 6)
    -0.6
    """

    name: ClassVar[str] = "rate_per_hour"
    says: ClassVar[str] = "how fast it rises, falling being negative"

    over_seconds: Annotated[
        float, Field(gt=0, le=31_536_000, description="Of a rate: the time over which it is measured; absent: 600.")
    ] = 600.0

    def update(self, value: float, seconds: float, state: Trend | None) -> tuple[Trend, float | None]:
        """Return the line through this reading too, and its slope once it is long enough."""
        trend, slope = followed(state, value, seconds, self.over_seconds)
        return trend, None if slope is None else slope * _HOUR

    def subject(self, sensor: str) -> str:
        """Name the rate."""
        return f"the rate of {sensor}"

    def unit(self, unit: str) -> str:
        """Return the sensor's own, per hour."""
        return f"{unit}/h"
