"""Whether the limit will be passed soon, as the value rises or falls now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from edge_agent.analyze.measures.spec import Measure
from edge_agent.analyze.measures.trend import followed

if TYPE_CHECKING:
    from edge_agent.analyze.measures.trend import Trend

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class TimeToLimit(Measure):
    """The value that is reached in `within_minutes` at the present rate: value + rate x time, in the sensor's unit.

    That lies beyond the limit just where the time to it, (limit - value) / rate, is shorter; it knows neither a rate of
    zero nor one that leads away as a case of its own. While the value itself is beyond, that counts. The rate is that
    of `rate_per_hour`, over `over_seconds`. Warm-up: as there, `over_seconds` from the first reading, after a silence
    of three times that, and after a clock that was set back; until then it is unknown. Weakness: a straight line knows
    no demand of the evening and no pump that will be stopped; noise of the rate is multiplied by the time to come, so
    that a long one needs a long `over_seconds`, a deadband or an on-delay.
    Source: linear extrapolation of the trend, as in Brown, Smoothing, Forecasting and Prediction (1963).

    >>> measure, state = TimeToLimit(30.0, 600.0), None
    >>> for minute in range(11):
    ...     state, reached = measure.update(3.0 + 0.01 * minute, 60.0 * minute, state)
    >>> round(reached, 6)
    3.4
    """

    name: ClassVar[str] = "time_to_limit"
    says: ClassVar[str] = "what it will be in `within_minutes` at the present rate; implied by that key"
    implied_by: ClassVar[str | None] = "within_minutes"
    foresees: ClassVar[bool] = True

    within_minutes: Annotated[
        float, Field(gt=0, le=525_600, description="At the present rate the limit is passed within so many minutes.")
    ]
    over_seconds: Annotated[
        float, Field(gt=0, le=31_536_000, description="Of a rate: the time over which it is measured; absent: 600.")
    ] = 600.0

    def update(self, value: float, seconds: float, state: Trend | None) -> tuple[Trend, float | None]:
        """Return the line through this reading too, and what it leads to once it is long enough."""
        trend, slope = followed(state, value, seconds, self.over_seconds)
        return trend, None if slope is None else value + slope * self.within_minutes * _MINUTE

    def subject(self, sensor: str) -> str:
        """Name what will be."""
        return f"{sensor} within {self.within_minutes:g} min at the present rate"

    def unit(self, unit: str) -> str:
        """Return the sensor's own."""
        return unit
