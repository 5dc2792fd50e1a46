"""Writes a first plant file for a network: complete, loadable, the file's own controls word for word."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.errors import SimulationError, UsageError
from edge_agent.simulate.draft import Draft
from edge_agent.simulate.habits import Habits, observe
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.levelswitch import (
    asked,
    distinct,
    filling,
    plan_text,
    pressure_lines,
    switch_of,
    threshold_lines,
)
from edge_agent.simulate.network import Element
from edge_agent.simulate.planttext import device_text, simulation_text, tanks_text
from edge_agent.simulate.rulewords import rule_plans
from edge_agent.simulate.timers import daily, moments_text, timetable_text, windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.simulate.levelswitch import LevelSwitch
    from edge_agent.simulate.network import LevelControl, Network

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class Scaffold(NamedTuple):
    """A first plant file, and in a sentence each what of the network's file it does not say."""

    text: str
    unsaid: tuple[str, ...]


def scaffold(inp_path: Path | str, site: str) -> str:
    """Write a plant file (TOML) for a network. Raises SimulationError, or UsageError where `site` is no id."""
    return scaffolded(inp_path, site).text


def scaffolded(inp_path: Path | str, site: str) -> Scaffold:
    """Write a plant file for a network, and say what it does not. Raises as `scaffold` does."""
    if not _ID.fullmatch(site):
        raise UsageError(f"{site!r} is not an id of a site; expected a-z, 0-9, _ and -, such as riverside.")
    with Hydraulics(inp_path) as hydraulics:
        network = hydraulics.network
    try:
        habits = observe(inp_path)
    except SimulationError:
        habits = Habits()  # it can be read and not calculated
    translation = _Translation(network, habits)
    plans, devices, name = translation.plans(), translation.draft.devices, Path(inp_path).name
    if not devices:
        raise UsageError("The network has no tank, pump, valve or demand: there is nothing to make a plant of.")
    parts = [
        f"# A first plant file for {name}, made by `edge-agent simulate --scaffold`.",
        "# Look over limits, tests and plans before you trust them.",
        *(f"# Not said here: {sentence}." for sentence in translation.unsaid),
        f'\n[site]\nid = "{site}"\n',
        *map(device_text, devices),
        *tanks_text(translation.draft),
        *plans,
        simulation_text(name, devices),
    ]
    return Scaffold("\n".join(parts), tuple(translation.unsaid))


