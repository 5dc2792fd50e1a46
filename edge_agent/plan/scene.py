"""What kinds of plans and conditions are told: what is declared in a plant, and how things are in one turn."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from edge_agent.model.plant import Actuator
    from edge_agent.model.time import Moment

    #: Finds an actuator of the plant by `node/actuator`.
    Find = Callable[[str], Actuator | None]


class Known(NamedTuple):
    """What plans can refer to, as it is declared.

    Alarms by name with the measure they are of (empty: of none), sensors with their quantity, actuators with their
    kind; and between which values the good readings of a sensor lie, and in which unit, where that is known.
    `provisions` are by the name of their table, and by their ids, with their keys as they are written.
    """

    alarms: Mapping[str, str]
    sensors: Mapping[str, Any]
    actuators: Mapping[str, Any]
    ranges: Mapping[str, tuple[float, float]] = MappingProxyType({})
    units: Mapping[str, Any] = MappingProxyType({})
    provisions: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


class Gauge(NamedTuple):
    """What a sensor shows: its last good value of this run, and a suspect one that came after it.

    It is `trusted` while the newest reading is good and not too old.
    """

    good: float | None = None
    doubtful: float | None = None
    unit: str = ""
    trusted: bool = False


def nothing(sensor: str) -> Gauge:
    """Return what a sensor shows that was never heard."""
    del sensor
    return Gauge()


def unknown(name: str) -> Mapping[str, bool]:
    """Return how equipment is that never reported: nobody knows."""
    del name
    return {}


def unheard(node: str) -> bool | None:
    """Return whether a node is online that never said so: nobody knows."""
    del node
    return None


class Scene(NamedTuple):
    """What a kind sees in one turn: names of the active alarms, and of those that doubt would raise; what sensors show.

    `find` finds an actuator of the plant by `node/actuator`; `equipment` says how one is, by words, as far as that is
    known, and `online` whether a node is there. `tariffs` say what energy costs.
    """

    active: Container[str]
    doubted: Container[str]
    now: Moment
    find: Find
    gauge: Callable[[str], Gauge] = nothing
    equipment: Callable[[str], Mapping[str, bool]] = unknown
    online: Callable[[str], bool | None] = unheard
    tariffs: tuple[Any, ...] = ()  # each a Tariff, which itself looks at what is known
