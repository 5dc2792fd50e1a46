"""What the agent needs of its stores, by need. Each port has an in-memory implementation and one contract suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from edge_agent.model.inbox import Operation
    from edge_agent.model.remembered import Remembered
    from edge_agent.model.time import Instant
    from edge_agent.model.turn import Turn

    Record = dict[str, Any]


class Written(NamedTuple):
    """What a write found: readings that were there already (the broker delivered them before).

    `renewed`: what became of the old store, where it had to be begun anew since the last write. The fresh one knows
    nothing of what it was told before.
    """

    duplicates: int
    renewed: str | None = None


class Journal(Protocol):
    """Where the loop writes. A write is one durable transaction: all of it is there after a crash, or none."""

    async def begin(self, agent: str, above: int = 0) -> Remembered:
        """Raise the epoch of the site, and return everything remembered. Raises StoreError.

        The epoch is raised durably, beyond its own last one and beyond `above`, the highest that others have begun.
        """
        ...

    async def write(self, turns: Sequence[Turn]) -> Written:
        """Write turns, oldest first. Idempotent by the keys of what they hold. Raises StoreError.

        The turns are copied before the first suspension: what happens to their objects later is not in the write.
        A cancelled write is done entirely or not at all.
        """
        ...


class UnreadableRow(NamedTuple):
    """A row that makes no sense: its table, its key there, itself as JSON, and what is wrong with it."""

    source: str
    key: tuple[Any, ...]
    row: str
    reason: str


class Absorbed(NamedTuple):
    """What became of a spooled batch: readings that were there already, and the rows that were refused for good."""

    duplicates: int
    refused: tuple[UnreadableRow, ...] = ()


class Spooled(NamedTuple):
    """The oldest of what a spool holds: the parcels it is made of, its number of rows, and their batch."""

    ids: tuple[int, ...]
    rows: int
    batch: Any  # handed on as it is


class Spool(Protocol):
    """What was recorded and is not yet with the utility's own store, in the order of the commits. Bounded."""

    @property
    def spooled_rows(self) -> int:
        """Return how many rows wait."""
        ...

    async def filled(self) -> None:
        """Wait until something is there."""
        ...

    async def oldest(self, most_rows: int) -> Spooled | None:
        """Return the oldest, about so many rows of it; None where nothing is left. Raises StoreError."""
        ...

    async def drop(self, ids: Sequence[int], refused: Sequence[UnreadableRow] = ()) -> None:
        """Forget what has arrived, and keep the rows of it that were refused. Raises StoreError."""
        ...

    async def refuse(self, ids: Sequence[int], reason: str) -> None:
        """Set aside what never will. Raises StoreError."""
        ...


class Sink(Protocol):
    """Where the spool is drained to."""

    async def absorb(self, batch: Any) -> Absorbed | None:  # noqa: ANN401 - handed on as it is
        """Store a batch durably, but for single rows that are refused (None: all of it); again it changes nothing.

        Raises StoreUnavailableError where it may succeed later, another StoreError where none of it ever will.
        """
        ...


class OperationSource(Protocol):
    """Where operations are left."""

    async def operations(self) -> Sequence[Operation]:
        """Remove and return what was left, each once. Raises StoreError."""
        ...


class Archive(Protocol):
    """What the store holds, flat, oldest first, as the interface's `export` names it. Times are RFC 3339 in UTC.

    `readings`: node, sensor, value, unit, flag, tests, observed_at, received_at, seq. `alarms`: node, sensor,
    threshold, event, at, value, by, reason. `commands`: the members of the command, and outcome, attempts, closed_at.
    `dead_letters`: reason, topic, payload (as text, or as base64 where it is not UTF-8), received_at.
    """

    def records(self, what: str, since: Instant | None = None, node: str | None = None) -> AsyncIterator[Record]:
        """Yield records of one kind from an instant on, itself included: observed_at, at, issued_at or received_at.

        A dead letter is of the node that its topic names.
        """
        ...

    async def explain(self, command_id: str) -> Record | None:
        """Read the chain of one command; None for an unknown id. Raises StoreError.

        `alarms` (each with its `evidence`), `decision` (with its `checks`; None where none was kept), `command` (as in
        `commands`), `events` in order.
        """
        ...
