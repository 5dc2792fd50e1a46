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


def members_of(kind: type[Measure]) -> tuple[str, ...]:
    """Return the names of what a measure is told."""
    return tuple(member.name for member in fields(kind))  # type: ignore[arg-type] # each is a dataclass


def kind_of(name: str) -> type[Measure]:
    """Find a measure by its name. Raises ValueError where there is none."""
    for kind in MEASURES:
        if kind.name == name:
            return kind
    raise ValueError(f"there is no measure {name}")


@lru_cache(1024)  # thresholds have few different ones
def measure_of(name: str, parameters: tuple[tuple[str, float], ...]) -> Measure:
    """Return a measure with what it is told. Raises ValueError where there is none, or where it is told in vain."""
    kind = kind_of(name)
    in_vain = [key for key, _ in parameters if key not in members_of(kind)]
    if in_vain:
        raise ValueError(f"{', '.join(in_vain)} is nothing to {name}")
    return kind(**dict(parameters))
