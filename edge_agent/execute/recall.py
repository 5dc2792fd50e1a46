"""What of an actuator outlives a restart of the agent, or a change of its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.execute.contradiction import Proof
from edge_agent.execute.control import BLOCKED, Control
from edge_agent.execute.equipment import turns_on
from edge_agent.model.commands import ActuatorMemory, CommandState, Request
from edge_agent.model.desired import Desired
from edge_agent.model.plant import ACTIONS

if TYPE_CHECKING:
    from edge_agent.model.commands import CommandRecord
    from edge_agent.model.plant import Actuator
    from edge_agent.model.time import Moment


def memory(control: Control, now: Moment) -> ActuatorMemory:
    """Return what the next run must know."""
    equipment, request = control.equipment, control.desired
    started, stopped = equipment.started_seconds, equipment.stopped_seconds
    return ActuatorMemory(
        control.actuator.name,
        None if request is None else [request.action, request.value, request.plan, request.priority, request.reason],
        None if request is None else control.desired_at,
        equipment.running,
        None if started is None else now.at_seconds(started),
        None if stopped is None else now.at_seconds(stopped),
        [now.at_seconds(seconds) for seconds in equipment.starts],
        missed=control.state is Desired.MISSED,
        hand=control.panel.memory,
        failures=control.lock_out.failures,
        boot=now.boot,
        offset=now.offset,
        sure=now.sure,
        equipment=_declared(control.actuator),
        all_starts=control.runs.all_starts,
        run_seconds=control.runs.all_run_seconds(now.seconds),
        by_hand=control.causes.by_hand,
    )


def _declared(actuator: Actuator) -> list[Any]:
    """Return what it takes to stop an actuator that is in no plant file any more."""
    times = (actuator.lease_seconds, actuator.ack_timeout_seconds, actuator.command_ttl_seconds)
    return [actuator.kind, actuator.fail_safe, actuator.min_on_seconds, *times]


def remember(control: Control, known: ActuatorMemory, now: Moment) -> None:
    """Resume the request of a former run. Its lease is unknown, and so is what the equipment does."""
    control.equipment.remember(known, now)
    control.runs.recall(known.all_starts, known.run_seconds)
    control.lock_out.failures = known.failures
    control.panel.recall(known.hand)
    control.causes.by_hand = known.by_hand
    control.changed = True  # its instants are placed anew
    if known.desired is None:
        return
    action, value, plan, priority, reason = known.desired
    control.desired = Request(control.actuator.name, action, value, plan, priority, reason)
    control.desired_at = min(known.desired_at or now.at, now.at)
    # A request that checks held back has not been commanded; the equipment counts what was.
    told = control.equipment.running is turns_on(action, value) and not known.missed
    control.step(Desired.FULFILLED if told else Desired.MISSED if known.missed else Desired.HELD)
    control.contradiction.proof = Proof.GIVEN if told else Proof.AWAITED
    control.block_or_free()
    # First hear what the equipment does: its retained state comes with the connection.
    control.pace.wait(now.seconds + control.actuator.ack_timeout_seconds)


def resume(control: Control, record: CommandRecord) -> None:
    """Resume an open command of a former run; whether it was carried out is yet to be heard.

    The fail-safe action is given once more, unless its node has it: nobody waits until the first has expired.
    """
    control.newest.resume(record)
    if control.equipment.running is turns_on(record.command.action, record.command.value):
        control.equipment.doubt()
    if not control.newest.asks_for(control.desired) or control.state in BLOCKED:
        return
    control.step(Desired.HELD)
    if control.safe and record.state is not CommandState.ACCEPTED:
        return
    control.step(Desired.SENT)
    if record.state is CommandState.ACCEPTED:
        control.step(Desired.ACCEPTED)


def succeeded(control: Control, actuator: Actuator, now: Moment) -> Control:
    """Return what goes on in the place of an actuator that was declared anew, as after a restart.

    What stands is judged anew, what the equipment reported is still so, and the lease is renewed soon.
    """
    heir = Control(actuator, control.after_seconds)
    known = memory(control, now)
    if known.desired is not None and known.desired[0] not in ACTIONS[actuator.kind]:
        known.desired = None
    heir.reported, heir.traces = control.reported, control.traces
    heir.travel.until_seconds = max(heir.travel.until_seconds, control.travel.until_seconds)
    remember(heir, known, now)
    if control.record is not None:
        resume(heir, control.record)
    return heir
