"""What a network does by its own controls in a week: how long each link is in use, how long each level stands still."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_agent.simulate.hydraulics import Hydraulics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edge_agent.simulate.network import Element

_STEP_SECONDS = 300
#: A day is not enough: a level stands still for hours once in a week.
_WATCHED_SECONDS = 7 * 24 * 3600
#: A level that moves by less of the height of its tank stands still.
STILL = 0.0002
#: Of the largest flow of a link: less is none.
_NO_FLOW = 0.01


@dataclass(frozen=True, slots=True)
class Habits:
    """`duty`: the share of time in which a link is in use. `still_seconds`: the longest time a level stood still."""

    duty: Mapping[Element, float] = field(default_factory=dict)
    still_seconds: Mapping[str, float] = field(default_factory=dict)


class _Stillness:
    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._low = self._high = 0.0
        self._since = -1.0
        self.longest = 0.0

    def note(self, level: float, seconds: float) -> None:
        low, high = min(self._low, level), max(self._high, level)
        if self._since < 0 or high - low > self._tolerance:
            low = high = level
            self._since = seconds
        self._low, self._high = low, high
        self.longest = max(self.longest, seconds - self._since)


def observe(inp_path: Path | str) -> Habits:
    """Watch a network for a week of its own controls. Raises SimulationError."""
    with Hydraulics(inp_path, remove_controls=False, step_seconds=_STEP_SECONDS) as hydraulics:
        network = hydraulics.network
        flows: dict[Element, list[float]] = {link: [] for link in network.links if _may_be_moved(link, hydraulics)}
        still = {tank: _Stillness(STILL * (limits.highest - limits.lowest)) for tank, limits in network.tanks.items()}
        for seconds in range(0, _WATCHED_SECONDS + 1, _STEP_SECONDS):
            hydraulics.advance(seconds)
            for link, found in flows.items():
                found.append(abs(hydraulics.flow(*link)))
            for tank, stillness in still.items():
                stillness.note(hydraulics.level(tank), seconds)
    duty = {link: sum(flow > _NO_FLOW * max(found) for flow in found) / len(found) for link, found in flows.items()}
    return Habits(duty, {tank: stillness.longest for tank, stillness in still.items()})


def _may_be_moved(link: Element, hydraulics: Hydraulics) -> bool:
    """Whether something in the file switches a link: the others are not watched."""
    network = hydraulics.network
    names = {control.link for control in network.level_controls} | {one.link for one in network.timed_controls}
    names |= {action.link.name for rule in network.rules for action in (*rule.then, *rule.otherwise)}
    return link.kind == "pump" or link.name in names
