"""What the agent needs of a store, by need. Each port has an in-memory implementation and one contract suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from edge_agent.knowledge.store.readback import Misfit
    from edge_agent.knowledge.store.rows import Batch
    from edge_agent.model.plant import Plant, Policy
    from edge_agent.model.remembered import Remembered
    from edge_agent.model.time import Instant
    from edge_agent.turn import Turn


class Written(NamedTuple):
    """What a write found: readings that were there already (the broker delivered them before).

    `renewed`: what became of the old store, where it had to be begun anew since the last write. The fresh one knows
    nothing of what it was told before.
    """

    duplicates: int
    renewed: str | None = None


class Absorbed(NamedTuple):
    """What became of a spooled batch: readings that were there already, and the rows that were refused for good."""

    duplicates: int
    refused: tuple[Misfit, ...] = ()


class Spooled(NamedTuple):
    """The oldest of what a spool holds: the parcels it is made of, its number of rows, and their batch."""

    ids: tuple[int, ...]
    rows: int
    batch: Batch


class Journal(Protocol):
    """Where the loop writes. A write is one durable transaction: all of it is there after a crash, or none."""

    async def begin(self, agent: str, above: int = 0) -> Remembered:
        """Take control of the site, and tell everything remembered. Raises StoreError.

        The epoch is raised durably, beyond its own last one and beyond `above`, the highest that others have begun.
        """
        ...

    async def write(self, turns: Sequence[Turn]) -> Written:
        """Write turns, oldest first. Idempotent by the keys of what they hold. Raises StoreError.

        The turns are copied before the first suspension: what happens to their objects later is not in the write.
        A cancelled write is done entirely or not at all.
        """
        ...


class Spool(Protocol):
    """What was recorded and is not yet with the utility's own store, in the order of the commits. Bounded."""

    @property
    def spooled_rows(self) -> int:
        """How many rows wait."""
        ...

    async def filled(self) -> None:
        """Wait until something is there."""
        ...

    async def oldest(self, most_rows: int) -> Spooled | None:
        """Look at the oldest, about so many rows of it; None where nothing is left. Raises StoreError."""
        ...

    async def drop(self, ids: Sequence[int], refused: Sequence[Misfit] = ()) -> None:
        """Forget what has arrived, and keep the rows of it that were refused. Raises StoreError."""
        ...

    async def refuse(self, ids: Sequence[int], reason: str) -> None:
        """Set aside what never will. Raises StoreError."""
        ...


class Change(NamedTuple):
    """One difference that applying a plant file makes. `action`: `add`, `change` or `remove`."""

    action: str
    what: str
    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.action} {self.what} {self.name}" + (f": {self.detail}" if self.detail else "")


class Edition(NamedTuple):
    """Which policy of a site it is.

    `revision` counts the transactions that changed it; of two editions of one database the higher is the newer.
    `fingerprint` differs where anything about the rows does, however they came to be.
    """

    revision: int
    fingerprint: str


class Issue(NamedTuple):
    """A policy as the utility's store gives it out, all of one instant.

    `applied`: digest of the plant file applied last; `key`: what gateways seal it with.
    """

    edition: Edition
    policy: Policy
    applied: str | None
    key: bytes


class PolicyRepository(Protocol):
    """The thresholds and plans in force, and how they come to be."""

    async def policy(self) -> Policy:
        """Read the thresholds and plans of the site applied last, each sorted by name. Raises StoreError."""
        ...

    async def plant(self) -> Plant:
        """Read the plant that was applied last, with the policy in force. Raises StoreError where there is none."""
        ...

    async def version(self) -> object:
        """Tell whether the policy may have changed: equal values mean it has not. Cheap enough for once a second."""
        ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]:
        """Make the store say what the plant file says, as one transaction, and list what changed (or would).

        What was tuned in the store since goes back to the file. Other sites' entries stay, out of force.
        """
        ...

    async def applied(self) -> str | None:
        """Digest of the plant file's nodes and policy that was applied last; None where none was."""
        ...


class Archive(Protocol):
    """What the store holds, flat, oldest first, as the interface's `export` names it. Times are RFC 3339 in UTC.

    `since` is compared with observed_at, at, issued_at and received_at, and includes its own instant. A dead letter
    is of the node that its topic names.
    """

    def readings(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Yield node, sensor, value, unit, flag, tests, observed_at, received_at, seq."""
        ...

    def alarms(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Yield node, sensor, threshold, event, at, value, by, reason."""
        ...

    def commands(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Yield the members of the command, and outcome, attempts, closed_at."""
        ...

    def dead_letters(self, since: Instant | None = None, node: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Yield reason, topic, payload, received_at. Payload as text, or as base64 where it is not UTF-8."""
        ...

    async def explain(self, command_id: str) -> dict[str, Any] | None:
        """Tell the chain of one command; None for an unknown id. Raises StoreError.

        `alarms` (each with its `evidence`), `decision` (with its `checks`; None where none was kept), `command` (as in
        `commands`), `events` in order.
        """
        ...
