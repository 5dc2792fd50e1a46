"""Derived sensors in a plant file: what is wrong with an expression, and how often its values are expected."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge_agent.expressions.dimensions import factor, sensors
from edge_agent.expressions.grammar import ExpressionError
from edge_agent.expressions.order import circle, in_order
from edge_agent.model.sources import Derivation
from edge_agent.model.spelling import one_of, show
from edge_agent.model.units import QUANTITIES, conversion
from edge_agent.settings.findings import Finding
from edge_agent.settings.tomlfile import table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from edge_agent.model.plant import Node, Sensor
    from edge_agent.settings.findings import KeyPath
    from edge_agent.settings.schema import SensorTable

_OF_DEVICES = ("source", "channel", "scale", "offset")


def derivation(given: SensorTable) -> Derivation | None:
    """Return how a sensor comes from others; None where it is heard itself."""
    return None if given.derived is None else Derivation(given.derived, given.window_seconds, given.of)


def with_intervals(nodes: Mapping[str, Node], given: Collection[str]) -> dict[str, Node]:
    """Return nodes whose derived sensors are expected as often as the slowest part, where no other is `given`."""
    known = {sensor.name: sensor for node in nodes.values() for sensor in node.sensors.values()}
    made_of = {name: _named(sensor.derived.expression) for name, sensor in known.items() if sensor.derived}
    for name in in_order(made_of):
        intervals = [known[part].interval_seconds for part in made_of[name] if part in known]
        if intervals and name not in given:
            known[name] = replace(known[name], interval_seconds=max(intervals))
    return {name: _with(node, known) if made_of else node for name, node in nodes.items()}


def _with(node: Node, known: Mapping[str, Sensor]) -> Node:
    return replace(node, sensors={name: known[sensor.name] for name, sensor in node.sensors.items()})


def derived_findings(raw: dict[str, Any]) -> Iterator[Finding]:
    """Find what is wrong with the derived sensors of a plant file."""
    told = {
        f"{node}/{name}": (("nodes", node, "sensors", name), table(sensor))
        for node, content in table(raw.get("nodes")).items()
        for name, sensor in table(table(content).get("sensors")).items()
    }
    units = {name: str(sensor.get("unit")) for name, (_, sensor) in told.items()}
    made_of: dict[str, tuple[str, ...]] = {}
    for name, (path, sensor) in told.items():
        yield from _beside(path, sensor)
        if isinstance(sensor.get("derived"), str):
            made_of[name] = _named(sensor["derived"])
            yield from _expression(path, sensor, units)
    while round_ := circle(made_of):
        path, _ = told[round_[0]]
        wrong = f"it is made of itself: {', '.join(round_)}"
        yield Finding((*path, "derived"), wrong, "an expression of other sensors")
        made_of = {name: parts for name, parts in made_of.items() if name not in round_}


def _named(text: str) -> tuple[str, ...]:
    with suppress(ExpressionError):
        return sensors(text)
    return ()


def _beside(path: KeyPath, sensor: dict[str, Any]) -> Iterator[Finding]:
    """Find keys that mean nothing beside each other."""
    if "derived" not in sensor:
        for key in ("window_seconds", "of"):
            if key in sensor:
                yield Finding((*path, key), "means nothing to a sensor that is heard itself", f"derived beside {key}")
        return
    for key in _OF_DEVICES:
        if key in sensor:
            yield Finding((*path, key), "is given with derived", "one of the two")
    if "window_seconds" in sensor and "of" not in sensor:
        yield Finding((*path, "of"), "is missing", '"mean", "min", "max" or "sum", for what is taken of the window')
    if "of" in sensor and "window_seconds" not in sensor:
        yield Finding((*path, "window_seconds"), "is missing", "how long the window is")


def _expression(path: KeyPath, sensor: dict[str, Any], units: Mapping[str, str]) -> Iterator[Finding]:
    text, unit, quantity = sensor["derived"], sensor.get("unit"), sensor.get("quantity")
    here = (*path, "derived")
    try:
        unknown = [part for part in sensors(text) if part not in units]
        for part in unknown:
            wrong = f"{show(text)}: {show(part)} at column {text.index(part) + 1} is no sensor of this plant"
            yield Finding(here, wrong, one_of(units, part))
        if unknown or not isinstance(unit, str) or not isinstance(quantity, str) or quantity not in QUANTITIES:
            return
        if conversion(quantity, unit, unit) is not None:
            factor(text, units, unit, quantity, summed=sensor.get("of") == "sum")
    except ExpressionError as error:
        yield Finding(here, f"{show(text)}: {error.wrong} at column {error.column}", error.expected)
