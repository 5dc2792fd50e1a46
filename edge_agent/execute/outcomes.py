"""The life of a command, and what its outcome means for the equipment and the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute.control import BLOCKED, REPORT_SECONDS, UNDER_WAY
from edge_agent.execute.equipment import turns_on
from edge_agent.execute.reports import confirm
from edge_agent.model.commands import TRANSITIONS, CommandState
from edge_agent.model.desired import Desired

if TYPE_CHECKING:
    from edge_agent.execute.control import Control
    from edge_agent.execute.need import Need
    from edge_agent.model.commands import CommandRecord
    from edge_agent.model.time import Moment

_MISSES = frozenset({CommandState.REJECTED, CommandState.FAILED, CommandState.EXPIRED})


def give(control: Control, record: CommandRecord, need: Need, now: Moment) -> None:
    """Note that a command is given."""
    command = record.command
    if need == "restore":  # it was done before, and did not last
        control.contradiction.restored += 1
        control.slow_down()
    if need != "renew":
        control.contradiction.command()
    control.travel.give(command.action, command.value, control.reported, now.seconds)
    on = turns_on(command.action, command.value)
    control.equipment.command(on=on, seconds=now.seconds)
    control.traces.give(command.id, now.seconds + control.actuator.command_ttl_seconds, on=on)
    control.newest.give(record, control.reported)
    control.held_back.clear()
    control.lease.ask(now.seconds)
    control.changed = True
    control.step(Desired.SENT)


class Word(NamedTuple):
    """What becomes of a command, and why.

    `by_node`: it is the node's own word, not the agent's despair of it; only that counts towards a lock-out.
    """

    state: CommandState
    detail: str = ""
    by_node: bool = False


def advance(control: Control, record: CommandRecord, word: Word, now: Moment) -> bool:
    """Move a command on in its life. Return False where that is no legal step: then nothing has changed."""
    if word.state not in TRANSITIONS.get(record.state, ()):
        return False
    record.state = word.state
    if not record.open:
        record.closed_at = now.at
        if record is control.record:
            _close(control, record, word, now)
    elif word.state is CommandState.ACCEPTED and record is control.record and control.state is Desired.SENT:
        control.step(Desired.ACCEPTED)
    return True


def _close(control: Control, record: CommandRecord, word: Word, now: Moment) -> None:
    """Draw the consequences of an outcome: for the equipment always, for the request where it was its own."""
    asked_so = control.newest.asks_for(control.desired)
    done = record.state is CommandState.DONE
    control.newest.close(done=done)
    _tell_equipment(control, record, now)
    if not asked_so or control.state in BLOCKED:  # another is requested since: it waits for nothing
        return
    if done:
        _carried_out(control, now)
    elif record.state in _MISSES:
        _miss(control, record, word, now)
        if word.state is CommandState.FAILED and word.by_node and not control.safe:
            control.fail(control.lock_out.why)
    elif control.state in UNDER_WAY:  # superseded: the one that follows says what becomes of it
        control.step(Desired.HELD)


def _tell_equipment(control: Control, record: CommandRecord, now: Moment) -> None:
    if record.state is CommandState.SUPERSEDED:
        on = turns_on(record.command.action, record.command.value)
        control.causes.overtake(now.seconds + max(REPORT_SECONDS, control.actuator.ack_timeout_seconds), on=on)
    if record.state is CommandState.REJECTED or _never_sent(record):
        control.equipment.take_back()
        control.traces.drop(record.command.id)
        control.changed = True
    else:
        if record.state is CommandState.DONE:
            control.traces.carried_out(record.command.id)
        control.equipment.settle(done=record.state is CommandState.DONE)


def _never_sent(record: CommandRecord) -> bool:
    return record.state in {CommandState.EXPIRED, CommandState.FAILED} and not record.attempts


def _carried_out(control: Control, now: Moment) -> None:
    control.step(Desired.FULFILLED)
    control.lease.grant()
    # A moment for the report of the new state to arrive, before it is missed: it may come when the ramp is over.
    arrived = max(now.seconds, control.travel.until_seconds)
    control.pace.wait(arrived + max(REPORT_SECONDS, control.pace.pause_seconds))
    if control.reported is None or control.confirmed:
        confirm(control)


def _miss(control: Control, record: CommandRecord, word: Word, now: Moment) -> None:
    if control.safe and control.reported is not None and control.confirmed:
        control.step(Desired.FULFILLED)  # whatever its node makes of the command, the equipment rests
        return
    control.step(Desired.MISSED)
    control.changed = True
    sent = not _never_sent(record)
    if sent or record.state is CommandState.REJECTED:
        what = "it" if control.desired is None else control.desired.action
        control.lock_out.why = f"{what} was not carried out: {word.detail or word.state.value}"
    pause = control.pace.pause_seconds if sent else control.actuator.ack_timeout_seconds
    control.pace.wait(now.seconds + control.lease.patience(pause, now.seconds))
    control.slow_down()
