"""Every measure, in the order in which documents tell of them. A new one is a module, and a line here."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING

from edge_agent.analyze.measures.rate_per_hour import RatePerHour
from edge_agent.analyze.measures.value import Value

if TYPE_CHECKING:
    from edge_agent.analyze.measures.spec import Measure

MEASURES: tuple[type[Measure], ...] = (
    Value,
    RatePerHour,
)


def members(measure: type[Measure]) -> tuple[str, ...]:
    """Return the names of what a measure is told."""
    return tuple(member.name for member in fields(measure))  # type: ignore[arg-type] # each is a dataclass


@lru_cache(1024)  # thresholds have few different ones
def measure_of(name: str, parameters: tuple[tuple[str, float], ...]) -> Measure:
    """Return a measure by its name and what it is told. Raises ValueError for what does not exist."""
    for measure in MEASURES:
        if measure.name == name and {key for key, _ in parameters} <= set(members(measure)):
            return measure(**dict(parameters))
    raise ValueError(f"there is no measure {name} of {', '.join(key for key, _ in parameters) or 'nothing'}")
