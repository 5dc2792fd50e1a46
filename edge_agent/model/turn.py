"""What one turn of the loop decided, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.model.alarms import Alarm, AlarmEvent
    from edge_agent.model.commands import ActuatorMemory, Command, CommandEvent, Decision
    from edge_agent.model.inbox import Receipt
    from edge_agent.model.readings import DeadLetter, Delivery, Reading
    from edge_agent.model.remembered import (
        ClockMemory,
        DelayMemory,
        GroupMemory,
        InterlockMemory,
        PlanMemory,
        SequenceMemory,
    )
    from edge_agent.model.time import Moment


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
    state of every alarm that changed; `actuators`, `plans`, `groups`, `interlocks`, `sequences`, `delays`, `clocks`
    what a restart must know and has changed; `epoch` the one begun, above another's. `refused_epoch`: a node has
    refused ours for that one.
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
    interlocks: list[InterlockMemory] = field(default_factory=list)
    groups: list[GroupMemory] = field(default_factory=list)

    @property
    def urgent(self) -> bool:
        """Whether it holds anything that must not wait for the next group commit."""
        events = self.commands or self.command_events or self.alarm_events
        return bool(events or self.decisions or self.actuators or self.interlocks or self.epoch)
