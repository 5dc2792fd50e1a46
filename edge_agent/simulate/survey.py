"""Reads what a loaded network consists of, through the toolkit that `hydraulics` hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.simulate.network import Element, LevelControl, Network, TankLimits, TimedControl, Units
from edge_agent.simulate.rulesurvey import read_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: By the toolkit's numbers of its flow units: our name, and a factor where we have no such unit.
_FLOW_UNITS = (
    ("cfs", 1.0),
    ("gpm", 1.0),
    ("mgd", 1.0),
    ("mgd", 1.200949925),  # imperial million gallons a day
    ("mgd", 0.325851429),  # acre-feet a day
    ("L/s", 1.0),
    ("L/min", 1.0),
    ("ML/d", 1.0),
    ("m3/h", 1.0),
    ("m3/d", 1.0),
    ("m3/s", 1.0),
)
_FIRST_SI_FLOW_UNIT = 5
_PRESSURE_UNITS = ("psi", "kPa", "m", "bar", "ft")
_NO_SETTING = 1e9
_NODE_KINDS = ("junction", "reservoir", "tank")
#: Pipe with check valve, pipe, pump, and seven kinds of valves.
_LINK_KINDS = ("pipe", "pipe", "pump", *["valve"] * 7)


class Survey(NamedTuple):
    """A network, where the toolkit keeps its elements, and what its flows are multiplied with to be in our unit."""

    network: Network
    indices: Mapping[Element, int]
    flow_factor: float


def survey_network(toolkit: Any, project: Any) -> Survey:  # noqa: ANN401 - the toolkit ships no types
    """Read a network that is open and not yet calculated. The toolkit's own exceptions pass through."""
    return _Surveyor(toolkit, project).survey()


class _Surveyor:
    def __init__(self, toolkit: Any, project: Any) -> None:  # noqa: ANN401 - the toolkit ships no types
        self._toolkit, self._project = toolkit, project
        counts = (toolkit.NODECOUNT, toolkit.LINKCOUNT)
        nodes, links = (range(1, toolkit.getcount(project, count) + 1) for count in counts)
        self._nodes = {index: self._node_element(index) for index in nodes}
        self._links = {index: self._link_element(index) for index in links}
        self._flow_unit = toolkit.getflowunits(project)

    def survey(self) -> Survey:
        factor = _FLOW_UNITS[self._flow_unit][1]
        indices = {element: index for table in (self._nodes, self._links) for index, element in table.items()}
        network = Network(
            units=self._units(),
            elements=tuple(indices),
            tanks={node.name: self._limits(index) for index, node in self._nodes.items() if node.kind == "tank"},
            ends={link.name: self._ends(index) for index, link in self._links.items()},
            demands={
                node.name: self._node_value(index, self._toolkit.BASEDEMAND) * factor
                for index, node in self._nodes.items()
                if node.kind == "junction"
            },
            level_controls=self._level_controls(),
            spares=self._spares(),
            timed_controls=self._timed_controls(),
            rules=tuple(read_rules(self._toolkit, self._project, self._nodes, self._links)),
            elevations={
                node.name: self._node_value(index, self._toolkit.ELEVATION) for index, node in self._nodes.items()
            },
            closed=frozenset(link.name for index, link in self._links.items() if not self._is_open(index)),
            clock_seconds=int(self._toolkit.gettimeparam(self._project, self._toolkit.STARTTIME)),
            duration_seconds=int(self._toolkit.gettimeparam(self._project, self._toolkit.DURATION)),
        )
        return Survey(network, indices, factor)

    def _node_element(self, index: int) -> Element:
        kind = _NODE_KINDS[self._toolkit.getnodetype(self._project, index)]
        return Element(kind, self._toolkit.getnodeid(self._project, index))

    def _link_element(self, index: int) -> Element:
        kind = _LINK_KINDS[self._toolkit.getlinktype(self._project, index)]
        return Element(kind, self._toolkit.getlinkid(self._project, index))

    def _node_value(self, index: int, what: int) -> float:
        return float(self._toolkit.getnodevalue(self._project, index, what))

    def _limits(self, index: int) -> TankLimits:
        toolkit = self._toolkit
        whats = (toolkit.MINLEVEL, toolkit.MAXLEVEL, toolkit.TANKLEVEL)
        lowest, highest, initial = (self._node_value(index, what) for what in whats)
        volumes = [self._node_value(index, what) for what in (toolkit.MINVOLUME, toolkit.MAXVOLUME)]
        area = (volumes[1] - volumes[0]) / (highest - lowest) if highest > lowest else 0.0
        return TankLimits(lowest, highest, initial, area)

    def _ends(self, index: int) -> tuple[Element, Element]:
        first, second = self._toolkit.getlinknodes(self._project, index)
        return self._nodes[first], self._nodes[second]

    def _units(self) -> Units:
        pressure = _PRESSURE_UNITS[int(self._toolkit.getoption(self._project, self._toolkit.PRESS_UNITS))]
        length = "m" if self._flow_unit >= _FIRST_SI_FLOW_UNIT else "ft"
        return Units(length, pressure, _FLOW_UNITS[self._flow_unit][0])

    def _spares(self) -> frozenset[str]:
        toolkit, project = self._toolkit, self._project
        if toolkit.getcount(project, toolkit.RULECOUNT):
            return frozenset()  # what a rule opens is not looked for
        count = toolkit.getcount(project, toolkit.CONTROLCOUNT)
        switched = {toolkit.getcontrol(project, index)[1] for index in range(1, count + 1)}
        return frozenset(
            link.name
            for index, link in self._links.items()
            if index not in switched and not toolkit.getlinkvalue(project, index, toolkit.INITSTATUS)
        )

    def _is_open(self, link: int) -> bool:
        return bool(self._toolkit.getlinkvalue(self._project, link, self._toolkit.INITSTATUS))

    def _controls(self) -> Iterator[tuple[int, int, float, int, float]]:
        toolkit = self._toolkit
        for index in range(1, toolkit.getcount(self._project, toolkit.CONTROLCOUNT) + 1):
            kind, link, setting, node, level = toolkit.getcontrol(self._project, index)
            # OPEN and CLOSED of what has no speed are told as numbers that no setting can be.
            opened = setting if abs(setting) < _NO_SETTING else float(setting > 0)
            yield kind, link, opened, node, level

    def _level_controls(self) -> tuple[LevelControl, ...]:
        toolkit = self._toolkit
        found = []
        for kind, link, setting, node, level in self._controls():
            if kind in {toolkit.LOWLEVEL, toolkit.HILEVEL}:
                names, above = (self._links[link].name, self._nodes[node].name), kind == toolkit.HILEVEL
                what = self._nodes[node].kind
                found.append(LevelControl(*names, level, above, opens=setting > 0, setting=setting, kind=what))
        return tuple(found)

    def _timed_controls(self) -> tuple[TimedControl, ...]:
        toolkit = self._toolkit
        return tuple(
            TimedControl(self._links[link].name, int(seconds), kind == toolkit.TIMEOFDAY, setting)
            for kind, link, setting, _, seconds in self._controls()
            if kind in {toolkit.TIMER, toolkit.TIMEOFDAY}
        )
