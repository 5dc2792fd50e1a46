"""One turn of the loop: the four phases in order, and what they decided, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edge_agent.analyze.analysis import Analyzer
from edge_agent.analyze.heard import Heard
from edge_agent.execute import facts as execution
from edge_agent.execute.execution import Executor
from edge_agent.execute.facts import Sighted
from edge_agent.execute.view import actuator_views, node_view
from edge_agent.model.alarms import AGENT, AlarmKey
from edge_agent.model.continuity import continued
from edge_agent.model.inbox import (
    NO_EVENTS,
    BreakerReport,
    DispatchReport,
    EpochReport,
    Events,
    Kind,
    LinkReport,
    Operation,
    RefusalReport,
    RenewalReport,
)
from edge_agent.model.plant import POLICY_REFUSED
from edge_agent.model.remembered import Snapshot
from edge_agent.monitor import life
from edge_agent.monitor.monitoring import Monitor
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.monitor.view import sensor_view, sensor_views
from edge_agent.plan import facts as planning
from edge_agent.plan.effect import Effects, Measure
from edge_agent.plan.planning import Planner
from edge_agent.plan.standing import Station
from edge_agent.plan.troubles import conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from edge_agent.analyze.heard import Changes
    from edge_agent.execute.facts import Executed
    from edge_agent.model.alarms import Alarm, AlarmEvent
    from edge_agent.model.commands import ActuatorMemory, Command, CommandEvent, Decision, Mode
    from edge_agent.model.inbox import Inbox, Receipt
    from edge_agent.model.plant import Plan, Plant, Policy, Threshold
    from edge_agent.model.readings import DeadLetter, Delivery, Reading
    from edge_agent.model.remembered import ClockMemory, DelayMemory, PlanMemory, Remembered, SensorView, SequenceMemory
    from edge_agent.model.time import Moment
    from edge_agent.monitor.observed import Observed
    from edge_agent.plan.facts import Planned
    from edge_agent.plan.standing import Standing

Phase = Literal["monitor", "analyze", "plan", "execute"]
_REFUSED = AlarmKey(AGENT, "", POLICY_REFUSED)


@dataclass(slots=True)
class Counts:
    """How many messages of each kind came, how many were duplicates, and how many are missing by `seq`."""

    telemetry: int = 0
    status: int = 0
    ack: int = 0
    state: int = 0
    duplicates: int = 0
    gaps: int = 0


@dataclass(slots=True)
class Turn:
    """What one turn decided. The runtime stores it in one transaction, then publishes, then acknowledges.

    `readings` are new; `settled` were in an earlier turn's `readings` and carry a new flag now. `alarms` holds the
    state of every alarm that changed; `actuators`, `plans`, `sequences`, `delays`, `clocks` what a restart must know
    and has changed; `epoch` the one begun, above another's. `refused_epoch`: a node has refused ours for that one.
    """

    now: Moment
    counts: Counts = field(default_factory=Counts)
    readings: list[Reading] = field(default_factory=list)
    settled: list[Reading] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    alarm_events: list[AlarmEvent] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    command_events: list[CommandEvent] = field(default_factory=list)
    actuators: list[ActuatorMemory] = field(default_factory=list)
    plans: list[PlanMemory] = field(default_factory=list)
    sequences: list[SequenceMemory] = field(default_factory=list)
    delays: list[DelayMemory] = field(default_factory=list)
    clocks: list[ClockMemory] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    epoch: int | None = None
    refused_epoch: int | None = None

    @property
    def urgent(self) -> bool:
        """Whether it holds anything that must not wait for the next group commit."""
        events = self.commands or self.command_events or self.alarm_events
        return bool(events or self.decisions or self.actuators or self.epoch)


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
        self.planner = Planner(plant, policy.plans, remembered.plans, now)
        self.effects = Effects()
        self.executor = Executor(plant, agent, mode, remembered, now)
        for control in self.executor.roster.plant.values():
            if control.desired is not None:
                self.planner.stand(control.desired)

    def __repr__(self) -> str:
        return f"<Knowledge of {self.plant.site}: {self.executor}, {self.planner}>"

    def renew(self, plant: Plant, now: Moment) -> Executed:
        """Put another plant of the site in force: what stays the same keeps its state. Return what that decides."""
        self.plant = plant = continued(self.plant, plant)
        self.revising = False
        self.monitor.adopt(plant, now)
        self.analyzer.renew(plant, plant.policy.thresholds, now)
        self.planner.renew(plant, plant.policy.plans)
        return self.executor.renew(plant, now)

    def sight(self, name: str) -> float | None:
        """Return when a sensor (`node/sensor`) was good last in this run; of a node, whether it has spoken at all."""
        if "/" in name:
            return self.analyzer.good_seconds(name)
        return None if self.executor.reach.online.get(name) is None else float("inf")

    def station(self, standing: Standing) -> Station:
        """Return what is known of the actuator that a request is for."""
        control = self.executor.roster.plant[standing.request.actuator]
        return Station(control.after_seconds, self.executor.doing(standing.request))

    def unsure(self, actuator: str) -> bool:
        """Whether nothing but the fail-safe action may be commanded now."""
        return self.revising or self.planner.unsure(actuator)

    def measure(self, alarm: str) -> Measure | None:
        """Return what the sensor of a limit shows against it; None of another alarm, or where it is not known."""
        found = self.analyzer.against(alarm)
        return None if found is None else Measure(*found)

    def running(self) -> Iterator[tuple[str, Plan]]:
        """Yield the actuators that do what a plan asks, other than their fail-safe action, each with that plan."""
        for standing, plan in self.planner.standing():
            if self.executor.doing(standing.request):
                yield standing.request.actuator, plan

    def idle(self, now: Moment) -> dict[str, str]:
        """Return why, by actuator, what runs seems to have no effect."""
        return self.effects.look(self.running(), self.measure, now.seconds)

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
            actuator_views(executor, self.planner.tripped, now),
            tuple(node_view(executor.reach, node) for node in self.plant.nodes),
            self.analyzer.register.alarms,
            clock_sure=now.sure,
            boot=now.boot,
            plans=self.planner.views(),
        )


def run_turn(knowledge: Knowledge, inbox: Inbox, now: Moment, lap: Callable[[Phase], None] | None = None) -> Turn:
    """Run the four phases over what came in and the time that passed.

    The same knowledge, inbox and moment give the same turn, always. `lap` is called with the name of each phase when
    it is over, for those who measure.
    """
    lap = lap or (lambda _phase: None)
    turn, events = Turn(now), Events(inbox.events) if inbox.events else NO_EVENTS
    renewed = None if events.plant is None else knowledge.renew(events.plant, now)
    observed = _monitor(knowledge, inbox, turn)
    lap("monitor")
    _analyze(knowledge, events, observed, turn)
    lap("analyze")
    planned = _plan(knowledge, events, observed, turn)
    lap("plan")
    executed = _execute(knowledge, events, observed, planned, turn)
    _conclude(executed if renewed is None else executed.after(renewed), turn)
    _raise_conditions(knowledge, events, planned, executed, turn)
    lap("execute")
    return turn


def _monitor(knowledge: Knowledge, inbox: Inbox, turn: Turn) -> Observed:
    executor = knowledge.executor
    observed = knowledge.monitor.observe(inbox.messages, turn.now, executor.roster.leaving)
    observed.statuses += life.signs(observed, inbox.messages, executor.reach.offline)
    turn.readings, turn.settled = observed.readings, observed.settled
    turn.dead_letters, turn.deliveries = observed.dead_letters, observed.deliveries
    turn.sequences, turn.clocks = observed.sequences, observed.clocks
    count = observed.counts.get
    turn.counts = Counts(count(Kind.TELEMETRY, 0), count(Kind.STATUS, 0), count(Kind.ACK, 0), count(Kind.STATE, 0))
    turn.counts.duplicates, turn.counts.gaps = observed.duplicates, observed.gaps
    turn.receipts = [message.receipt for message in inbox.messages if message.receipt is not None]
    return observed


def _analyze(knowledge: Knowledge, events: Events, observed: Observed, turn: Turn) -> None:
    limits: Mapping[str, Sequence[Threshold]] = {}
    if events.revision is not None:
        limits, knowledge.revising = events.revision.limits, events.revision.more
    heard = Heard(
        limits,
        observed.judged,
        observed.silent,
        [status for status in observed.statuses if status.node in knowledge.plant.nodes],
        [renewal.detail for renewal in events.of(RenewalReport)],
    )
    _note(knowledge.analyzer.analyze(heard, turn.now), turn)
    turn.delays = knowledge.analyzer.take_delays(turn.now)


def _note(changes: Changes, turn: Turn) -> None:
    """Add what happened to alarms; of an alarm that changed twice in a turn the last state counts."""
    turn.alarm_events += changes.events
    known = {alarm.key: alarm for alarm in turn.alarms}
    turn.alarms = list((known | {alarm.key: alarm for alarm in changes.alarms}).values())


def _plan(knowledge: Knowledge, events: Events, observed: Observed, turn: Turn) -> Planned:
    """Decide what is requested. Which nodes are there comes first: a return asks for newer evidence."""
    operations = events.of(Operation)
    if observed.statuses or operations:
        knowledge.executor.observe(Sighted(observed.statuses, operations), turn.now)
    analyzer = knowledge.analyzer
    facts = planning.Facts(
        analyzer.register.active,
        knowledge.sight,
        knowledge.station,
        analyzer.doubted,
        None if events.revision is None else events.revision.plans,
        [operation.target for operation in operations if operation.operation == "reset"],
        bool(observed.statuses),
        knowledge.revising,
    )
    planned = knowledge.planner.decide(facts, turn.now)
    turn.plans = list(planned.memories)
    turn.decisions = [lost.decision(turn.now) for lost in planned.overruled]
    return planned


def _execute(knowledge: Knowledge, events: Events, observed: Observed, planned: Planned, turn: Turn) -> Executed:
    facts = execution.Facts(
        planned.requests,
        observed.acknowledgements,
        observed.states,
        dispatches=events.of(DispatchReport),
        breakers=events.of(BreakerReport),
        links=events.of(LinkReport),
        epochs=events.of(EpochReport),
        ahead=observed.ahead,
        unsure=knowledge.unsure,
    )
    executed = knowledge.executor.act(facts, turn.now)
    for place in executed.foreign:
        knowledge.monitor.bury_foreign(observed, observed.acknowledgements[place], turn.now)
    return executed


def _conclude(executed: Executed, turn: Turn) -> None:
    """Record what execution decided."""
    turn.commands, turn.command_events = executed.commands, executed.events
    turn.decisions += executed.decisions
    turn.actuators, turn.epoch, turn.refused_epoch = executed.memories, executed.epoch, executed.refused_epoch


def _raise_conditions(knowledge: Knowledge, events: Events, planned: Planned, executed: Executed, turn: Turn) -> None:
    """Raise what is wrong with actuators and the policy as alarms, and clear what is over."""
    for refusal in events.of(RefusalReport):
        knowledge.refusal = refusal.detail
    if executed.conditions is not None:
        found = executed.conditions | conditions(planned, knowledge.idle(turn.now))
        if knowledge.refusal:
            found[_REFUSED] = "high", f"thresholds and plans were refused: {knowledge.refusal}"
        _note(knowledge.analyzer.conditions.update(found, turn.now), turn)
