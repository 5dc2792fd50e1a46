"""A planner under a manual clock, with evidence that is fresh unless a test says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.plants import START, later, plan, plant, pump, sensor

from edge_agent.model.alarms import Alarm, AlarmKey
from edge_agent.model.commands import Request
from edge_agent.plan.planning import Planner
from edge_agent.plan.situation import Situation
from edge_agent.plan.standing import Station

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Plan, Provision
    from edge_agent.model.remembered import PlanMemory
    from edge_agent.plan.standing import Standing

PUMP1, PUMP2, VALVE = "station/pump1", "station/pump2", "station/valve"
LEVEL, BACKUP, INTAKE = "tank1/level", "tank1/backup", "station/suction"
LOW, HIGH, SUCTION = f"{LEVEL}:low", f"{LEVEL}:high", f"{INTAKE}:low_low"
PLANT = plant(
    sensors=[sensor(LEVEL), sensor(BACKUP), sensor(INTAKE, "pressure", "bar")],
    actuators=[pump(), pump(PUMP2), pump(VALVE, kind="valve", fail_safe="open")],
)
FILL = plan("fill", LOW, (PUMP1, "start"))
STOP = plan("stop", HIGH, (PUMP1, "stop"))


#: A way back for every actuator: what no plan would end, ends with its alarms.
END = plan("zz_end", f"{LEVEL}:high_high", (PUMP1, "stop"), (PUMP2, "stop"), (VALVE, "open"))


class _WithEnd(Planner):
    def adopt(self, plans: Iterable[Plan], provisions: Iterable[Provision] | None = None) -> None:
        super().adopt([*plans, END], provisions)


def alarms(*names: str) -> dict[str, Alarm]:
    found = (Alarm(AlarmKey.parse(n), "high", True, False, START.at, f"{n} is so") for n in names)
    return {str(alarm.key): alarm for alarm in found}


def start(actuator: str = PUMP1, by: str = "fill", action: str = "start") -> Request:
    """A request as a former run left it."""
    return Request(actuator, action, None, by, 50, "because")


class Desk:
    """A planner under a clock in seconds after START."""

    def __init__(self, *plans: Plan, memories: Iterable[PlanMemory] = (), stands: Iterable[Request] = ()) -> None:
        self.planner = _WithEnd(PLANT, [*plans, END], memories, START)
        for request in stands:
            self.planner.stand(request)
        self.good: dict[str, float | None] = {}  # when sensors and nodes were last good; who is not named is so now
        self.returned: dict[str, float] = {}  # when the node of an actuator came back
        self.doing: dict[str, bool | None] = {}
        self.now = START
        self.planned: Any = None

    def silent(self, *names: str, since: float | None = 0.0) -> None:
        """Let sensors be good for the last time then; None: never in this run."""
        self.good |= dict.fromkeys(names, None if since is None else START.seconds + since)

    def speaks(self, *names: str) -> None:
        for name in names:
            self.good.pop(name, None)

    def decide(
        self, *active: str, at: float = 0.0, doubted: Iterable[str] = (), changed: Iterable[str] | None = None
    ) -> list[tuple[str, str, str | None]]:
        """Return the requests as (actuator, action, plan); without `changed` everything may be new."""
        self.now = later(at)
        facts = Situation(alarms(*active), self._sight, self._station, frozenset(doubted), changed=changed)
        self.planned = self.planner.decide(facts, self.now)
        return [(request.actuator, request.action, request.plan) for request in self.planned.requests]

    def wait(self, *active: str, since: float, until: float) -> list[tuple[float, str]]:
        """Let seconds pass; return when which action was requested."""
        found = []
        at = since
        while at <= until:
            found += [(at, action) for _, action, _ in self.decide(*active, at=at)]
            at += 1
        return found

    def _sight(self, name: str) -> float | None:
        return self.good.get(name, self.now.seconds if "/" in name else float("inf"))

    def _station(self, standing: Standing) -> Station:
        actuator = standing.request.actuator
        after = START.seconds + self.returned.get(actuator, 0.0)
        return Station(after, self.doing.get(actuator))

    @property
    def overruled(self) -> list[tuple[str | None, str]]:
        return [(lost.request.plan, lost.winner) for lost in self.planned.overruled]

    @property
    def memories(self) -> list[tuple[str, bool, int | None]]:
        return [(memory.plan, memory.applies, memory.fired_at) for memory in self.planned.memories]