class _Translation:
    """The plans of a network's controls and rules; what cannot be said is added to `unsaid`."""

    def __init__(self, network: Network, habits: Habits) -> None:
        self._network, self.draft = network, Draft(network, habits)
        self.unsaid: list[str] = []

    def plans(self) -> list[str]:
        """Return every plan as text."""
        self._lean()
        timed = [text for link in self._timed_links() for text in self._timed(link)]
        level = [text for tank in self._network.tanks for text in self._of_tank(tank)]
        pressure = [text for node in self._looked_at() for text in self._of_junction(node)]
        rules, unsaid = rule_plans(self.draft)
        self.unsaid += unsaid
        return [*level, *pressure, *timed, *rules]

    def _lean(self) -> None:
        """Find the valves that fill a tank: left open they would let it run over."""
        for control in self._network.level_controls:
            link = self._network.link(control.link)
            if control.kind == "tank" and control.opens and not control.above and link.kind != "pump":
                self.draft.device(link).fail_safe = "close"

    # By levels and pressures -----------------------------------------------------------------------------------

    def _switch(self, control: LevelControl) -> Iterator[LevelSwitch]:
        link = self._network.link(control.link)
        actuator = self.draft.actuator(link)
        if asked(actuator.rpartition("/")[2], control.setting) is None:
            self.unsaid.append(
                f"{link.kind} {link.name} is set to {control.setting:g} by {control.kind} {control.tank}, "
                f"which no step of a plan can ask for"
            )
            return
        yield switch_of(control, self._network.tanks.get(control.tank), *actuator.split("/"))

    def _of_tank(self, tank: str) -> Iterator[str]:
        """Write the thresholds of a tank's level, and the plans of its switch points."""
        limits, element = self._network.tanks[tank], Element("tank", tank)
        controls = [one for one in self._network.level_controls if (one.kind, one.tank) == ("tank", tank)]
        if limits.highest <= limits.lowest:
            self.unsaid += [f"tank {tank} has no height, so nothing is switched by it"] if controls else []
            return
        points = [point for control in controls for point in self._switch(control)]
        node = self.draft.device(element).id
        points += self._filled(node, tank)
        named = distinct(points)
        self.draft.limit(element, "level", threshold_lines(limits, named))
        yield from (plan_text(f"{node}/level", point, self._fallback(point)) for point in named)

    def _filled(self, node: str, tank: str) -> Iterable[LevelSwitch]:
        """Return a pair of set points for the pumps of which the file says nothing, at the nearest tank behind."""
        told = {control.link for control in self._network.level_controls}
        told |= {control.link for control in self._network.timed_controls}
        told |= {action.link.name for rule in self._network.rules for action in (*rule.then, *rule.otherwise)}
        told |= self._network.spares
        pumps = [pump for pump in self._network.of_kind("pump") if pump not in told]
        free = [pump for pump in pumps if _nearest_tank(pump, self._network) == tank]
        if not free:
            return ()
        self.unsaid.append(
            f"nothing in the file switches pump {', '.join(free)}: its set points, at a fifth and four fifths of "
            f"tank {tank}, are made up"
        )
        actuators = [self.draft.actuator(Element("pump", pump)) for pump in free]
        return filling(node, self._network.tanks[tank], actuators)

    def _looked_at(self) -> list[str]:
        """Name the junctions by whose pressure something is switched."""
        return list(dict.fromkeys(one.tank for one in self._network.level_controls if one.kind == "junction"))

    def _of_junction(self, junction: str) -> Iterator[str]:
        element = Element("junction", junction)
        controls = [one for one in self._network.level_controls if (one.kind, one.tank) == ("junction", junction)]
        named = distinct(point for control in controls for point in self._switch(control))
        sensor = self.draft.sensor(element, "pressure")
        self.draft.limit(element, "pressure", pressure_lines(named))
        yield from (plan_text(sensor, point, self._fallback(point)) for point in named)

    def _fallback(self, point: LevelSwitch) -> str:
        links = [one.moves for one in self.draft.devices if f"{one.id}/{one.kind}" in point.actuators and one.moves]
        return self.draft.fallback(links[0], on=point.action in {"start", "open", "set"})

    # By the clock ----------------------------------------------------------------------------------------------

    def _timed_links(self) -> list[str]:
        return list(dict.fromkeys(control.link for control in self._network.timed_controls))

    def _timed(self, name: str) -> Iterator[str]:
        """Write the timetable of a link that the clock switches."""
        link = self._network.link(name)
        controls = [control for control in self._network.timed_controls if control.link == name]
        actuator, device = self.draft.actuator(link), self.draft.device(link)
        unsayable = [one for one in controls if asked(device.kind, one.setting) is None]
        asks = "by the clock, which no step of a plan can ask for"
        self.unsaid += [f"{link.kind} {name} is set to {one.setting:g} {asks}" for one in unsayable]
        sayable = [one for one in controls if one not in unsayable]
        events, unsaid = daily(sayable, self._network.clock_seconds, self._network.duration_seconds)
        if unsaid:
            self.unsaid.append(f"of {link.kind} {name} {unsaid}")
        if any(event.second % 60 for event in events):
            self.unsaid.append(f"the times of {link.kind} {name} are cut to the minute")
        spans = windows(events, on=device.safe in {"stop", "close"})
        if spans is None:
            yield from moments_text(f"clock_{device.id}", actuator, events)
        else:
            yield from timetable_text(f"clock_{device.id}", actuator, spans)


def _nearest_tank(pump: str, network: Network) -> str | None:
    """Find the tank a pump fills: the nearest behind it by links."""
    source, start = network.ends[pump]
    neighbours: dict[Element, list[Element]] = {}
    for first, second in network.ends.values():
        neighbours.setdefault(first, []).append(second)
        neighbours.setdefault(second, []).append(first)
    seen, waiting = {source, start}, deque([start])
    while waiting:
        node = waiting.popleft()
        if node.kind == "tank":
            return node.name
        fresh = [other for other in neighbours[node] if other not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return None
