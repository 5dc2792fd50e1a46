"""One turn of the loop: the four phases in order; what they decided comes out as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edge_agent.accounts import evidenced
from edge_agent.analyze.heard import Heard
from edge_agent.execute import facts as execution
from edge_agent.execute.facts import Sighted
from edge_agent.model.alarms import AGENT, AlarmKey
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
from edge_agent.model.turn import Counts, Turn
from edge_agent.monitor import life
from edge_agent.plan.troubles import conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge_agent.analyze.heard import Changes
    from edge_agent.execute.facts import Executed
    from edge_agent.known import Knowledge
    from edge_agent.model.inbox import Inbox
    from edge_agent.model.plant import Threshold
    from edge_agent.model.time import Moment
    from edge_agent.monitor.observed import Observed
    from edge_agent.plan.situation import Planned

Phase = Literal["monitor", "analyze", "plan", "execute"]
_REFUSED = AlarmKey(AGENT, "", POLICY_REFUSED)


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
    _conclude(knowledge, executed if renewed is None else executed.after(renewed), turn)
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
    if observed.judged:
        knowledge.effects.hear()


def _note(changes: Changes, turn: Turn) -> None:
    """Add what happened to alarms; of an alarm that changed twice in a turn the last state counts.

    Where an alarm became a switch point, or the other way round, the last state of both is told, in that order.
    """
    turn.alarm_events += changes.events
    known = {(alarm.key, alarm.annunciated): alarm for alarm in turn.alarms}
    changed = {(alarm.key, alarm.annunciated): alarm for alarm in changes.alarms}
    turn.alarms = list((known | changed).values())


def _plan(knowledge: Knowledge, events: Events, observed: Observed, turn: Turn) -> Planned:
    """Decide what is requested. Which nodes are there comes first: a return asks for newer evidence."""
    operations = events.of(Operation)
    if observed.statuses or operations:
        knowledge.executor.observe(Sighted(observed.statuses, operations), turn.now)
    situation = knowledge.situation(
        plans=None if events.revision is None else events.revision.plans,
        provisions=None if events.revision is None else events.revision.provisions,
        resets=[operation for operation in operations if operation.operation == "reset"],
        changed=_changed(knowledge, observed),
        member=knowledge.members(turn.now),
    )
    planned = knowledge.planner.decide(situation, turn.now)
    knowledge.heed_groups()
    turn.plans, turn.groups = list(planned.memories), list(planned.groups)
    turn.interlocks = list(planned.interlocked.memories)
    turn.decisions = [*planned.interlocked.decisions, *(lost.decision(turn.now) for lost in planned.overruled)]
    return planned


def _changed(knowledge: Knowledge, observed: Observed) -> set[str]:
    """Return the names of what has changed since the planner looked last: alarms, sensors and nodes."""
    changed = knowledge.analyzer.register.take_moved()
    sensors = {id(reading.sensor): reading.sensor for reading, _ in observed.judged}
    changed.update(sensor.name for sensor in sensors.values())
    changed.update(status.node for status in observed.statuses)
    return changed


def _execute(knowledge: Knowledge, events: Events, observed: Observed, planned: Planned, turn: Turn) -> Executed:
    executor = knowledge.executor
    facts = execution.Facts(
        planned.requests,
        [ack._replace(command_id=executor.identity(ack.actuator, ack.command_id)) for ack in observed.acknowledgements],
        observed.states,
        dispatches=events.of(DispatchReport),
        breakers=events.of(BreakerReport),
        links=events.of(LinkReport),
        epochs=events.of(EpochReport),
        ahead=observed.ahead,
        leave=knowledge.leave(planned.interlocked.changed, turn.now),
        failures=planned.interlocked.failures,
        proven=planned.interlocked.proven,
    )
    executed = executor.act(facts, turn.now)
    if observed.states:
        knowledge.planner.look_again(turn.now)
        knowledge.planner.interlocks.hear(told.actuator for told in observed.states)
    knowledge.planner.compounds.stir(executed.looked, knowledge.members(turn.now))
    for place in executed.foreign:
        knowledge.monitor.bury_foreign(observed, observed.acknowledgements[place], turn.now)
    return executed


def _conclude(knowledge: Knowledge, executed: Executed, turn: Turn) -> None:
    """Record what execution decided."""
    turn.commands, turn.command_events = executed.commands, executed.events
    turn.decisions += [evidenced(knowledge, decision, turn.now) for decision in executed.decisions]
    turn.actuators, turn.epoch, turn.refused_epoch = executed.memories, executed.epoch, executed.refused_epoch


def _raise_conditions(knowledge: Knowledge, events: Events, planned: Planned, executed: Executed, turn: Turn) -> None:
    """Raise what is wrong with actuators and the policy as alarms, and clear what is over."""
    for refusal in events.of(RefusalReport):
        knowledge.refusal = refusal.detail
    knowledge.look_at_effects(turn.now, looked=bool(executed.looked))
    if knowledge.has_news(planned) or executed.conditions is not None:
        found = {**knowledge.executor.conditions, **conditions(planned, knowledge.effects.idle, knowledge.ineffective)}
        if knowledge.refusal:
            found[_REFUSED] = "high", f"thresholds and plans were refused: {knowledge.refusal}"
        _note(knowledge.analyzer.conditions.update(found, turn.now), turn)
