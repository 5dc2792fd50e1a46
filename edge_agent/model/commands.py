"""Commands: what is requested, what is desired, what the equipment reports, and the life of one command."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.time import Instant

Mode = Literal["auto", "advisory", "manual"]
MODES: tuple[Mode, ...] = ("auto", "advisory", "manual")

#: Epochs grow by one at a time; what lies beyond what every JSON reader can hold is not one.
HIGHEST_EPOCH = 2**53 - 2
#: An epoch so far above the agent's own is not believed, whoever tells of it: each start begins but one.
MOST_EPOCH_JUMP = 1_000_000


class CommandState(StrEnum):
    """Where a command is in its life. The first three are open, the others are outcomes."""

    DECIDED = "decided"  # owned by the agent: on durable storage, perhaps not yet published
    PUBLISHED = "published"  # owned by the dispatcher: at least one attempt reached the broker
    ACCEPTED = "accepted"  # owned by the node: on its way
    DONE = "done"
    REJECTED = "rejected"  # the node will not
    FAILED = "failed"  # the node could not, or never acknowledged
    EXPIRED = "expired"  # its time passed before anything was known of it
    SUPERSEDED = "superseded"  # another request came while it was open
    ADVISED = "advised"  # advisory mode: decided and recorded, never published


OPEN_STATES = frozenset({CommandState.DECIDED, CommandState.PUBLISHED, CommandState.ACCEPTED})
_CLOSED = frozenset(CommandState) - OPEN_STATES

#: The legal transitions. Whatever else arrives (a second `done`, an ack after the expiry) changes nothing.
TRANSITIONS: Mapping[CommandState, frozenset[CommandState]] = MappingProxyType(
    {
        CommandState.DECIDED: _CLOSED | {CommandState.PUBLISHED, CommandState.ACCEPTED},
        CommandState.PUBLISHED: _CLOSED - {CommandState.ADVISED} | {CommandState.ACCEPTED},
        CommandState.ACCEPTED: _CLOSED - {CommandState.ADVISED},
    }
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it goes out, the same in every retry. `id` is a UUIDv7, `reason` a sentence for people."""

    id: str
    site: str
    node: str
    actuator: str
    action: str
    value: float | None
    issued_at: Instant
    expires_at: Instant
    lease_seconds: float
    epoch: int
    counter: int
    plan: str | None
    reason: str

    @property
    def target(self) -> str:
        """`node/actuator`."""
        return f"{self.node}/{self.actuator}"


@dataclass(slots=True)
class CommandRecord:
    """A command and how it fares. `closed_at` is set with the outcome."""

    command: Command
    state: CommandState = CommandState.DECIDED
    attempts: int = 0
    closed_at: Instant | None = None

    @property
    def open(self) -> bool:
        """Whether its outcome is still unknown."""
        return self.state in OPEN_STATES


class CommandEvent(NamedTuple):
    """One step in the life of a command. `attempts` is how often it has been published so far."""

    command_id: str
    state: CommandState
    at: Instant
    attempts: int
    detail: str


class Request(NamedTuple):
    """What a plan (or a person, `plan` None) wants of an actuator, and why."""

    actuator: str
    action: str
    value: float | None
    plan: str | None
    priority: int
    reason: str
    alarms: tuple[Alarm, ...] = ()
    trip: bool = False  # it protects equipment: nothing but its own node delays it


@dataclass(frozen=True, slots=True)
class Reported:
    """What the equipment says it does: `running`, `stopped`, `open`, `closed` or the node's own word."""

    state: str
    value: float | None
    received_at: Instant
    local: bool = False  # in hand: it takes no commands


class Check(NamedTuple):
    """One thing that was looked at before a command: mode, arbitration, interlock, node, breaker."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of the plan and execute phases, with everything needed to explain it.

    `verdict`: `commanded`, `advised` (advisory mode), `held` (a check did not pass: it waits), `overruled`; of the trip
    of an interlock `reset`, by a person or by itself, or `refused`, where a person may not.
    """

    at: Instant
    actuator: str
    action: str
    value: float | None
    plan: str | None
    verdict: Literal["commanded", "advised", "held", "overruled", "reset", "refused"]
    reason: str
    alarms: tuple[Alarm, ...] = ()
    checks: tuple[Check, ...] = ()
    command_id: str | None = None


@dataclass(slots=True)
class ActuatorMemory:
    """What must survive a restart about one actuator. Plain values, so that every store can keep it as JSON.

    `desired` is the standing request as [action, value, plan, priority, reason], `starts` the instants of the starts in
    the last hour, `running` the best knowledge of the equipment (None: unknown). `missed`: the newest command for the
    request failed, and is to be repeated. `hand`: `local` or `unexpected` while a person at the panel has it.
    `failures` in a row count towards the lock-out. `boot`, `offset` and `sure` place the instants in time (see
    Moment.recall). `equipment` is what it takes to stop one that is in no plant file any more, as [kind, fail_safe,
    min_on_seconds, lease_seconds, ack_timeout_seconds, command_ttl_seconds]. `all_starts` and `run_seconds` are of all
    runs of the agent. `by_hand`: it runs, or is open, by no command.
    """

    actuator: str
    desired: list[Any] | None = None
    desired_at: Instant | None = None
    running: bool | None = None
    started_at: Instant | None = None
    stopped_at: Instant | None = None
    starts: list[Instant] = field(default_factory=list)
    missed: bool = False
    hand: str | None = None
    failures: int = 0
    boot: str = ""
    offset: float = 0.0
    sure: bool = True
    equipment: list[Any] | None = None
    all_starts: int = 0
    run_seconds: float = 0.0
    by_hand: bool = False
