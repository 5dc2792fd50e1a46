"""What planning looks at in one turn, and what it decides."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.plan.interlocks.guarded import Outlook
from edge_agent.plan.interlocks.interlocking import Interlocked
from edge_agent.plan.rota import unknown_member
from edge_agent.plan.scene import Scene, nothing, unheard, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.commands import Request
    from edge_agent.model.evidence import Sight
    from edge_agent.model.inbox import Operation
    from edge_agent.model.plant import Plan, Provision
    from edge_agent.model.remembered import GroupMemory, PlanMemory
    from edge_agent.model.time import Moment
    from edge_agent.plan.claims import Overruled
    from edge_agent.plan.interlocks.guard import Stop
    from edge_agent.plan.provisions.tariffs import Tariff
    from edge_agent.plan.rota import Member
    from edge_agent.plan.scene import Find, Gauge
    from edge_agent.plan.standing import Standing, Station


class Situation(NamedTuple):
    """What planning looks at: alarms, those that doubt would raise, evidence, and the actuators' stations.

    `plans` and `provisions` replace those in force, `resets` are what people reset: an actuator, a plan, an interlock.
    `changed` are the names of what has changed since the last look: alarms that were raised or cleared, sensors that
    were heard, nodes whose status came; None where nobody knows. `revising`: a changed policy is in force in part, so
    that nothing may begin. `gauge` says what a sensor shows, `equipment` how an actuator is, `online` whether a node is
    there (see Scene). `stops` are the actuators that interlocks stop, and why; `stirred` those for which that may be
    another than before.
    """

    active: Mapping[str, Alarm]
    sight: Sight
    station: Callable[[Standing], Station]
    doubted: frozenset[str] = frozenset()
    plans: Iterable[Plan] | None = None
    provisions: Iterable[Provision] | None = None
    resets: Collection[Operation] = ()
    changed: Iterable[str] | None = None
    revising: bool = False
    gauge: Callable[[str], Gauge] = nothing
    equipment: Callable[[str], Mapping[str, bool]] = unknown
    online: Callable[[str], bool | None] = unheard
    member: Callable[[str], Member] = unknown_member
    stops: Mapping[str, Stop] = MappingProxyType({})
    stirred: Collection[str] = ()

    def outlook(self, find: Find, tariffs: tuple[Tariff, ...], now: Moment) -> Outlook:
        """Return how things are, as conditions see them; `find` finds an actuator of the plant."""
        seen = (self.gauge, self.equipment, self.online)
        return Outlook(Scene(self.active, self.doubted, now, find, *seen, tariffs), self.sight)


class Planned(NamedTuple):
    """What planning decided in one turn: new requests by actuator, those that lost, and what to remember of plans.

    `blind`: actuators whose request ended for want of evidence, and of what. `tripped`: those that a trip holds, and
    which. `interlocked`: what interlocks have come to. `failed`: those that are not used, of a group, or where a
    sequence failed, and why. `groups`: what to remember of those that changed.
    """

    requests: tuple[Request, ...] = ()
    overruled: tuple[Overruled, ...] = ()
    memories: tuple[PlanMemory, ...] = ()
    blind: Mapping[str, str] = MappingProxyType({})
    tripped: Mapping[str, str] = MappingProxyType({})
    interlocked: Interlocked = Interlocked()
    failed: Mapping[str, str] = MappingProxyType({})
    groups: tuple[GroupMemory, ...] = ()
