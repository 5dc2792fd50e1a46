"""A source of thresholds and plans that gives out only what fits the plant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from edge_agent.errors import PolicyRefusedError
from edge_agent.model.fitness import misfits

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant, Policy

#: Mistakes that are named; the others are counted.
MOST_NAMED = 5


class _Source(Protocol):
    """What is needed of the source behind it."""

    async def policy(self) -> Policy: ...

    async def version(self) -> object: ...

    async def applied(self) -> str | None: ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object: ...


async def fitting(policy: Policy, plant: Plant) -> Policy:
    """Return a policy that fits a plant. Raises PolicyRefusedError naming what does not."""
    # In a thread: a large plant has tens of thousands of limits, and the loop turns meanwhile.
    found = await asyncio.to_thread(misfits, plant, policy)
    if found:
        more = f"; {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise PolicyRefusedError("; ".join(map(str, found[:MOST_NAMED])) + more)
    return policy


class FittingPolicy:
    """Thresholds and plans of `source`, refused as a whole where they do not fit `plant`."""

    def __init__(self, source: _Source, plant: Plant) -> None:
        self._source, self._plant = source, plant

    async def policy(self) -> Policy:
        """Read the policy. Raises PolicyRefusedError, and StoreError as the source does."""
        return await fitting(await self._source.policy(), self._plant)

    async def version(self) -> object:
        """See PolicyRepository."""
        return await self._source.version()

    async def applied(self) -> str | None:
        """See PolicyRepository."""
        return await self._source.applied()

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object:
        """See PolicyRepository."""
        return await self._source.apply(plant, dry_run=dry_run)
