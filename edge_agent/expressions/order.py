"""In which order figures are computed that are made of each other, and what goes round in a circle."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def circle(made_of: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return those that are made of each other in a circle, the first again at the end; empty where there is none.

    >>> circle({"a": ["b"], "b": ["c", "a"]})
    ('a', 'b', 'a')
    """
    try:
        _sorted(made_of)
    except CycleError as error:
        found: list[str] = list(reversed(error.args[1]))[:-1]  # graphlib goes against the arrows
        first = found.index(min(found))
        return (*found[first:], *found[:first], found[first])
    return ()


def in_order(made_of: Mapping[str, Collection[str]]) -> list[str]:
    """Return names so that each comes after all it is made of. What goes round in a circle is left out, and its users.

    >>> in_order({"net": ["gross", "a/flow"], "gross": ["b/flow"]})
    ['gross', 'net']
    """
    left = dict(made_of)
    while round_ := circle(left):
        lost = set(round_)
        while more := {name for name, parts in left.items() if name not in lost and lost.intersection(parts)}:
            lost |= more
        left = {name: parts for name, parts in left.items() if name not in lost}
    return [name for name in _sorted(left) if name in left]


def _sorted(made_of: Mapping[str, Collection[str]]) -> list[str]:
    return list(TopologicalSorter({name: tuple(parts) for name, parts in made_of.items()}).static_order())
