"""What the first phase hands on: readings, words of nodes, and what did not become either."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edge_agent.model.inbox import Kind, Message
    from edge_agent.model.plant import Sensor
    from edge_agent.model.readings import DeadLetter, Delivery, Reading
    from edge_agent.model.remembered import ClockMemory, SequenceMemory


class StateReport(NamedTuple):
    """What an actuator (`node/actuator`) says it does."""

    actuator: str
    state: str
    value: float | None
    local: bool = False


class AckReport(NamedTuple):
    """What a node says became of a command, and the actuator (`node/actuator`) on whose topic it says so."""

    command_id: str
    status: str
    detail: str
    actuator: str
    message: Message


class StatusReport(NamedTuple):
    """A node said that it is online, or its last will that it is not."""

    node: str
    online: bool


class Spoken(NamedTuple):
    """Nodes that speak languages of their own were heard."""

    nodes: tuple[str, ...]
    kind: Kind
    retained: bool


@dataclass(slots=True)
class Observed:
    """What the monitor made of the messages of one turn. `judged` holds the settled readings, in order.

    `spoken` says which nodes were heard that speak languages of their own: their topics do not tell.
    """

    readings: list[Reading] = field(default_factory=list)
    settled: list[Reading] = field(default_factory=list)
    judged: list[tuple[Reading, str]] = field(default_factory=list)  # with the topic they came on
    dead_letters: list[DeadLetter] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    acknowledgements: list[AckReport] = field(default_factory=list)
    states: list[StateReport] = field(default_factory=list)
    statuses: list[StatusReport] = field(default_factory=list)
    silent: list[Sensor] = field(default_factory=list)  # went stale with this turn
    counts: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    gaps: int = 0
    sequences: list[SequenceMemory] = field(default_factory=list)
    clocks: list[ClockMemory] = field(default_factory=list)
    unsettled: set[int] = field(default_factory=set)
    spoken: list[Spoken] = field(default_factory=list)
    ahead: dict[str, int] = field(default_factory=dict)  # see nodeclock; empty where the agent's own clock is sure
