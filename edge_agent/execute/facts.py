"""What execution is told in one turn, and what it decides, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from edge_agent.model.alarms import AlarmKey
    from edge_agent.model.commands import ActuatorMemory, Command, CommandEvent, Decision, Request
    from edge_agent.model.inbox import BreakerReport, DispatchReport, EpochReport, LinkReport, Operation
    from edge_agent.model.plant import Priority


class Acknowledged(Protocol):
    """A node's word on a command, and the actuator (`node/actuator`) on whose topic it came."""

    @property
    def command_id(self) -> str: ...  # noqa: D102

    @property
    def status(self) -> str: ...  # noqa: D102

    @property
    def detail(self) -> str: ...  # noqa: D102

    @property
    def actuator(self) -> str: ...  # noqa: D102


class ReportedState(Protocol):
    """What an actuator (`node/actuator`) says it does."""

    @property
    def actuator(self) -> str: ...  # noqa: D102

    @property
    def state(self) -> str: ...  # noqa: D102

    @property
    def value(self) -> float | None: ...  # noqa: D102

    @property
    def local(self) -> bool: ...  # noqa: D102


class Sighted(NamedTuple):
    """What planning must know of first: which nodes are there, and what people ask for."""

    statuses: Sequence[tuple[str, bool]] = ()
    operations: Sequence[Operation] = ()


class Leave(NamedTuple):
    """What planning lets execution do.

    `unsure` says whether what stands for an actuator waits for evidence. `bar` says why interlocks keep a command from
    being given, told whether it begins something, and how equipment will be: None where no interlock is about it, empty
    where it may pass. `partners` are the actuators whose commands may pass, or not, when one becomes another;
    `stirred` those for which that may have changed.
    """

    unsure: Callable[[str], bool] = lambda _: False
    bar: Callable[[str, bool, Mapping[str, bool]], str | None] = lambda *_: None
    partners: Callable[[str], Iterable[str]] = lambda _: ()
    stirred: Iterable[str] = ()


class Facts(NamedTuple):
    """All else that one turn is told.

    `failures` are actuators that ran without the effect that is expected of them, and what was missing; `proven` those
    that have shown it.
    """

    requests: Sequence[Request] = ()
    acknowledgements: Sequence[Acknowledged] = ()
    states: Sequence[ReportedState] = ()
    dispatches: Sequence[DispatchReport] = ()
    breakers: Sequence[BreakerReport] = ()
    links: Sequence[LinkReport] = ()
    epochs: Sequence[EpochReport] = ()
    ahead: Mapping[str, int] = MappingProxyType({})  # by how many microseconds the clocks of nodes are ahead
    leave: Leave = Leave()
    failures: Sequence[tuple[str, str]] = ()
    proven: Sequence[str] = ()


@dataclass(slots=True)
class Executed:
    """What execution decided in one turn.

    `memories`: what must survive a restart and has changed. `epoch`: one that was begun; `refused_epoch`: one that a
    node has named in refusing this agent's. `foreign`: the places of acknowledgements that speak of another
    actuator's command. `conditions`: what is wrong with actuators; None where it is the same as before. `looked`:
    the actuators that were looked at, as something happened to them or their time had come.
    """

    commands: list[Command] = field(default_factory=list)
    events: list[CommandEvent] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    memories: list[ActuatorMemory] = field(default_factory=list)
    epoch: int | None = None
    refused_epoch: int | None = None
    foreign: list[int] = field(default_factory=list)
    conditions: dict[AlarmKey, tuple[Priority, str]] | None = None
    looked: list[str] = field(default_factory=list)

    def after(self, earlier: Executed) -> Executed:
        """Return this with what was decided earlier in the same turn."""
        self.events[:0], self.decisions[:0] = earlier.events, earlier.decisions
        self.memories += earlier.memories
        return self
