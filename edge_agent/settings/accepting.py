"""Which warnings of `check` a plant file accepts, each on the thing that it is about, and which are left to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.fitness import Risk
from edge_agent.model.spelling import one_of
from edge_agent.plan.provisions.registry import PROVISIONS
from edge_agent.settings.tables import THE_ONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.settings.schema import PlantKeys

    Thing = tuple[str | int, ...]
    #: Why risks are accepted: by the thing that they are about, then by their name.
    Reasons = Mapping[Thing, Mapping[str, str]]


def accepted(file: PlantKeys) -> dict[Thing, Mapping[str, str]]:
    """Return why the things of a plant file accept what is said of them."""
    return {path: table.accept for path, table in _things(file) if table.accept}


def _things(file: PlantKeys) -> Iterator[tuple[Thing, Any]]:
    """Yield the tables that may accept something, each with its place."""
    for node, content in file.nodes.items():
        for sensor, table in content.sensors.items():
            path = ("nodes", node, "sensors", sensor)
            yield path, table
            yield from (((*path, "thresholds", name), one) for name, one in table.thresholds.items())
        yield from ((("nodes", node, "actuators", name), one) for name, one in content.actuators.items())
    for table_name in ("plans", *(kind.table for kind in PROVISIONS)):
        yield from (((table_name, name), one) for name, one in getattr(file, table_name).items())


def left(risks: Iterable[Risk], reasons: Reasons) -> list[Risk]:
    """Return the risks that nobody accepts, and what is accepted in vain."""
    found: dict[tuple[str | int, ...], dict[Risk, None]] = {}
    for risk in risks:
        found.setdefault(risk.thing, {})[risk] = None
    rest = [risk for thing, those in found.items() for risk in _not_accepted(list(those), reasons.get(thing, {}))]
    return [*rest, *(one for thing in reasons for one in _in_vain(thing, reasons[thing], list(found.get(thing, {}))))]


def _not_accepted(risks: list[Risk], reasons: Mapping[str, str]) -> list[Risk]:
    if THE_ONE in reasons and len({risk.name for risk in risks}) == 1:
        return []
    return [risk for risk in risks if risk.name not in reasons]


def _in_vain(thing: Thing, reasons: Mapping[str, str], risks: list[Risk]) -> Iterator[Risk]:
    names = sorted({risk.name for risk in risks})
    for name in reasons:
        if name == THE_ONE and len(names) > 1:
            wrong = f"does not say which of {len(names)} warnings: none is accepted, lest one be that nobody thought of"
            table = ", ".join(f'{each} = "why"' for each in names)
            yield Risk("accepts_too_much", (*thing, "accept"), wrong, f"accept = {{ {table} }}")
        elif name not in names and not (name == THE_ONE and names):
            wrong = "accepts a warning that there is not" if name == THE_ONE else f"there is no warning {name} here"
            yield Risk("accepts_nothing", (*thing, "accept"), wrong, one_of(names, name) if names else "nothing")
