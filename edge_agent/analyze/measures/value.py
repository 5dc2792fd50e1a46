"""The value of the sensor itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edge_agent.analyze.measures.spec import Measure


@dataclass(frozen=True, slots=True)
class Value(Measure):
    """The value, in the sensor's unit. No warm-up, no state.

    >>> Value().update(3.2, 0.0, None)
    (None, 3.2)
    """

    name: ClassVar[str] = "value"
    says: ClassVar[str] = "the value"
    is_value: ClassVar[bool] = True

    def update(self, value: float, seconds: float, state: None) -> tuple[None, float]:
        """Return the value."""
        del seconds
        return state, value

    def subject(self, sensor: str) -> str:
        """Name the sensor."""
        return sensor

    def unit(self, unit: str) -> str:
        """Return the sensor's own."""
        return unit
