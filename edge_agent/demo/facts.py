"""What the demo's pictures are told besides the agent's snapshot and the tally."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.model.time import MICROSECONDS, as_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.demo.gauge import Span
    from edge_agent.model.plant import Threshold
    from edge_agent.model.time import Instant

_DAY = 86_400 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class DemoFacts:
    """About the demo itself. `spans` and `thresholds` by sensor (`node/sensor`); `broker`, `metrics` as to be shown."""

    site: str
    speed: float
    broker: str
    metrics: str
    start: Instant
    thresholds: Mapping[str, tuple[Threshold, ...]] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)


def midnight(at: Instant) -> Instant:
    """Go back to the midnight (UTC) before: networks begin their day there."""
    return at - at % _DAY


def clock_text(at: Instant) -> str:
    """Write plant time as HH:MM:SS."""
    return as_datetime(at).strftime("%H:%M:%S")


def day_text(at: Instant, start: Instant) -> str:
    """Write plant time with the day of the demo it is in, counting from 1."""
    return f"day {(at - midnight(start)) // _DAY + 1}, {clock_text(at)}"
