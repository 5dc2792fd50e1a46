"""Thresholds and plans: where those in force come from, and how they come to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant, Policy


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


class PlantSource(Protocol):
    """Where the plant in force comes from: nodes, sensors and actuators, thresholds and plans."""

    async def version(self) -> object:
        """Read what changes whenever anything does: equal values mean it has not."""
        ...

    async def plant(self) -> Plant:
        """Read it. Its `nodes` are the same object while they do not change. Raises StoreError."""
        ...


class PolicyRepository(Protocol):
    """The thresholds and plans in force, and how they come to be."""

    async def policy(self) -> Policy:
        """Read the thresholds and plans of the site applied last, each sorted by name. Raises StoreError."""
        ...

    async def plant(self) -> Plant:
        """Read the plant that was applied last, with the policy in force. Raises StoreError where there is none."""
        ...

    async def version(self) -> object:
        """Read what changes whenever the policy does: equal values mean it has not. Cheap enough for once a second."""
        ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]:
        """Make the store say what the plant file says, as one transaction, and list what changed (or would).

        What was tuned in the store since goes back to the file. Other sites' entries stay, out of force.
        """
        ...

    async def applied(self) -> str | None:
        """Digest of the plant file's nodes and policy that was applied last; None where none was."""
        ...


class UtilityPolicy(PolicyRepository, Protocol):
    """The store that governs the gateways of a utility: it knows which of two policies is the newer."""

    async def version(self) -> Edition:
        """Read which edition is in force. Raises StoreError."""
        ...

    async def issue(self) -> Issue:
        """Read the policy with all that is needed to share it, as of one instant. Raises StoreError."""
        ...


class LastKnown(Protocol):
    """Where a gateway keeps what governed it last, for a start without the store that governs."""

    async def keep(self, plant: Plant, mark: str | None) -> None:
        """Apply a plant whose policy comes from elsewhere, with a mark of where; any other `apply` forgets the mark."""
        ...

    async def mark(self) -> str | None:
        """Read the mark kept with the policy; None where there is none."""
        ...

    async def note(self, key: str, value: str) -> None:
        """Keep a text under a name."""
        ...

    async def noted(self, key: str) -> str | None:
        """Read a text that was kept; None where there is none."""
        ...

    async def has_governed(self) -> bool:
        """Return whether an agent has ever taken control with this store."""
        ...


class Cache(Protocol):
    """One text, shared by gateways. Both raise StoreUnavailableError."""

    async def read(self) -> bytes | None:
        """Read it; None where there is none."""
        ...

    async def write(self, data: bytes) -> None:
        """Replace it."""
        ...
