"""One turn of the loop: the four phases in order, and what they decided, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edge_agent.analyze.analysis import Analyzer
from edge_agent.execute.execution import Executed, Executor
from edge_agent.execute.view import actuator_view
from edge_agent.model.alarms import AGENT, AlarmKey
from edge_agent.model.commands import Decision
from edge_agent.model.continuity import continued
from edge_agent.model.inbox import Inbox, Kind
from edge_agent.model.plant import NO_EFFECT, NO_EVIDENCE, POLICY_REFUSED, TRIPPED
from edge_agent.model.remembered import NodeView, Snapshot
from edge_agent.monitor.monitoring import Monitor
from edge_agent.monitor.observed import StatusReport
from edge_agent.monitor.view import sensor_view
from edge_agent.plan.effect import Effects, Measure
from edge_agent.plan.planning import Facts, Overruled, Planner
from edge_agent.plan.standing import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edge_agent.execute.control import Control
    from edge_agent.model.alarms import Alarm, AlarmEvent
    from edge_agent.model.commands import ActuatorMemory, Command, CommandEvent, Mode
    from edge_agent.model.inbox import Receipt
    from edge_agent.model.plant import Plan, Plant, Policy
    from edge_agent.model.readings import DeadLetter, Delivery, Reading
    from edge_agent.model.remembered import ActuatorView, PlanMemory, Remembered, SensorView, SequenceMemory
    from edge_agent.model.time import Moment
    from edge_agent.monitor.observed import Observed
    from edge_agent.plan.standing import Standing

Stage = Literal["monitor", "analyze", "plan", "execute"]


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
    state of every alarm that changed; `actuators`, `plans` and `sequences` what must survive a restart and has changed;
    `epoch` the one that was begun, above another's. `refused_epoch`: a node has refused this agent's for that one.
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
        self.plant = plant
        self.agent = agent
        self.revising = False  # a changed policy is in force in part: nothing is started before the rest of it is
        self.refusal = ""  # why the newest policy was refused; the last good one is in force then
        self.monitor = Monitor(plant, remembered, now, future_tolerance_seconds)
        self.analyzer = Analyzer(plant, policy.thresholds, remembered.alarms, now)
        self.analyzer.recall(remembered.readings if remembered.same_clock(now) else (), now)
        self.planner = Planner(plant, policy.plans, remembered.plans, now)
        self.effects = Effects()
        self.executor = Executor(plant, agent, mode, remembered, now)
        for control in self.executor.controls.values():
            if control.desired is not None:
                self.planner.stand(control.desired)

    def renew(self, plant: Plant, executed: Executed, now: Moment) -> None:
        """Put another plant of the same site in force: what stays the same keeps its state."""
        self.plant, self.revising = continued(self.plant, plant), False
        plant = self.plant
        self.monitor.adopt(plant, now)
        self.analyzer.renew(plant, plant.policy.thresholds, now)
        self.planner.renew(plant, plant.policy.plans)
        self.executor.renew(plant, executed, now)

    def sight(self, name: str) -> float | None:
        """Return when a sensor (`node/sensor`) was good last in this run; of a node, whether it has spoken at all."""
        if "/" in name:
            return self.analyzer.good_seconds(name)
        return None if self.executor.online.get(name) is None else float("inf")

    def station(self, standing: Standing) -> Station:
        """Return what is known of the actuator that a request is for."""
        wish = standing.wish
        return Station(self.executor.controls[wish.actuator].after_seconds, self.executor.doing(wish))

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
            if self.executor.doing(standing.wish):
                yield standing.wish.actuator, plan

    def snapshot(self, now: Moment) -> Snapshot:
        """Take a frozen look at everything. Costs about a microsecond a sensor: for people, not for turns."""
        return self._look(now, tuple(sensor_view(channel, now) for channel in self.monitor.channels.values()))

    def outline(self, now: Moment) -> Snapshot:
        """Take a frozen look at everything but the sensors, which may be very many: see `sensor_views`."""
        return self._look(now, ())

    def sensor_views(self, now: Callable[[], Moment], count: int) -> Iterator[tuple[SensorView, ...]]:
        """Yield frozen looks at the sensors, so many at a time; turns may run in between."""
        channels = tuple(self.monitor.channels.values())
        for first in range(0, len(channels), count):
            moment = now()
            yield tuple(sensor_view(channel, moment) for channel in channels[first : first + count])

    def _look(self, now: Moment, sensors: tuple[SensorView, ...]) -> Snapshot:
        executor = self.executor
        nodes = tuple(
            NodeView(name, executor.online.get(name), executor.breakers.get(name, "closed"))
            for name in self.plant.nodes
        )
        return Snapshot(
            self.plant.site,
            self.agent,
            executor.mode,
            executor.epoch,
            now.at,
            sensors,
            tuple(self._actuator(control, now) for control in executor.controls.values()),
            nodes,
            self.analyzer.register.alarms,
            clock_sure=now.sure,
            boot=now.boot,
            plans=self.planner.views(),
        )

    def _actuator(self, control: Control, now: Moment) -> ActuatorView:
        actuator, executor = control.actuator, self.executor
        can_be_asked = (
            executor.online.get(actuator.node) is not False and executor.breakers.get(actuator.node) != "open"
        )
        is_free = can_be_asked and actuator.name not in self.planner.tripped
        return actuator_view(control, now.seconds, is_free=is_free)


def run_turn(knowledge: Knowledge, inbox: Inbox, now: Moment, lap: Callable[[Stage], None] | None = None) -> Turn:
    """Run the four phases over what came in and the time that passed.

    The same knowledge, inbox and moment give the same turn, always. `lap` is called with the name of each phase when
    it is over, for those who measure.
    """
    turn = Turn(now)
    executed = Executed()
    if inbox.plant is not None:
        knowledge.renew(inbox.plant, executed, now)
    observed = _monitor(knowledge, inbox, turn)
    _lap(lap, "monitor")
    _analyze(knowledge, inbox, observed, turn)
    _lap(lap, "analyze")
    _plan(knowledge, inbox, observed, executed, turn)
    _lap(lap, "plan")
    _execute(knowledge, inbox, observed, executed, turn)
    _lap(lap, "execute")
    return turn


def _lap(lap: Callable[[Stage], None] | None, stage: Stage) -> None:
    if lap is not None:
        lap(stage)


def _monitor(knowledge: Knowledge, inbox: Inbox, turn: Turn) -> Observed:
    observed = knowledge.monitor.observe(inbox.messages, turn.now)
    turn.readings, turn.settled = observed.readings, observed.settled
    turn.dead_letters, turn.deliveries = observed.dead_letters, observed.deliveries
    turn.sequences = observed.sequences
    counts = observed.counts
    turn.counts = Counts(
        counts.get(Kind.TELEMETRY, 0),
        counts.get(Kind.STATUS, 0),
        counts.get(Kind.ACK, 0),
        counts.get(Kind.STATE, 0),
        observed.duplicates,
        observed.gaps,
    )
    turn.receipts = [message.receipt for message in inbox.messages if message.receipt is not None]
    _heed_life(knowledge, inbox, observed)
    return observed


def _heed_life(knowledge: Knowledge, inbox: Inbox, observed: Observed) -> None:
    """Take anything newer from a node than its `offline` for life: a last will may come late."""
    gone = knowledge.executor.offline.union(node for node, online in observed.statuses if not online)
    if not gone:
        return
    timely = {reading.sensor.node for reading in observed.readings if not reading.late}
    alive: dict[str, None] = {}
    for message in inbox.messages:
        kind, node, _ = message.route
        if kind is Kind.STATUS:
            alive.pop(node, None)
        elif node in gone and not message.retained and (kind is not Kind.TELEMETRY or node in timely):
            alive[node] = None
    observed.statuses.extend(StatusReport(node, online=True) for node in alive)


def _analyze(knowledge: Knowledge, inbox: Inbox, observed: Observed, turn: Turn) -> None:
    analyzer, now = knowledge.analyzer, turn.now
    if inbox.policy is not None:
        analyzer.revise(inbox.policy.limits, now)
        knowledge.revising = inbox.policy.more
    analyzer.read(observed.judged, now)
    analyzer.silent(observed.silent, now)
    for node, online in observed.statuses:
        analyzer.node_status(node, online, now)
    for renewal in inbox.renewals:
        analyzer.store_renewed(renewal.detail, now)
    analyzer.tick(now)


def _plan(knowledge: Knowledge, inbox: Inbox, observed: Observed, executed: Executed, turn: Turn) -> None:
    planner, executor, now = knowledge.planner, knowledge.executor, turn.now
    if inbox.policy is not None and inbox.policy.plans is not None:
        planner.adopt(inbox.policy.plans)
    for node, online in observed.statuses:  # before the decision: a return asks for newer evidence
        executor.node_status(node, online, now)
        planner.look()
    for operation in inbox.operations:
        if operation.operation == "reset":
            planner.reset(operation.target)
        executor.operate(operation, now)
    analyzer = knowledge.analyzer
    facts = Facts(
        analyzer.register.active, knowledge.sight, knowledge.station, analyzer.doubted, revising=knowledge.revising
    )
    planned = planner.decide(facts, now)
    turn.plans = list(planned.memories)
    executed.decisions.extend(_overruled(planned.overruled, now))
    executor.wish(planned.wishes, executed, now)


def _overruled(losers: Iterable[Overruled], now: Moment) -> list[Decision]:
    return [
        Decision(
            now.at,
            wish.actuator,
            wish.action,
            wish.value,
            wish.plan,
            "overruled",
            f"plan {winner} outranks it: {wish.reason}",
            wish.alarms,
        )
        for wish, winner in losers
    ]


def _execute(knowledge: Knowledge, inbox: Inbox, observed: Observed, executed: Executed, turn: Turn) -> None:
    executor, now = knowledge.executor, turn.now
    _heed_events(knowledge, inbox, now)
    executor.clocks.hear(observed.ahead, now)
    for ack in observed.acknowledgements:
        if ack.status in ("accepted", "done"):
            executor.overhear(ack.command_id, ack.actuator, now)
    for told in observed.states:
        executor.report(told.actuator, told.state, told.value, executed, now, local=told.local)
    # A node's own word comes before our despair of it: after a stall both may lie in one inbox.
    published = [report for report in inbox.deliveries if report.state == "published"]
    for report in published:
        executor.delivered(report, executed, now)
    _acknowledge(knowledge, observed, executed, now)
    for report in inbox.deliveries:
        if report.state != "published":
            executor.delivered(report, executed, now)
    for breaker in inbox.breakers:
        executor.breaker(breaker, now)
    executor.reconcile(executed, now, knowledge.unsure)
    _conditions(knowledge, turn)
    turn.commands, turn.command_events = executed.commands, executed.events
    turn.epoch, executor.raised = executor.raised, None
    turn.refused_epoch, executor.refused = executor.refused, None
    turn.decisions = executed.decisions
    for control in executor.controls.values():
        if control.changed:
            control.changed = False
            turn.actuators.append(control.memory(now))
    turn.alarm_events, turn.alarms = knowledge.analyzer.register.take_changes()


def _heed_events(knowledge: Knowledge, inbox: Inbox, now: Moment) -> None:
    for refusal in inbox.refusals:
        knowledge.refusal = refusal.detail
    for epoch in inbox.epochs:
        knowledge.executor.raise_epoch(epoch.epoch, now)
    for link in inbox.links:
        knowledge.executor.link(now, connected=link.connected)


def _conditions(knowledge: Knowledge, turn: Turn) -> None:
    """Let what is wrong with actuators and the policy stand as alarms."""
    found = knowledge.executor.conditions(turn.now)
    if found is None:
        return
    planner = knowledge.planner
    for actuator, why in planner.blind.items():
        node, _, name = actuator.partition("/")
        found[AlarmKey(node, name, NO_EVIDENCE)] = "high", f"{actuator}: {why}"
    for actuator, plan in planner.tripped.items():
        node, _, name = actuator.partition("/")
        found[AlarmKey(node, name, TRIPPED)] = "high", f"{actuator} is held by trip {plan}"
    for actuator, why in knowledge.effects.look(knowledge.running(), knowledge.measure, turn.now.seconds).items():
        node, _, name = actuator.partition("/")
        found[AlarmKey(node, name, NO_EFFECT)] = "medium", why
    if knowledge.refusal:
        found[AlarmKey(AGENT, "", POLICY_REFUSED)] = "high", f"thresholds and plans were refused: {knowledge.refusal}"
    knowledge.analyzer.conditions.update(found, turn.now)


def _acknowledge(knowledge: Knowledge, observed: Observed, executed: Executed, now: Moment) -> None:
    """Let nodes settle their commands; one that speaks of another actuator's settles nothing."""
    executor = knowledge.executor
    for ack in observed.acknowledgements:
        if executor.concerns(ack.command_id, ack.actuator):
            executor.acknowledge(ack.command_id, ack.status, ack.detail, executed, now)
        else:
            knowledge.monitor.bury_foreign(observed, ack, now)
