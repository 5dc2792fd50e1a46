"""A straight line through the readings so far, each counting less the older it is: what measures of a rate go by."""

from __future__ import annotations

from math import exp
from typing import NamedTuple

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


def followed(state: Trend | None, value: float, seconds: float, over_seconds: float) -> tuple[Trend, float | None]:
    """Return the line through this reading too, weighted by exp(-age / `over_seconds`), and its slope per second.

    The slope is None until the line is as long as `over_seconds`, and the line begins anew after a silence of three
    times that, or where a clock was set back by more than it. Constant time, seven numbers.
    Source: weighted linear regression with exponential forgetting, as in Brown, Smoothing, Forecasting and Prediction
    (1963).

    >>> state, slope = followed(None, 3.0, 0.0, 60.0)
    >>> round(followed(state, 3.6, 60.0, 60.0)[1], 6)
    0.01
    """
    if state is None or not -over_seconds <= seconds - state.seconds <= _FORGOTTEN * over_seconds:
        return Trend(seconds, seconds, 1.0, 0.0, value, 0.0, 0.0), None
    if seconds > state.seconds:
        state = _moved(state, value, seconds, over_seconds)
    return state, state.slope if seconds - state.since >= over_seconds else None


def _moved(state: Trend, value: float, seconds: float, over_seconds: float) -> Trend:
    since, before, weight, t, x, tt, tx = state
    step = seconds - before
    fade = exp(-step / over_seconds)
    return Trend(
        since,
        seconds,
        fade * weight + 1.0,
        fade * (t - step * weight),
        fade * x + value,
        fade * (tt - 2.0 * step * t + step * step * weight),
        fade * (tx - step * x),
    )
