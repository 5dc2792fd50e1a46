"""What a store must be told when it was begun anew while the agent runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute import recall
from edge_agent.model.commands import CommandEvent
from edge_agent.model.turn import Turn

if TYPE_CHECKING:
    from edge_agent.known import Knowledge
    from edge_agent.model.time import Moment


def carried_over(knowledge: Knowledge, now: Moment) -> Turn:
    """Return all that the next start must know, as a turn."""
    turn = Turn(now, alarms=list(knowledge.analyzer.register.alarms))
    turn.plans = knowledge.planner.memories(now)
    turn.groups = knowledge.planner.compounds.all_memories()
    turn.delays = knowledge.analyzer.delays()
    turn.clocks = knowledge.monitor.time.memories(now)
    turn.interlocks = knowledge.planner.interlocks.memories(now)
    turn.sequences = knowledge.monitor.numbering.memories()
    for control in knowledge.executor.roster:
        turn.actuators.append(recall.memory(control, now))
        record = control.record
        if record is not None and record.open:
            turn.commands.append(record.command)
            detail = "carried over into a fresh store"
            turn.command_events.append(CommandEvent(record.command.id, record.state, now.at, record.attempts, detail))
    return turn
