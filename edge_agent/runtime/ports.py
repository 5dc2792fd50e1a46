"""What the runtime needs of the outside, by need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import Inbox, Receipt
    from edge_agent.model.plant import Plant
    from edge_agent.model.readings import DeadLetter
    from edge_agent.model.time import Moment
    from edge_agent.turn import Turn


Stage = Literal["monitor", "analyze", "plan", "execute", "store"]


class Inlet(Protocol):
    """Where messages come from: it can be held back, and told what was stored."""

    def pause(self) -> None:
        """Stop reading; the broker keeps what comes."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def acknowledge(self, receipts: Iterable[Receipt]) -> None:
        """Acknowledge stored messages to the broker; receipts of an older connection are void."""
        ...


class Outlet(Protocol):
    """Where the agent speaks. Each call returns when the broker has confirmed, or raises BrokerUnavailableError."""

    async def command(self, command: Command, remaining_seconds: float) -> None:
        """Publish a command, never retained, that the broker forgets after the remaining seconds."""
        ...

    async def alarm(self, alarm: Alarm) -> None:
        """Publish the state of an alarm, retained."""
        ...

    async def dead_letter(self, letter: DeadLetter) -> None:
        """Publish a dead letter."""
        ...

    async def status(self, state: str) -> None:
        """Publish the agent's own status, retained."""
        ...


class Written(Protocol):
    """What a write found."""

    @property
    def duplicates(self) -> int:
        """Readings that were stored before."""
        ...

    @property
    def renewed(self) -> str | None:
        """What became of the old store, where it had to be begun anew and has forgotten what it was told before."""
        ...


class Journal(Protocol):
    """Where turns are stored, durably and all or nothing."""

    async def write(self, turns: Sequence[Turn]) -> Written:
        """Store turns, oldest first. Raises StoreError."""
        ...


class Spooled(Protocol):
    """The oldest of what a spool holds."""

    @property
    def ids(self) -> Sequence[int]:
        """The parcels it is made of."""
        ...

    @property
    def rows(self) -> int:
        """How many rows it has."""
        ...

    @property
    def batch(self) -> Any:  # noqa: ANN401 - handed on as it is
        """What a sink takes."""
        ...


class Spool(Protocol):
    """What was recorded and has not arrived at the sink, in the order of the commits."""

    async def filled(self) -> None:
        """Wait until something is there."""
        ...

    async def oldest(self, most_rows: int) -> Spooled | None:
        """Look at the oldest, about so many rows of it; None where nothing is left. Raises StoreError."""
        ...

    async def drop(self, ids: Sequence[int], refused: Sequence[Any] = ()) -> None:
        """Forget what has arrived, and keep the rows of it that were refused. Raises StoreError."""
        ...

    async def refuse(self, ids: Sequence[int], reason: str) -> None:
        """Set aside what never will. Raises StoreError."""
        ...


class Absorbed(Protocol):
    """What a sink has made of a batch."""

    @property
    def refused(self) -> Sequence[Any]:
        """The rows that it will never take; all others it has."""
        ...


class Sink(Protocol):
    """Where the spool is drained to."""

    async def absorb(self, batch: Any) -> Absorbed | None:  # noqa: ANN401 - handed on as it is
        """Take a batch durably, but for single rows that are refused (None: all of it); again it changes nothing.

        Raises StoreUnavailableError where it may succeed later, another StoreError where none of it ever will.
        """
        ...


class PlantSource(Protocol):
    """Where the plant in force comes from: nodes, sensors and actuators, thresholds and plans."""

    async def version(self) -> object:
        """Tell whether anything may have changed: equal values mean it has not."""
        ...

    async def plant(self) -> Plant:
        """Read it. Its `nodes` are the same object while they do not change. Raises StoreError."""
        ...


class Observer(Protocol):
    """Who looks on: metrics and logs."""

    def turn(self, turn: Turn) -> None:
        """See a turn, once."""
        ...

    def stage(self, name: Stage, seconds: float) -> None:
        """See how long a stage took."""
        ...

    def reaction(self, seconds: float) -> None:
        """See how long it took from the receipt of the deciding message to the publication of the command."""
        ...

    def written(self, duplicates: int) -> None:
        """See what a write found."""
        ...

    def missed(self, messages: int) -> None:
        """See how many messages never came before those that were just stored."""
        ...


class Recorder(Protocol):
    """Who keeps what came in, to replay it."""

    def prepare(self, now: Moment) -> Iterable[None]:
        """Note what is known before the next turn, in pieces."""
        ...

    def record(self, inbox: Inbox, now: Moment) -> None:
        """Keep the input of one turn."""
        ...
