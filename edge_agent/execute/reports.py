"""What the equipment says it does, held against what is requested: proof, contradiction, or a hand at the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.control import REPORT_SECONDS, UNDER_WAY
from edge_agent.execute.equipment import fulfils, reported_on, turns_on
from edge_agent.execute.panel import Hand
from edge_agent.model.desired import Desired

if TYPE_CHECKING:
    from edge_agent.execute.control import Control
    from edge_agent.model.commands import CommandRecord, Reported
    from edge_agent.model.time import Moment


def hear(control: Control, reported: Reported, now: Moment) -> CommandRecord | None:
    """Note what the equipment says it does; return the open command of a former run that this settles.

    That may have been a renewal, which the report does not tell from what was before: the lease is renewed soon.
    """
    before, control.reported = control.reported, reported
    explained = _explained(control, before, reported, now)
    control.newest.hear()
    control.traces.hear(now.seconds)
    _learn(control, reported, now)
    _heed_panel(control, reported, now)
    _note_hand(control, before, reported, explained=explained)
    if before is None or _said(before) != _said(reported):
        _compare(control, now, explained=explained)
    if not control.newest.is_of_a_former_run or not control.newest.proven(reported):
        return None
    control.lease.forget()
    return control.record


def proves(control: Control) -> bool:
    """Whether what the equipment has just said is the word of its device on the open command.

    So it is where the device gives no other. It must do what was commanded and either have done otherwise before, or
    speak after the command has left: for a renewal nothing else tells the two apart.
    """
    wiring, record = control.actuator.wiring, control.record
    if wiring is None or wiring.reply is not None or record is None or control.reported is None:
        return False
    command = record.command
    does = fulfils(command.action, command.value, control.reported)
    return does is True and (record.attempts > 0 or control.newest.proven(control.reported))


def overhear(control: Control, command_id: str, now: Moment) -> None:
    """Note that the equipment obeys a command that is not under way here: another agent's, or one that is over."""
    if command_id != control.newest.id:  # of that it may speak twice
        control.causes.overhear(now.seconds + REPORT_SECONDS)


def _said(reported: Reported) -> tuple[str, float | None, bool]:
    return reported.state, reported.value, reported.local


def _learn(control: Control, reported: Reported, now: Moment) -> None:
    on = reported_on(reported.state)
    control.runs.report(on=on, seconds=now.seconds)
    if on is not None and control.equipment.learn(on=on, seconds=now.seconds):
        control.changed = True


def _note_hand(control: Control, before: Reported | None, reported: Reported, *, explained: bool) -> None:
    """Note whether the equipment runs by no command: in local, or switched on by what nothing explains."""
    on = reported_on(reported.state)
    if on is None:
        return
    known = control.causes.by_hand  # from a former run as well
    changed = before is not None and on is not reported_on(before.state)
    control.causes.by_hand = on and (reported.local or (not explained if changed else known))
    control.changed = control.changed or control.causes.by_hand is not known


def _heed_panel(control: Control, reported: Reported, now: Moment) -> None:
    """Note that a person takes the equipment at its panel, or gives it back: that ends a lock-out too."""
    panel = control.panel
    if reported.local:
        control.changed = control.changed or panel.hand is not Hand.LOCAL
        panel.take(Hand.LOCAL)
        control.block_or_free()  # what was only remembered holds a stop back from now on
    elif panel.hand is Hand.LOCAL:
        panel.give_back()
        control.lock_out.reset()
        control.changed = True
        control.block_or_free()
        control.awake(now)


def _explained(control: Control, before: Reported | None, reported: Reported, now: Moment) -> bool:
    """Whether the agent, the node's return or the end of a lease is why the equipment does what it reports."""
    came_back = control.causes.came_back()
    on = reported_on(reported.state)
    if before is None or came_back or on is None or on is reported_on(before.state):
        return True
    if control.newest.explains(control.desired, on=on) or control.causes.explain(on=on, seconds=now.seconds):
        return True
    return control.lease.ended(now.seconds) and on is turns_on(control.actuator.fail_safe, None)


def _compare(control: Control, now: Moment, *, explained: bool) -> None:
    """Hold a changed report against the request."""
    does = control.does
    if does:
        confirm(control)
    elif does is False and not explained and not control.panel.taken:
        _unexpected(control, now)
    elif does is False and control.state is Desired.FULFILLED and not control.travel.under_way(now.seconds):
        control.contradict(now)
    elif control.state is Desired.MISSED:
        control.awake(now)


def confirm(control: Control) -> None:
    """Note that the equipment does what is requested."""
    control.pace.quicken()
    control.contradiction.prove()
    if control.state in {Desired.CONTRADICTED, Desired.MISSED} and control.record is None:
        control.step(Desired.FULFILLED)
    if control.panel.hand is Hand.UNEXPECTED and not control.safe:  # a person has put it back to what is requested
        control.panel.put_back()
        control.changed = True
        control.block_or_free()
    if control.state is Desired.FULFILLED:
        control.carry_out()


def _unexpected(control: Control, now: Moment) -> None:
    """Answer a change that no command explains: towards the fail-safe the hand wins, away from it is told once."""
    actuator = control.actuator
    if control.safe or actuator.hand == "insist":
        if control.state not in UNDER_WAY:
            control.contradiction.by_hand()
            control.contradict(now)
    elif control.panel.retry():
        control.contradict(now)
        control.pace.wait(now.seconds + max(actuator.min_off_seconds, actuator.ack_timeout_seconds))
    else:
        control.panel.take(Hand.UNEXPECTED)
        control.changed = True
        control.block_or_free()
