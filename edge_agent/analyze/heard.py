"""What the analysis is told in one turn, and what it decides."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_agent.model.alarms import Alarm, AlarmEvent
    from edge_agent.model.plant import Sensor, Threshold
    from edge_agent.model.readings import Reading


class Heard(NamedTuple):
    """Facts for one turn of the analysis.

    `limits` are all limits of the sensors (`node/sensor`) whose limits change; `judged` the settled readings in order,
    each with its topic; `silent` the sensors that went stale; `statuses` nodes, and whether they are online; `renewals`
    say why the store was begun anew.
    """

    limits: Mapping[str, Sequence[Threshold]] = MappingProxyType({})
    judged: Sequence[tuple[Reading, str]] = ()
    silent: Sequence[Sensor] = ()
    statuses: Sequence[tuple[str, bool]] = ()
    renewals: Sequence[str] = ()


class Changes(NamedTuple):
    """What happened to alarms: the entries of the journal, and the present state of every alarm they changed."""

    events: list[AlarmEvent]
    alarms: list[Alarm]
