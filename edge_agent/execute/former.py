"""What a former run of the agent has left: requests, open commands, and what nobody knows any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute import departure, recall
from edge_agent.execute.opencommands import event
from edge_agent.model.commands import CommandState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.execute.authority import Authority
    from edge_agent.execute.control import Control
    from edge_agent.execute.facts import Executed
    from edge_agent.execute.opencommands import OpenCommands
    from edge_agent.execute.roster import Roster
    from edge_agent.model.commands import ActuatorMemory, CommandRecord
    from edge_agent.model.remembered import Remembered
    from edge_agent.model.time import Moment


class Lost(NamedTuple):
    """Of actuators that nobody knows any more: their open commands, and which of them may run."""

    records: tuple[CommandRecord, ...]
    may_run: frozenset[str]


def recalled(
    remembered: Remembered, roster: Roster, open_commands: OpenCommands, authority: Authority, now: Moment
) -> Lost:
    """Recall what a former run knew, also of actuators that are in the plant no more; return what cannot be.

    Whether an open command was carried out, its acknowledgement, a report or its expiry will tell.
    """
    known, unknown = _known(remembered.actuators, roster, now)
    lost = []
    for record in remembered.commands:
        control = known.get(record.command.target)
        if control is None or not (authority.commands or control.actuator.name in roster.plant):
            lost.append(record)
            continue
        recall.resume(control, record)
        open_commands.resume(control, record, now)
    if not authority.commands:
        return Lost(tuple(lost), frozenset())
    for name, control in known.items():
        if name not in roster.plant and not control.at_rest:
            roster.leave(control, now)
    return Lost(tuple(lost), frozenset({*unknown, *(record.command.target for record in lost)}))


def _known(memories: Iterable[ActuatorMemory], roster: Roster, now: Moment) -> tuple[dict[str, Control], set[str]]:
    """Return the controls of the plant and of what a former run knew, and what may run and cannot be controlled."""
    known, unknown = dict(roster.plant), set()
    for memory in memories:
        control = known.get(memory.actuator)
        if control is not None:
            recall.remember(control, memory, now)
            continue
        control = departure.remembered(memory, now)
        if control is not None:
            known[memory.actuator] = control
        elif memory.running or memory.missed:
            unknown.add(memory.actuator)
    return known, unknown


def tell(lost: Lost, executed: Executed, now: Moment) -> None:
    """Close the commands that nobody can follow any more, and record what may run and cannot be stopped."""
    for record in lost.records:
        record.state = CommandState.EXPIRED
        executed.events.append(event(record, departure.absent(record.command.target), now))
    for name in sorted(lost.may_run):
        executed.decisions.append(departure.unknown(name, now))
        executed.memories.append(departure.forgotten(name))
