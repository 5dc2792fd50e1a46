"""How fast the value rises or falls."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from edge_agent.analyze.measures.spec import Measure

_HOUR = 3600.0
#: After a silence of so many times its span nothing of before counts any more.
_FORGOTTEN = 3.0


class Trend(NamedTuple):
    """A straight line through the readings so far, each counting less the older it is: sums relative to the newest."""

    since: float
    seconds: float
    weight: float
    t: float
    x: float
    tt: float
    tx: float

    @property
    def slope(self) -> float:
        """Per second; 0 where all readings are of one instant."""
        spread = self.weight * self.tt - self.t * self.t
        return (self.weight * self.tx - self.t * self.x) / spread if spread > 0.0 else 0.0


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
        if state is None or not -self.over_seconds <= seconds - state.seconds <= _FORGOTTEN * self.over_seconds:
            return Trend(seconds, seconds, 1.0, 0.0, value, 0.0, 0.0), None
        if seconds > state.seconds:
            state = self._moved(state, value, seconds)
        known = seconds - state.since >= self.over_seconds
        return state, state.slope * _HOUR if known else None

    def _moved(self, state: Trend, value: float, seconds: float) -> Trend:
        since, before, weight, t, x, tt, tx = state
        step = seconds - before
        fade = exp(-step / self.over_seconds)
        return Trend(
            since,
            seconds,
            fade * weight + 1.0,
            fade * (t - step * weight),
            fade * x + value,
            fade * (tt - 2.0 * step * t + step * step * weight),
            fade * (tx - step * x),
        )

    def subject(self, sensor: str) -> str:
        """Name the rate."""
        return f"the rate of {sensor}"

    def unit(self, unit: str) -> str:
        """Return the sensor's own, per hour."""
        return f"{unit}/h"
