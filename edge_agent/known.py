"""Everything the agent knows while it runs, and what its phases ask of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.analyze.analysis import Analyzer
from edge_agent.execute.candidates import candidate
from edge_agent.execute.execution import Executor
from edge_agent.execute.facts import Leave
from edge_agent.execute.prospects import words
from edge_agent.execute.teams import Team
from edge_agent.execute.view import actuator_views, actuator_words, node_view, possible_words
from edge_agent.model.continuity import continued
from edge_agent.model.remembered import Snapshot
from edge_agent.monitor.monitoring import Monitor
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.monitor.view import sensor_view, sensor_views
from edge_agent.plan.effect import Comparison, Effects
from edge_agent.plan.interlocks.guard import Prospect
from edge_agent.plan.members import teams
from edge_agent.plan.planning import Planner
from edge_agent.plan.rota import Member, unknown_member
from edge_agent.plan.scene import Gauge
from edge_agent.plan.situation import Situation
from edge_agent.plan.standing import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from edge_agent.execute.facts import Executed
    from edge_agent.model.commands import Mode
    from edge_agent.model.plant import Plan, Plant, Policy, Provision
    from edge_agent.model.remembered import Remembered, SensorView
    from edge_agent.model.time import Moment
    from edge_agent.plan.situation import Planned
    from edge_agent.plan.standing import Standing


class Knowledge:
    """Everything the agent knows while it runs. Only `run_turn` changes it; others are given snapshots."""

    def __init__(
        self,
        plant: Plant,
        policy: Policy,
        remembered: Remembered,
        now: Moment,
        *,
        agent: str,
        mode: Mode,
        future_tolerance_seconds: float = 60.0,
    ) -> None:
        self.plant, self.agent = plant, agent
        self.revising = False  # a changed policy is in force in part: nothing is started before the rest of it is
        self.refusal = ""  # why the newest policy was refused; the last good one is in force then
        self.monitor = Monitor(plant, remembered, now, future_tolerance_seconds)
        self.analyzer = Analyzer(plant, policy.thresholds, remembered.alarms, now, layout=LAYOUT)
        readings = remembered.readings if remembered.same_clock(now) else ()
        self.analyzer.recall(readings, remembered.delays, now)
        self.planner = Planner(plant, policy.plans, remembered.plans, now, policy.provisions)
        self.planner.interlocks.recall(remembered.interlocks, now)
        self.effects = Effects()
        self._provisions: tuple[Provision, ...] | None = None  # as execution knows them
        self._planned: Planned | None = None  # the last
        self._told: tuple[object, ...] = ()  # conditions of plans and of the policy
        self.executor = Executor(plant, agent, mode, remembered, now)
        for control in self.executor.roster.plant.values():
            if control.desired is not None:
                self.planner.stand(control.desired)
        self.planner.take_over(remembered.groups, now)

    def __repr__(self) -> str:
        return f"<Knowledge of {self.plant.site}: {self.executor}, {self.planner}>"

    def renew(self, plant: Plant, now: Moment) -> Executed:
        """Put another plant of the site in force: what stays the same keeps its state. Return what that decides."""
        self.plant = plant = continued(self.plant, plant)
        self.revising = False
        self.monitor.adopt(plant, now)
        self.analyzer.renew(plant, plant.policy.thresholds, now)
        self.planner.renew(plant, plant.policy.plans, plant.policy.provisions)
        return self.executor.renew(plant, now)

    def sight(self, name: str) -> float | None:
        """Return when a sensor (`node/sensor`) was good last in this run; of a node, whether it has spoken at all."""
        if "/" in name:
            seen, deriving = self.analyzer.good_seconds(name), self.monitor.deriving
            for part in () if deriving is None else deriving.made_of(name):  # it is as old as the oldest of them
                oldest = self.sight(part)
                seen = None if seen is None or oldest is None else min(seen, oldest)
            return seen
        return None if self.executor.reach.online.get(name) is None else float("inf")

    def gauge(self, sensor: str) -> Gauge:
        """Return what a sensor shows."""
        return Gauge(*self.analyzer.shows(sensor), trusted=self.analyzer.trusted(sensor) is not None)

    def equipment(self, actuator: str) -> dict[str, bool]:
        """Return how an actuator is, by words, as far as that is known; what it does only as it has reported itself."""
        return actuator_words(self.executor, actuator, tripped=self._stopped(actuator))

    def _stopped(self, actuator: str) -> bool:
        return actuator in self.planner.tripped or actuator in self.planner.interlocks.stops

    def heed_groups(self) -> None:
        """Make execution heed changed groups."""
        if self.planner.provisions is not self._provisions:
            self._provisions = self.planner.provisions
            those = teams(self.planner.compounds.rotas, self.planner.compounds.passages)
            self.executor.reconciliation.gate.teams.survey(Team(*team) for team in those)

    def members(self, now: Moment) -> Callable[[str], Member]:
        """Return what tells how an actuator is, as the member of a group."""
        if not self.planner.compounds:
            return unknown_member
        leave = self.leave((), now)

        def member(actuator: str) -> Member:
            found = Member(*candidate(self.executor, actuator, now.seconds))
            barred = None if found.runs or found.unfit else leave.bar(actuator, True, words(on=True))
            return found._replace(unfit=f"is held back by {barred}") if barred else found

        return member

    def online(self, node: str) -> bool | None:
        """Return whether a node is online; None where it has not said so."""
        return self.executor.reach.online.get(node)

    def station(self, standing: Standing) -> Station:
        """Return what is known of the actuator that a request is for."""
        control = self.executor.roster.plant[standing.request.actuator]
        return Station(control.after_seconds, self.executor.doing(standing.request))

    def leave(self, stirred: Collection[str], now: Moment) -> Leave:
        """Return what execution may do now, as interlocks see it: open commands count as what they may bring about."""
        interlocks = self.planner.interlocks
        if not interlocks:
            return Leave(self.unsure, stirred=stirred)

        def equipment(name: str) -> dict[str, bool]:
            return possible_words(self.executor, name, now.seconds, tripped=self._stopped(name))

        outlook = self.planner.outlook(self.situation()._replace(equipment=equipment), now)

        def bar(actuator: str, begins: bool, after: Mapping[str, bool]) -> str | None:  # noqa: FBT001 - a Leave's
            return interlocks.bar(Prospect(actuator, begins, after), outlook)

        return Leave(self.unsure, bar, interlocks.partners, stirred)

    def unsure(self, actuator: str) -> bool:
        """Whether nothing but the fail-safe action may be commanded now."""
        return self.revising or self.planner.unsure(actuator)

    def measure(self, name: str, least: float | None) -> Comparison | None:
        """Return what a sensor shows, or that of a limit against it; None of another alarm, or what is not known."""
        if ":" in name:
            found = self.analyzer.against(name)
            return None if found is None else Comparison.against(*found)
        reading = self.analyzer.trusted(name)
        return None if reading is None else Comparison(name, reading.sensor, reading.value, least or 0.0)

    def running(self) -> Iterator[tuple[str, Plan]]:
        """Yield the actuators that do what a plan asks, other than their fail-safe action, each with that plan."""
        for standing, plan in self.planner.standing():
            if self.executor.doing(standing.request):
                yield standing.request.actuator, plan

    def next_seconds(self) -> float:
        """Return the monotonic time at which the next turn decides something though nothing comes until then."""
        parts = (self.monitor, self.analyzer, self.planner, self.executor, self.effects)
        return min(part.next_seconds() for part in parts)

    def look_at_effects(self, now: Moment, *, looked: bool) -> None:
        """Look whether what runs has an effect, where that may have changed: actuators were looked at, or it is due."""
        if looked or now.seconds >= self.effects.next_seconds():
            self.effects.look(self.running(), self.measure, now.seconds)

    def situation(self, **more: Any) -> Situation:  # noqa: ANN401 - members of a Situation
        """Return what planning looks at, as things are now, and more of its members."""
        analyzer = self.analyzer
        return Situation(
            analyzer.register.active,
            self.sight,
            self.station,
            analyzer.doubted,
            revising=self.revising,
            gauge=self.gauge,
            equipment=self.equipment,
            online=self.online,
            **more,
        )

    @property
    def ineffective(self) -> Mapping[str, str]:
        """The actuators that ran without what is expected of them, and why."""
        return self.planner.interlocks.ineffective

    def has_news(self, planned: Planned) -> bool:
        """Whether the conditions of plans and of the policy may be others than before."""
        if planned is not self._planned or self.effects.idle is not self._told[2] or self.refusal != self._told[3]:
            self._planned, before = planned, self._told
            mine = self.effects.idle, self.refusal, planned.interlocked.stops, dict(planned.failed), self.ineffective
            self._told = dict(planned.blind), dict(planned.tripped), *mine
            return self._told != before
        return False

    def snapshot(self, now: Moment) -> Snapshot:
        """Return a frozen look at everything. Costs about a microsecond a sensor: for people, not for turns."""
        return self._look(now, tuple(sensor_view(channel, now) for channel in self.monitor.channels.values()))

    def outline(self, now: Moment) -> Snapshot:
        """Return a frozen look at everything but the sensors, which may be very many: see `sensor_views`."""
        return self._look(now, ())

    def sensor_views(self, now: Callable[[], Moment], count: int) -> Iterator[tuple[SensorView, ...]]:
        """Return frozen looks at the sensors, so many at a time; turns may run in between."""
        return sensor_views(tuple(self.monitor.channels.values()), now, count)

    def _look(self, now: Moment, sensors: tuple[SensorView, ...]) -> Snapshot:
        executor = self.executor
        return Snapshot(
            self.plant.site,
            self.agent,
            executor.mode,
            executor.epoch,
            now.at,
            sensors,
            actuator_views(executor, {*self.planner.tripped, *self.planner.interlocks.stops}, now),
            tuple(node_view(executor.reach, node) for node in self.plant.nodes.values()),
            self.analyzer.register.annunciated,
            clock_sure=now.sure,
            boot=now.boot,
            plans=self.planner.views(),
            interlocks=self.planner.interlocks.views(),
        )
