"""What the thresholds of a sensor must be, as they are written: a side, a measure that is told what it needs, an order.

Reads the raw tables, as `settings/relations.py` does: what has the wrong type is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.analyze.measures.registry import MEASURES, meant, members_of, needs_of
from edge_agent.model.figures import finite
from edge_agent.model.limitorder import Acts, disorders
from edge_agent.model.plant import BUILT_IN_ALARMS, SIDES
from edge_agent.model.spelling import show
from edge_agent.settings.findings import Finding
from edge_agent.settings.tomlfile import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.settings.findings import KeyPath

#: The keys that say where a threshold acts.
_PLACES = ("limit", "above", "below")


def threshold_findings(path: KeyPath, thresholds: dict[str, Any]) -> Iterator[Finding]:
    """Find what is wrong with the thresholds of one sensor."""
    for name, content in thresholds.items():
        if isinstance(content, dict):
            yield from _side((*path, name), name, content)
            yield from _measure((*path, name), content)
    for measure in MEASURES:
        found = [_acts(name, table(content)) for name, content in thresholds.items() if _is_of(content, measure.name)]
        for lower, member, wrong, expected in disorders(each for each in found if each is not None):
            key = _place_of(table(thresholds[lower])) if member == "limit" else member
            yield Finding((*path, lower, key), wrong, expected)


def _side(path: KeyPath, name: str, threshold: dict[str, Any]) -> Iterator[Finding]:
    """Find whether it says where it acts, once, and as its name does."""
    if name in BUILT_IN_ALARMS:
        yield Finding(path, f"{show(name)} is an alarm that exists without configuration", "another name")
    given, implied = [key for key in _PLACES if key in threshold], SIDES.get(name)
    if not given:
        yield Finding((*path, "limit" if implied else "above"), "is missing", "a number" if implied else _SIDES)
    elif len(given) > 1:
        yield Finding((*path, given[1]), f"is given with {given[0]}", f"one of {', '.join(_PLACES)}")
    elif given == ["limit"] and implied is None:
        wrong = f"does not say on which side {name} acts"
        yield Finding((*path, "limit"), wrong, f"{_SIDES}; only {', '.join(SIDES)} imply it")
    elif implied is not None and given[0] not in {"limit", implied}:
        yield Finding((*path, given[0]), f"{name} acts {implied} its limit", f"limit, or {implied}")


_SIDES = "above or below, and a number"


def _measure(path: KeyPath, threshold: dict[str, Any]) -> Iterator[Finding]:
    """Find what the measure of a threshold is told in vain, or wrongly, or not."""
    name = meant(threshold)
    told: set[str] = set()
    for measure in (measure for measure in MEASURES if measure.name == name):
        told.update(members_of(measure))
        missing = [key for key in needs_of(measure) if threshold.get(key) is None]
        yield from (Finding((*path, key), "is missing", f"a number, for {name}") for key in missing)
        yield from (Finding((*path, *found.path), *found[1:]) for found in measure.conflicts(threshold))
    for key in threshold.keys() - told:
        takers = [f'of = "{measure.name}"' for measure in MEASURES if key in members_of(measure)]
        if takers:
            yield Finding((*path, key), f"is nothing to {show(name)}", " or ".join(takers))


def _is_of(threshold: object, measure: str) -> bool:
    return isinstance(threshold, dict) and meant(threshold) == measure


def _place_of(threshold: dict[str, Any]) -> str:
    return next((key for key in _PLACES if key in threshold), "limit")


def _acts(name: str, threshold: dict[str, Any]) -> Acts | None:
    """Read where a threshold acts and clears; None where it does not say so soundly."""
    place = _place_of(threshold)
    side, limit = SIDES.get(name) if place == "limit" else place, finite(threshold.get(place))
    if limit is None or side is None or SIDES.get(name, side) != side:
        return None
    deadband = finite(threshold.get("deadband", 0.0)) or 0.0
    back = limit - max(0.0, deadband) if side == "above" else limit + max(0.0, deadband)
    return Acts(name, side == "above", limit, back, threshold.get("alarm") is not False)
