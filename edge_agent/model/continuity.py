"""A changed plant, made of the parts of the old one wherever both say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.plant import Node, Plant

_T = TypeVar("_T")


def continued(old: Plant, new: Plant) -> Plant:
    """Return `new`, equal to what was given, with the nodes, sensors and actuators of `old` that are the same.

    So who knows a sensor by its identity goes on with it.
    """
    return replace(new, nodes={name: _node(old.nodes.get(name), node) for name, node in new.nodes.items()})


def _node(old: Node | None, new: Node) -> Node:
    if old is None or old == new:
        return old or new
    return replace(new, sensors=_same(old.sensors, new.sensors), actuators=_same(old.actuators, new.actuators))


def _same(old: Mapping[str, _T], new: Mapping[str, _T]) -> dict[str, _T]:
    return {name: old[name] if old.get(name) == each else each for name, each in new.items()}
