"""What the store remembers for the next start, and what others may see of the present."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edge_agent.model.alarms import Alarm
    from edge_agent.model.commands import ActuatorMemory, CommandRecord, Mode
    from edge_agent.model.readings import Delivery
    from edge_agent.model.time import Instant, Moment

#: A wall clock that differs by more from what the monotonic count lets expect was set.
_STEP_SECONDS = 2.0


class StoredReading(NamedTuple):
    """A reading as a store gives it back; `tests` packed as in `Reading`."""

    node: str
    sensor: str
    value: float
    observed_at: Instant
    received_at: Instant
    seq: int | None
    flag: int
    tests: int


@dataclass(slots=True)
class PlanMemory:
    """What must survive a restart about one plan: whether it applies now, when it last began to, a trip that latched.

    `boot`, `offset` and `sure` place the instant in time (see Moment.recall).
    """

    plan: str
    applies: bool
    fired_at: Instant | None
    latched: bool = False
    boot: str = ""
    offset: float = 0.0
    sure: bool = True


@dataclass(slots=True)
class GroupMemory:
    """What must survive a restart about a group: which member led last, and which have failed, and why."""

    group: str
    leading: str = ""
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class InterlockMemory:
    """What must survive a restart about a trip of an interlock: since when it has latched (None: it has not), and why.

    `resets`: when it has reset itself, within a day. `waits`: only a person ends it. `boot`, `offset` and `sure` place
    the instants (see Moment.recall).
    """

    interlock: str
    tripped_at: Instant | None
    reason: str = ""
    resets: list[Instant] = field(default_factory=list)
    waits: bool = False
    boot: str = ""
    offset: float = 0.0
    sure: bool = True


@dataclass(slots=True)
class DelayMemory:
    """Since when the delay of an alarm (`node/sensor:threshold`) runs; None: it does not.

    `crossing` is the value that had been passed; `boot`, `offset` and `sure` place the instant (see Moment.recall).
    """

    alarm: str
    since_at: Instant | None
    crossing: float = 0.0
    boot: str = ""
    offset: float = 0.0
    sure: bool = True


@dataclass(slots=True)
class ClockMemory:
    """The clock of a node that was believed while the agent's was not sure: its time less the monotonic count.

    It holds within one boot; without its name it tells nothing.
    """

    node: str
    offset: Instant
    boot: str


class SequenceMemory(NamedTuple):
    """Where the numbers of one topic stand, as (observed_at, seq); `sensor` is empty for the topic of many.

    `seen`: the last message that is settled, None where none is, and those after it. Empty: the newest reading tells.
    """

    node: str
    sensor: str
    seen: tuple[tuple[Instant, int] | None, ...]


@dataclass(slots=True)
class Remembered:
    """Everything a starting agent remembers. `epoch` is already its own: one higher than any before.

    `readings`: the last three of each sensor, oldest first, but none from over a minute after its receipt.
    `commands`: the open ones, oldest first. `alarms`: those active, unacknowledged or shelved. `deliveries`: oldest
    first.
    """

    epoch: int = 1
    commands: list[CommandRecord] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    actuators: list[ActuatorMemory] = field(default_factory=list)
    plans: list[PlanMemory] = field(default_factory=list)
    readings: list[StoredReading] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    sequences: list[SequenceMemory] = field(default_factory=list)
    delays: list[DelayMemory] = field(default_factory=list)
    clocks: list[ClockMemory] = field(default_factory=list)
    interlocks: list[InterlockMemory] = field(default_factory=list)
    groups: list[GroupMemory] = field(default_factory=list)

    def same_clock(self, now: Moment) -> bool:
        """Whether wall times of the former run tell how long ago something was: the clock is sure, or nobody set it."""
        return now.sure or any(
            bool(memory.boot) and memory.boot == now.boot and abs(memory.offset - now.offset) < _STEP_SECONDS
            for memory in self.actuators  # they are dated anew where it is set
        )


class SensorView(NamedTuple):
    """One sensor now.

    `value`, `observed_at` are None before its first reading; `age_seconds` counts from the newest reading's
    observation, or its receipt where its clock is ahead; `flag` is `missing` (9) when there is none or it is stale.
    `judged_flag` and `judged_value` are of the newest reading that every test has judged: with a spike test the one
    before the newest.
    """

    node: str
    sensor: str
    quantity: str
    unit: str
    value: float | None
    flag: int
    observed_at: Instant | None
    age_seconds: float | None
    judged_flag: int = 9
    judged_value: float | None = None
    name: str | None = None


class ActuatorView(NamedTuple):
    """One actuator now: what it reports, what is requested and by which plan, the state of its open command.

    `request`: where the request stands (see model.desired). `available`: nothing but a protection keeps it from being
    commanded: no hand, lock-out, trip, offline node or open breaker. `starts` and `run_seconds` are of this run of the
    agent, as the equipment reports them.
    """

    node: str
    actuator: str
    kind: str
    state: str | None
    value: float | None
    desired: str | None
    desired_value: float | None
    plan: str | None
    command: str | None
    request: str = "unasked"
    available: bool = True
    starts: int = 0
    run_seconds: float = 0.0
    name: str | None = None


class NodeView(NamedTuple):
    """One node now; `name` is its name for people. `online` is None until it has said so itself."""

    node: str
    online: bool | None
    breaker: str
    name: str | None = None


class PlanView(NamedTuple):
    """One plan now. `applies`: its alarms say so and it has evidence, or it asks for a fail-safe action."""

    plan: str
    applies: bool


class InterlockView(NamedTuple):
    """One interlock now. `kind`: `trip`, `permit` or `exclusive`. `state`: `quiet` where it lets everything pass.

    Else a trip is `tripped` since a time, or `blocks` what would begin, or `stops` what runs without having latched; a
    permit `blocks`, and of what is exclusive two are true where it `stops`. `actuators` are those it guards.
    """

    interlock: str
    kind: str
    state: str
    reason: str
    since: Instant | None
    actuators: tuple[str, ...]
    refused: str = ""  # why a person's reset was refused, since the trip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frozen look at the agent's knowledge, for the metrics, the status command and the demo's view.

    `clock_sure`, `boot`: of the moment it was taken.
    """

    site: str
    agent: str
    mode: Mode
    epoch: int
    at: Instant
    sensors: tuple[SensorView, ...]
    actuators: tuple[ActuatorView, ...]
    nodes: tuple[NodeView, ...]
    alarms: tuple[Alarm, ...]
    clock_sure: bool = True
    boot: str = ""
    plans: tuple[PlanView, ...] = ()
    interlocks: tuple[InterlockView, ...] = ()
