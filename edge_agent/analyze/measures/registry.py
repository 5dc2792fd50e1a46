"""Every measure, in the order in which documents tell of them. A new one is a module, and a line here."""

from __future__ import annotations

from dataclasses import MISSING, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge_agent.analyze.measures.rate_per_hour import RatePerHour
from edge_agent.analyze.measures.time_to_limit import TimeToLimit
from edge_agent.analyze.measures.value import Value
from edge_agent.model.plant import VALUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.analyze.measures.spec import Measure

MEASURES: tuple[type[Measure], ...] = (
    Value,
    RatePerHour,
    TimeToLimit,
)


def members_of(kind: type[Measure]) -> tuple[str, ...]:
    """Return the names of what a measure is told."""
    return tuple(member.name for member in fields(kind))  # type: ignore[arg-type] # each is a dataclass


def needs_of(kind: type[Measure]) -> tuple[str, ...]:
    """Return the names of what a measure must be told."""
    return tuple(member.name for member in fields(kind) if member.default is MISSING)  # type: ignore[arg-type] # as above


def meant(given: Mapping[str, Any]) -> str:
    """Return the measure that a threshold of a plant file names, or implies by another key; else that of the value."""
    if given.get("of") is not None:
        return str(given["of"])
    return next((kind.name for kind in MEASURES if given.get(kind.implied_by or "") is not None), VALUE)


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
    told = dict(parameters)
    in_vain = [key for key in told if key not in members_of(kind)]
    if in_vain:
        raise ValueError(f"{', '.join(in_vain)} is nothing to {name}")
    missing = [key for key in needs_of(kind) if key not in told]
    if missing:
        raise ValueError(f"{name} needs {', '.join(missing)}")
    return kind(**told)
